"""Recommendation models in plain PyTorch; none yet."""
