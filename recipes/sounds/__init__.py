"""Corpora of sounds with labels or captions."""
