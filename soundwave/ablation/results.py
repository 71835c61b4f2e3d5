"""Results as rows: one per cell and stage, written as Parquet (for SQL) and JSON lines (for everything else)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curation.catalog import connect
from manifests import runs
from manifests.files import atomic_write, read_jsonl, write_jsonl
from manifests.units import Hours
from soundwave.evaluate.metric import Figure

RESULTS, TABLE, GRID = runs.RESULTS, runs.TABLE, runs.GRID
CLIPS = runs.CLIPS  # what each held-out clip gave to an outcome
LOSSES = ("lm_loss", "ctc_loss")  # columns of every grid: they are always measured
METRICS = ("ctc_wer", "llm_wer")  # columns of every grid's results; a grid with another outcome has its columns too
Z95 = 1.959964  # a 95 % band is this many standard errors to each side

# Column -> SQL type. Error rates are fractions (0.33 = 33 %), bands are 95 %, times are seconds over the chain so far.
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
    "run": "VARCHAR",  # run folder, relative to the output folder
    "plan": "VARCHAR",  # folder under OUTPUT/plans that this stage was trained on
    "evaluation": "VARCHAR",  # file of its evaluation, relative to the output folder; NULL when there is none
    "key": "VARCHAR",
    "design": "VARCHAR",  # of the training, whatever build of the catalog it had
    "catalog": "VARCHAR",  # fingerprint of that build
    "wer_unit": "VARCHAR",  # of error rates and `words`: words, or characters where a language has no spaces
    "axes": "VARCHAR",  # JSON: axis -> value
    "repeats": "VARCHAR",  # what sizes keep: matched (passes over each clip) or free (how much is drawn)
    "branched": "BOOLEAN",  # did this stage's run branch off another one? Its times include that one's up to there
    "losses": "VARCHAR",  # JSON: domain -> lm_loss and ctc_loss per token on held-out rows, and the tokens
    "error": "VARCHAR",  # why this stage has no figures: its training or evaluation failed, or gave no number
}
TYPES = {"VARCHAR": pa.string(), "DOUBLE": pa.float64(), "INTEGER": pa.int32(), "BOOLEAN": pa.bool_()}


def columns(*outcomes: str) -> dict[str, str]:
    """Column -> SQL type of a grid with these outcomes: COLUMNS, with the metrics and their bands behind `words`."""
    names = list(COLUMNS)
    place = names.index("words") + 1
    figures = [
        f"{name}{part}" for name in dict.fromkeys([*METRICS, *outcomes, *LOSSES]) for part in ("", "_low", "_high")
    ]
    return {name: COLUMNS.get(name, "DOUBLE") for name in [*names[:place], *figures, *names[place:]]}


@dataclass(frozen=True)
class Pooled:
    """A figure over several seeds: the mean and a 95 % band."""

    mean: float
    low: float | None  # None: nothing gives a band
    high: float | None
    seeds: tuple[int, ...]


def pooled(rows: Sequence[Mapping[str, Any]], metric: str, figure: Figure | None = None) -> Pooled | None:
    """Mean `metric` of rows that differ in their seed alone; None when no row has it.

    The band adds the variance over test clips (from each row's own band; all seeds are tested on the same clips, so
    averaging does not shrink it) and, with two seeds or more, the variance of the mean over seeds. With one seed,
    seeds are simply not in it. It does not go beyond the best value that `figure` can have; None: an error, so 0.
    """
    rows = [row for row in rows if row.get(metric) is not None]
    if not rows:
        return None
    values = [float(row[metric]) for row in rows]
    count, mean = len(values), sum(values) / len(values)
    ends = [(row.get(f"{metric}_low"), row.get(f"{metric}_high")) for row in rows]
    widths = [float(high) - float(low) for low, high in ends if low is not None and high is not None]
    seeds = tuple(sorted(int(row["seed"]) for row in rows))
    if count == 1 and widths:  # the row's own band, which need not be symmetric
        return Pooled(mean, *ends[0], seeds)
    if not widths and count == 1:
        return Pooled(mean, None, None, seeds)
    of_clips = (sum(widths) / len(widths) / (2 * Z95)) ** 2 if widths else 0.0
    of_seeds = sum((value - mean) ** 2 for value in values) / (count - 1) / count
    half = Z95 * (of_clips + of_seeds) ** 0.5
    low, high = mean - half, mean + half
    best = 0.0 if figure is None else figure.best
    if best is not None:
        low, high = (low, min(best, high)) if figure and figure.better == "higher" else (max(best, low), high)
    return Pooled(mean, low, high, seeds)


def write_results(folder: Path, rows: Sequence[Mapping[str, Any]], *outcomes: str) -> None:
    """Write `results.jsonl` and `results.parquet` into `folder`, columns as `columns(*outcomes)` gives them."""
    kinds = columns(*outcomes)
    schema = pa.schema([pa.field(name, TYPES[kind]) for name, kind in kinds.items()])
    ordered = [{name: row.get(name) for name in kinds} for row in rows]
    write_jsonl(folder / RESULTS, ordered)
    with atomic_write(folder / TABLE) as temporary:
        pq.write_table(pa.Table.from_pylist(ordered, schema=schema), temporary)


def read_results(folder: Path, *, failed: bool = False) -> list[dict[str, Any]]:
    """The rows of `results.jsonl` in `folder`; none when there is no such file.

    failed: also those of cells that failed, which have an `error` and no figures.
    """
    path = folder / RESULTS
    rows = read_jsonl(path) if path.is_file() else ()
    return [row for row in rows if failed or not row.get("error")]


def unique_hours(plans: Path, chain: Sequence[tuple[str, int | None]], catalog: Path) -> Hours:
    """Hours of different audio in the first `steps` steps of some plans (None: all). Text-only rows have no audio.

    plans: the folder of plans; chain: (plan's folder name, steps trained) each.
    """
    asked = [(name, steps if steps is not None else 2**31 - 1) for name, steps in chain]
    where = " OR ".join("(plan = ? AND step < ?)" for _ in asked)
    query = f"SELECT coalesce(hours(duration), 0) FROM cuts WHERE cut_id IN (SELECT cut_id FROM plans WHERE {where})"
    with connect(catalog, plans=plans) as connection:
        answer = connection.execute(query, [value for pair in asked for value in pair]).fetchone()
    return float(answer[0]) if answer else 0.0
