"""Results as rows: one per cell and stage, written as Parquet (for SQL) and JSON lines (for everything else)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from manifests.files import atomic_path, read_jsonl, write_jsonl
from manifests.units import Hours

METRICS = ("ctc_wer", "llm_wer")

# Column -> SQL type. Errors are fractions (0.33 = 33 %), bands are 95 %, times are seconds over the chain so far.
COLUMNS = {
    "grid": "VARCHAR",
    "cell": "VARCHAR",  # arm, size and seed
    "arm": "VARCHAR",
    "fraction": "DOUBLE",
    "seed": "INTEGER",
    "stage": "VARCHAR",
    "position": "INTEGER",  # place of the stage in its arm, from 1
    "last": "BOOLEAN",  # is it the arm's last stage?
    "hours": "DOUBLE",  # unique audio that the chain has seen so far
    "steps": "INTEGER",  # of this stage
    "wall_seconds": "DOUBLE",
    "cpu_seconds": "DOUBLE",
    "clips": "INTEGER",  # evaluated
    "words": "INTEGER",  # in their references
    **{f"{metric}{part}": "DOUBLE" for metric in METRICS for part in ("", "_low", "_high")},
    "run": "VARCHAR",  # run folder, relative to the output folder
    "key": "VARCHAR",
}


def flat_metrics(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Metric columns of one evaluation: None where a decoding was not asked for or not possible."""
    flat: dict[str, Any] = {"clips": evaluation.get("clips"), "words": evaluation.get("words")}
    for metric in METRICS:
        flat[metric] = evaluation.get(metric)
        band = evaluation.get(f"{metric}_band") or (None, None)
        flat[f"{metric}_low"], flat[f"{metric}_high"] = band
    return flat


def write_results(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write `results.jsonl` and `results.parquet` into `folder`, columns as in `COLUMNS`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"VARCHAR": pa.string(), "DOUBLE": pa.float64(), "INTEGER": pa.int32(), "BOOLEAN": pa.bool_()}
    schema = pa.schema([pa.field(name, kinds[kind]) for name, kind in COLUMNS.items()])
    ordered = [{name: row.get(name) for name in COLUMNS} for row in rows]
    write_jsonl(folder / "results.jsonl", ordered)
    with atomic_path(folder / "results.parquet") as temporary:
        pq.write_table(pa.Table.from_pylist(ordered, schema=schema), temporary)


def read_results(folder: Path) -> list[dict[str, Any]]:
    """The rows of `results.jsonl` in `folder`; none when there is no such file."""
    path = folder / "results.jsonl"
    return list(read_jsonl(path)) if path.is_file() else []


def unique_hours(plans: Path, chain: Sequence[tuple[str, int | None]], catalog: Path) -> Hours:
    """Hours of different audio in the first `steps` steps of some plans (None: all). Text-only rows have no audio.

    plans: the folder of plans; chain: (plan's folder name, steps trained) each.
    """
    from curation.catalog import connect

    asked = [(name, steps if steps is not None else 2**31 - 1) for name, steps in chain]
    where = " OR ".join("(plan = ? AND step < ?)" for _ in asked)
    query = f"SELECT coalesce(hours(duration), 0) FROM cuts WHERE cut_id IN (SELECT cut_id FROM plans WHERE {where})"
    with connect(catalog, plans=plans) as connection:
        answer = connection.execute(query, [value for pair in asked for value in pair]).fetchone()
    return float(answer[0]) if answer else 0.0
