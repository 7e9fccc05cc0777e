"""RecTools' models on our split, in an environment of their own: `python -m bench.rectools`."""
