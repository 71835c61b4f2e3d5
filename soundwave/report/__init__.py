"""The report: one self-contained page, and summary.json."""
