"""benchmarks.catalog on a few thousand rows: its rows, and what it says on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.catalog import STEPS, measure
from curation.audit import AUDITS


def test_rows_of_the_benchmark(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = {row["name"]: row for row in measure(tmp_path, 4_000)}
    audits = {f"audit_{path.stem}" for path in AUDITS.glob("*.sql")}
    peers = {f"{name}{kind}" for name in ("build_against_read_json", "audit_against_scan") for kind in ("", "_cpu")}
    steps = {f"build_{name}_cpu" for name in STEPS}
    assert set(rows) == {"jsonl_to_parquet", "rows_per_cpu_second", "peak_mb"} | peers | audits | steps
    assert all(row["ours"] > 0 for row in rows.values())
    assert all(rows[name]["ratio"] is not None for name in ("jsonl_to_parquet", *peers))
    assert "4,000 rows in" in capfd.readouterr().err
