"""Profiles: who watches in an account, what they may see, their list and their ratings."""
