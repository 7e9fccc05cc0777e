"""`matinee train` and `matinee evaluate`: the platform's own numbers, or a file's, made into models and judged."""
