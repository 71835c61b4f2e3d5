"""What DuckDB says, as we say it on: without stacks, and with paths as users know them."""

from __future__ import annotations

READ_ONLY = "read-only"  # protocol of the files that a locked connection may read: read-only:///home/me/part.parquet


def short(error: Exception) -> str:
    """DuckDB's message without its stack; of an error that Python raised under DuckDB, its last line."""
    text = str(error).strip().replace(f"{READ_ONLY}://", "")
    if text.startswith("Traceback "):
        return text.splitlines()[-1]
    return text.partition("\n\nStack")[0]
