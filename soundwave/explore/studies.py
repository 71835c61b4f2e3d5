"""Studies: results, a curve for each outcome with its band, what may be claimed, and the runs behind a point."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from curation.duck import records
from manifests.errors import InputError, MissingFileError
from manifests.runs import PLANS
from soundwave.ablation.claims.measured import read_clips
from soundwave.ablation.claims.study import figures_of
from soundwave.ablation.results import COLUMNS, pooled, read_results
from soundwave.explore.asking import Explorer
from soundwave.report.outcome import GridResult, claims
from soundwave.report.workspace import json_object

GRID = "grid.json"
MOST_CLIPS = 100
STRETCHES = 24
WHERE = "the study"


def list_studies(explorer: Explorer) -> list[dict[str, Any]]:
    """One entry a grid: its id, question, metric, claims in sentences, rows, and points of its curves."""
    grids = {key: _grid(folder) for key, folder in grid_folders(explorer).items()}
    return [_study(explorer, key, grid) for key, grid in grids.items() if grid.rows]


def grid_folders(explorer: Explorer) -> dict[str, Path]:
    """Id -> folder of a grid. The id is the folder's name; of two with the same name, the whole path."""
    studies = explorer.places.studies
    folders = studies.folders("grids") if studies is not None else []
    used = Counter(folder.name for folder in folders)
    return {folder.name if used[folder.name] == 1 else str(folder): folder for folder in folders}


def find_grid(explorer: Explorer, key: str) -> Path:
    """The folder of the grid with an id.

    Raises:
        MissingFileError: there is none.
    """
    folder = grid_folders(explorer).get(key)
    if folder is None:
        raise MissingFileError(f"There is no study {key[:200]!r} here.")
    return folder


def _grid(folder: Path) -> GridResult:
    return GridResult(folder.name, folder, json_object(folder / GRID) or {}, read_results(folder))


def _study(explorer: Explorer, key: str, grid: GridResult) -> dict[str, Any]:
    try:
        sentences, better = claims(grid), grid.figure.better
    except (InputError, KeyError, ValueError) as error:  # of an earlier version, or a metric that is not known here
        sentences, better = [f"Nothing can be claimed of it here: {error}"], None
    outcomes = _outcomes(grid)
    return {
        "id": key,
        "grid": grid.name,
        "question": grid.report.get("question") or "",
        "metric": grid.metric,
        "better": better,
        "claims": sentences,
        "rows": [{key: value for key, value in row.items() if key != "losses"} for row in grid.rows],
        "outcomes": outcomes,
        "points": [
            point
            for outcome in outcomes
            for point in points(grid, outcome, partial(runs_behind, explorer, grid.folder))
        ],
    }


def _outcomes(grid: GridResult) -> list[str]:
    """Figures that the grid measured, its own first."""
    names = {name for row in grid.rows for name, value in row.items() if value is not None and name not in COLUMNS}
    figures = sorted(name for name in names if not name.endswith(("_low", "_high")))
    return sorted(figures, key=lambda name: name != grid.metric)


def points(
    grid: GridResult, outcome: str, behind: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
) -> Iterator[dict[str, Any]]:
    """An outcome by arm, stage and size, over seeds; of a stage that an arm trains again, each time by itself.

    behind: the runs that rows were measured on.
    """
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    first: dict[tuple[str, str], int] = {}
    for row in grid.rows:
        begun = first.setdefault((row["arm"], row["stage"]), row["position"])
        stage = row["stage"] if row["position"] == begun else f"{row['stage']} again"
        groups.setdefault((row["arm"], stage, row["fraction"], row.get("axes")), []).append(row)
    for (arm, stage, fraction, axes), rows in groups.items():
        value = pooled(rows, outcome, grid.figure if outcome == grid.metric else None)
        if value is not None:
            hours = [row["hours"] for row in rows if row["hours"] is not None]
            yield {
                "outcome": outcome,
                "series": f"{arm}, {stage}",
                "fraction": fraction,
                "axes": axes,
                "hours": sum(hours) / len(hours) if hours else None,
                "value": value.mean,
                "low": value.low,
                "high": value.high,
                "seeds": list(value.seeds),
                "runs": behind(rows),
            }


def runs_behind(explorer: Explorer, folder: Path, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What rows of the results in a grid's folder were measured on: grid, cell, stage, seed, and run and plan by the
    names that SQL has for them; a run or plan that is not here has the name that the row says.
    """
    studies = explorer.places.studies
    runs, plans = ({}, {}) if studies is None else (studies.runs, studies.plans)
    keys = {path: key for key, path in grid_folders(explorer).items()}

    def one(row: Mapping[str, Any]) -> dict[str, Any]:
        run, plan = row.get("run"), row.get("plan")
        return {name: row.get(name) for name in ("cell", "stage", "seed")} | {
            "grid": keys.get(folder),
            "run": run and runs.get(folder.parent / str(run), str(run)),
            "plan": plan and plans.get(folder.parent / PLANS / str(plan), str(plan)),
        }

    return [one(row) for row in rows]


def one_run(explorer: Explorer, run: str) -> dict[str, Any]:
    """A run of a study: its row, its plan, and the loss of each domain over its steps.

    Raises:
        MissingFileError: no such run.
    """
    with explorer.asking(WHERE) as con:
        found = records(con.execute("SELECT * FROM runs WHERE run = $run", {"run": run}))
        if not found:
            raise MissingFileError(f"There is no run {run[:200]!r} here.")
        plans = records(con.execute("SELECT plan FROM run_plan WHERE run = $run", {"run": run}))
        losses = records(
            con.execute(f"SELECT * FROM loss_by_domain(bins := {STRETCHES}) WHERE run = $run", {"run": run})
        )
    return {"run": found[0], "plan": plans[0]["plan"] if plans else None, "losses": losses}


def worst_clips(explorer: Explorer, grid: str, cell: str, outcome: str) -> list[dict[str, Any]]:
    """Clips that an outcome was measured on in one cell, worst first, with their texts; none where the study kept none.

    Raises:
        MissingFileError: no such study.
        InputError: a table of clips that is damaged.
    """
    folder = find_grid(explorer, grid)
    table = read_clips(folder)
    if table is None:
        return []
    asked = pc.and_(pc.equal(table["cell"], cell), pc.equal(table["outcome"], outcome))
    rows = [row for row in table.filter(asked).to_pylist() if row["value"] is not None]
    sign = -1 if _better(folder, outcome) == "higher" else 1
    rows.sort(key=lambda row: (-sign * row["value"], row["item"]))
    rows = rows[:MOST_CLIPS]
    with explorer.asking(WHERE) as con:
        texts = "SELECT cut_id, text FROM cuts WHERE cut_id IN (SELECT unnest($ids))"
        said = dict(con.execute(texts, {"ids": [row["item"] for row in rows]}).fetchall())
    return [
        {"cut_id": row["item"], "stage": row["stage"], "value": row["value"], "weight": row["weight"]}
        | {"text": said.get(row["item"])}
        for row in rows
    ]


def _better(folder: Path, outcome: str) -> str:
    try:
        return figures_of(json_object(folder / GRID) or {})[outcome].better
    except (InputError, KeyError):  # beside those that the grid names: losses
        return "lower"
