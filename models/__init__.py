"""Recommendation models in plain PyTorch: what they learn from, the models, and how they are judged.

Main path: `readers.read` -> `data.leave_one_out` -> a model's `fit` -> `evaluate.evaluate`.
Nothing here knows Ray, the services, or where the platform keeps things.
"""
