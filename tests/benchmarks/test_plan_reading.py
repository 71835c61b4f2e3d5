"""The reading rows of benchmarks.plan, on a plan of a few hundred draws."""

from __future__ import annotations

from pathlib import Path

from benchmarks.plan import generate, plan
from benchmarks.plan_reading import reading


def test_reading_rows_stand_beside_lhotses(tmp_path: Path) -> None:
    generate(tmp_path / "catalog", 2_000)
    plan(tmp_path, 2_000, threads=1)
    rows = {row["name"]: row for row in reading(tmp_path / "plan", 240.0)}
    assert set(rows) == {"resume_seconds", "cuts_per_second", "cuts_per_second_8_ranks", "check_seconds"}
    assert all(row["ours"] > 0 for row in rows.values())
    for name in ("resume_seconds", "cuts_per_second"):
        assert rows[name]["ratio"] is not None
