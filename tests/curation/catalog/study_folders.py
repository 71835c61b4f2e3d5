"""Folders of ablations written by hand: runs, plans and results whose numbers are known."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.schema import arrow_schema, columns

Rows = Sequence[Mapping[str, Any]]


def write_study_run(
    output: Path, name: str, ledger: Rows | None, *, plan: Path | None = None, parent: Path | None = None, **facts: Any
) -> Path:
    """OUTPUT/runs/NAME with run.json and, unless it is None, a ledger; plan: whose lock it has."""
    folder = output / "runs" / name
    folder.mkdir(parents=True)
    said = {"run": name, "stage": "alignment", "key": f"key-{name}", "plan": "p", "steps": 9, "seconds": 1.5}
    said |= {"parent": None if parent is None else str(parent), "settings": {"seed": 1}}
    if plan is not None:
        shutil.copy(plan / "lock.json", folder / "lock.json")
        said["plan"] = json.loads((plan / "lock.json").read_text())["plan_sha256"]
    (folder / "run.json").write_text(json.dumps(said | facts))
    if ledger is not None:
        filled = [{column: row.get(column) for column in columns("ledger")} | {"run": name} for row in ledger]
        pq.write_table(pa.Table.from_pylist(filled, schema=arrow_schema("ledger")), folder / "ledger.parquet")
    return folder


def write_study_results(output: Path, grid: str, rows: Rows, *, better: str = "lower", clips: Rows = ()) -> Path:
    """OUTPUT/GRID with results.parquet and grid.json."""
    folder = output / grid
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), folder / "results.parquet")
    figure = {"name": "llm_wer", "better": better}
    (folder / "grid.json").write_text(json.dumps({"question": "Does it?", "figure": figure}))
    if clips:
        pq.write_table(pa.Table.from_pylist([dict(row) for row in clips]), folder / "clips.parquet")
    return folder


def result(cell: str, run: str, value: float, **facts: Any) -> dict[str, Any]:
    """A row of results."""
    row = {"grid": "g", "cell": cell, "arm": cell, "seed": 7, "stage": "alignment", "position": 1, "last": True}
    row |= {"hours": 1.0, "run": f"runs/{run}", "plan": "k1"}
    return row | {"llm_wer": value, "llm_wer_low": value - 0.1, "llm_wer_high": value + 0.1} | facts
