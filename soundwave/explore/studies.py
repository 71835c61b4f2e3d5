"""Studies: results, a curve for each outcome with its band, what may be claimed, and the runs behind a point."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from curation.duck import records
from manifests.errors import InputError, MissingFileError
from soundwave.ablation.results import COLUMNS, pooled, read_results
from soundwave.explore.asking import Explorer
from soundwave.report.outcome import GridResult, claims
from soundwave.report.workspace import json_object

GRID = "grid.json"
MOST_CLIPS = 100
STRETCHES = 24
WHERE = "the study"


def list_studies(explorer: Explorer) -> list[dict[str, Any]]:
    """One entry a grid: question, metric, claims in sentences, rows, and points of its curves."""
    found = explorer.places.studies
    return [] if found is None else [_study(grid) for grid in _grids(explorer) if grid.rows]


def _grids(explorer: Explorer) -> Iterator[GridResult]:
    studies = explorer.places.studies
    for folder in studies.folders("grids") if studies is not None else ():
        yield GridResult(folder.name, folder, json_object(folder / GRID) or {}, read_results(folder))


def _study(grid: GridResult) -> dict[str, Any]:
    try:
        sentences, better = claims(grid), grid.figure.better
    except (InputError, KeyError, ValueError) as error:  # of an earlier version, or a metric that is not known here
        sentences, better = [f"Nothing can be claimed of it here: {error}"], None
    outcomes = _outcomes(grid)
    return {
        "grid": grid.name,
        "question": grid.report.get("question") or "",
        "metric": grid.metric,
        "better": better,
        "claims": sentences,
        "rows": [{key: value for key, value in row.items() if key != "losses"} for row in grid.rows],
        "outcomes": outcomes,
        "points": [point for outcome in outcomes for point in points(grid, outcome)],
    }


def _outcomes(grid: GridResult) -> list[str]:
    """Figures that the grid measured, its own first."""
    names = {name for row in grid.rows for name, value in row.items() if value is not None and name not in COLUMNS}
    figures = sorted(name for name in names if not name.endswith(("_low", "_high")))
    return sorted(figures, key=lambda name: name != grid.metric)


def points(grid: GridResult, outcome: str) -> Iterator[dict[str, Any]]:
    """An outcome by arm, stage and size, over seeds; of a stage that an arm trains again, each time by itself."""
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
                "runs": [{key: row.get(key) for key in ("cell", "stage", "seed", "run", "plan")} for row in rows],
            }


def one_run(explorer: Explorer, run: str) -> dict[str, Any]:
    """A run of a study: its row, its plan, and the loss of each domain over its steps.

    Raises:
        MissingFileError: no such run.
    """
    name = run.rpartition("/")[2]
    with explorer.asking(WHERE) as con:
        found = records(con.execute("SELECT * FROM runs WHERE run IN ($run, $name)", {"run": run, "name": name}))
        if not found:
            raise MissingFileError(f"There is no run {run[:200]!r} here.")
        key = {"run": found[0]["run"]}
        plans = records(con.execute("SELECT plan FROM run_plan WHERE run = $run", key))
        losses = records(con.execute(f"SELECT * FROM loss_by_domain(bins := {STRETCHES}) WHERE run = $run", key))
    return {"run": found[0], "plan": plans[0]["plan"] if plans else None, "losses": losses}


def worst_clips(explorer: Explorer, grid: str, cell: str, outcome: str) -> list[dict[str, Any]]:
    """Clips that an outcome was measured on in one cell, worst first, with their texts."""
    with explorer.asking(WHERE) as con:
        return records(
            con.execute(
                "SELECT item AS cut_id, stage, value, weight, cuts.text FROM clips LEFT JOIN cuts ON item = cut_id "
                "WHERE grid = $grid AND cell = $cell AND outcome = $outcome "
                "ORDER BY value * (CASE WHEN (SELECT any_value(better) FROM outcomes WHERE outcome = $outcome) "
                f"= 'higher' THEN -1 ELSE 1 END) DESC, item LIMIT {MOST_CLIPS}",
                {"grid": grid, "cell": cell, "outcome": outcome},
            )
        )
