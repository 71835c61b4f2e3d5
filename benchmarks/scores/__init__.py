"""Rows of `python -m benchmarks.labels` about passes that score sound, about their speed, and fingerprints at scale."""
