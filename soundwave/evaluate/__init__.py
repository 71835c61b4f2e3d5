"""Scores of trained runs on held-out clips: text rates, a run's evaluation, and the ceiling beside it."""
