"""Measurements against other programs: `python -m benchmarks.NAME [--json]`. See `benchmarks.rows` for the format."""
