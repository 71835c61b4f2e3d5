"""The probing benchmark on a few files: ours are right by header and by decoding."""

from __future__ import annotations

from pathlib import Path

from benchmarks.probe import KINDS, measure


def test_rows_of_the_benchmark(tmp_path: Path) -> None:
    rows = {row["name"]: row for row in measure(tmp_path, 2 * len(KINDS))}
    assert {f"decode_{kind}_ms" for kind in KINDS} | {f"wrong_{kind}" for kind in KINDS} < set(rows)
    assert rows["header_wrong"]["ours"] == rows["decode_wrong"]["ours"] == 0
    assert rows["soundfile_wrong"]["peer"] == 10  # of 20: bare and glued MP3s, M4A, and what was written to pipes as 0
    assert all(row["ours"] > 0 for name, row in rows.items() if name.endswith("_ms"))
