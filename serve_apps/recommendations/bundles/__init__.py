"""The life of models: bundles are added as candidates, one is live, and the one before it can be gone back to."""
