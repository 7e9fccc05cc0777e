"""Playback sessions: who is watching what right now, how many at once an account may, and the place where everybody stopped."""
