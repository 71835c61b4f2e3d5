"""The cell to run next: which, why, what it costs, and the grid that runs it.

Cells that are missing come first. Along axes of numbers the run with the most expected gain for its cost follows
(`fits.gain`), and where no curve can be fitted the rules of `next_run`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifests.settings import stored
from manifests.settings.core_yaml import yaml_text
from manifests.units import Seconds, clock
from soundwave.ablation.claims.measured import (
    ARM,
    REPEATS,
    SIZE,
    MeasuredOutcome,
    cell_settings,
    measure,
    value_name,
)
from soundwave.ablation.claims.study import Study
from soundwave.ablation.fits.frame import CellFrame
from soundwave.ablation.fits.gain import Gain, gains
from soundwave.ablation.fits.study_fits import response_frames
from soundwave.ablation.grid import Grid
from soundwave.ablation.next_run import Suggestion, missing_cell, suggest_next

Floats = NDArray[np.float64]
Row = Mapping[str, Any]

LITTLE = 0.05  # of a run's deviation between seeds: a gain below is not worth a run
SHARE = "share."


@dataclass(frozen=True)
class NextCell:
    """The run that would tell most."""

    title: str
    """For people: its arm, values and seed."""
    reason: str
    gain: float | None
    """How much better the best cell is expected to look with it, in units of the outcome; None: chosen by a rule."""
    seconds: Seconds | None
    """What it costs, as cells like it took; None: nobody wrote that down."""
    grid: dict[str, Any]
    """The grid that has this cell alone."""

    @property
    def sentence(self) -> str:
        """For people."""
        cost = "" if self.seconds is None else f" (about {clock(self.seconds)})"
        return f"Run {self.title} next{cost}: {self.reason}."

    def yaml(self) -> str:
        """The file that runs it."""
        return yaml_text(self.grid)

    def row(self) -> dict[str, Any]:
        """As written to JSON."""
        return {
            "title": self.title,
            "reason": self.reason,
            "gain": self.gain,
            "seconds": self.seconds,
            "sentence": self.sentence,
            "grid": self.grid,
        }


def next_cell(study: Study) -> NextCell | None:
    """The next run of a study; None when it has no result to go by."""
    values = {name: value for name, value in study.report.items() if name in Grid.model_fields}
    if values.get("outcomes"):
        values.pop("metric", None)  # there it is the name of the first outcome
    grid = stored(Grid, values, where=str(study.folder), go_on="")
    if not grid.axes and (missing := missing_cell(grid, study.rows)) is not None:
        return _of_rule(study, grid, missing)
    name, figure = next(iter(study.figures.items()))
    measured = measure(study.rows, name, figure)
    if measured is not None and (told := gains(response_frames(measured), figure.better, _costs(study.rows))):
        return _of_gain(study, grid, measured, told[0])
    if grid.axes:  # the rules know arms and sizes alone
        return None if measured is None else _another_seed(study, grid, measured)
    suggestion = suggest_next(grid, study.rows)
    return None if suggestion is None else _of_rule(study, grid, suggestion)


def _another_seed(study: Study, grid: Grid, measured: MeasuredOutcome) -> NextCell:
    """Where no curve says more: another seed for the cell with the fewest, of several for the best one."""
    seeds = np.isfinite(measured.values).sum(axis=1)
    figures = np.nanmean(measured.values, axis=1) * (-1 if measured.figure.better == "higher" else 1)
    cell = measured.cells[min(range(len(measured.cells)), key=lambda at: (seeds[at], figures[at]))]
    mine = [row for row in study.rows if row["last"] and cell_settings(row) == cell]
    like, seed = mine[0], max(int(row["seed"]) for row in mine) + 1
    many = len({int(row["seed"]) for row in mine})
    named = ", ".join(str(value) if name == ARM else value_name(name, value) for name, value in cell.settings)
    return NextCell(
        title=f"{named} with seed {seed}",
        reason=f"no curve can be fitted to what there is, and it has {many} seed{'s' if many > 1 else ''}",
        gain=None,
        seconds=_seconds(study.rows, str(like["arm"]), float(like["fraction"])),
        grid=one_cell(grid, like, {}, seed),
    )


def _of_rule(study: Study, grid: Grid, suggestion: Suggestion) -> NextCell:
    settings = {ARM: suggestion.arm, SIZE: suggestion.fraction}
    like = next((row for row in study.rows if row["arm"] == suggestion.arm), None)
    return NextCell(
        title=f"{suggestion.arm} at {suggestion.fraction * 100:g} % with seed {suggestion.seed}",
        reason=suggestion.reason,
        gain=None,
        seconds=_seconds(study.rows, suggestion.arm, suggestion.fraction),
        grid=one_cell(grid, like or {}, settings, suggestion.seed),
    )


def _of_gain(study: Study, grid: Grid, measured: MeasuredOutcome, gain: Gain) -> NextCell:
    frame = gain.frame
    changed = {
        axis.name: int(value) if axis.whole else float(value)
        for axis, value in zip(frame.axes, gain.point, strict=True)
    }
    fixed = dict(frame.fixed)
    last = [row for row in study.rows if row["last"] and fixed.items() <= cell_settings(row).values.items()]
    like = min(last, key=lambda row: _distance(cell_settings(row).values, changed))
    mine = [int(row["seed"]) for row in last if _distance(cell_settings(row).values, changed) < 1e-9]
    seed = max(mine) + 1 if gain.seen and mine else min(int(row["seed"]) for row in last)
    size = float(changed.get(SIZE, like["fraction"]))
    named = ", ".join(part for part in (frame.title, frame.named(gain.point)) if part)
    noise = frame.noise if np.isfinite(frame.noise) else gain.sd**2
    little = "; there is little left to gain" if gain.gain < LITTLE * np.sqrt(noise) else ""
    return NextCell(
        title=f"{named} with seed {seed}",
        reason=(
            f"{'another seed there' if gain.seen else 'a cell there'} is expected to make the best cell look "
            f"{gain.gain:.2g} better in {measured.figure.title} ({gain.predicted:.3g} ± {gain.sd:.2g} is predicted), "
            f"the most for its cost{little}"
        ),
        gain=gain.gain,
        seconds=_seconds(study.rows, str(like["arm"]), size),
        grid=one_cell(grid, like, changed, seed),
    )


def _distance(values: Mapping[str, Any], changed: Mapping[str, float]) -> float:
    return sum(abs(float(values.get(name, np.inf)) - value) for name, value in changed.items())


def one_cell(grid: Grid, like: Row, changed: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The grid with one cell: as in the row `like`, but for the values in `changed` and the seed."""
    values = grid.model_dump(mode="json", exclude_defaults=True)
    arm = str(changed.get(ARM, like.get("arm")))
    steps = values["arms"][arm]
    values |= {"question": grid.question, "arms": {arm: steps}, "seeds": [seed]}
    for named, key in (("stages", "stage"), ("mixtures", "mixture")):
        used = {step[key] for step in steps}
        if kept := {name: said for name, said in values.pop(named, {}).items() if name in used}:
            values[named] = kept
    size = changed.get(SIZE, like.get("fraction", 1.0))
    if axes := values.get("axes"):
        said = json.loads(like.get("axes") or "{}") | {name: value for name, value in changed.items() if name != ARM}
        repeats = like.get(REPEATS)
        values["axes"] = {
            name: _one_value(name, spec, _shared(said, axes, changed), size, repeats) for name, spec in axes.items()
        }
        values.pop("design", None)
    if SIZE not in (values.get("axes") or {}):
        values["fractions"] = [size]
    return values


def _one_value(name: str, spec: Any, said: Mapping[str, Any], size: Any, repeats: Any) -> dict[str, Any]:
    """An axis of a grid's file with the value that one cell has."""
    stage = {"stage": spec["stage"]} if isinstance(spec, Mapping) and spec.get("stage") else {}
    if name == SIZE:
        return {"fractions": [size]} | ({"repeats": repeats} if repeats else {})
    if name == "shares":
        point = {key.removeprefix(SHARE): value for key, value in said.items() if key.startswith(SHARE)}
        return {"values": [point]} | stage
    return {"values": [said.get(name)]} | stage


def _shared(said: Mapping[str, Any], axes: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a cell whose shares still sum to 1: the one that no curve moved takes what the others left."""
    group = [name for name in said if name.startswith(SHARE) and name not in axes]
    rest = [name for name in group if name not in changed]
    left = 1 - sum(float(said[name]) for name in group if name in changed)
    before = sum(float(said[name]) for name in rest)
    scaled = {name: left * float(said[name]) / before if before else left / len(rest) for name in rest}
    return dict(said) | {name: float(f"{max(0.0, share):.6g}") for name, share in scaled.items()}


def _costs(rows: Sequence[Row]) -> Callable[[CellFrame, Floats], Floats]:
    def cost(frame: CellFrame, points: Floats) -> Floats:
        arm = str(dict(frame.fixed).get(ARM, rows[0]["arm"]))
        sizes = [n for n, axis in enumerate(frame.axes) if axis.name == SIZE]
        fractions = points[:, sizes[0]] if sizes else np.ones(len(points))
        found = [_seconds(rows, arm, float(size)) or 1.0 for size in fractions]
        return np.array(found)

    return cost


def _seconds(rows: Sequence[Row], arm: str, fraction: float) -> Seconds | None:
    """What a run of an arm takes at a size: a straight line through those that there are, its own stages' in all."""
    known = [
        (float(row["fraction"]), float(seconds))
        for row in rows
        if row["last"] and row["arm"] == arm and (seconds := row.get("cpu_seconds") or row.get("wall_seconds"))
    ]
    if not known:
        return None
    sizes, seconds = np.array(known).T
    if not np.ptp(sizes):
        return float(seconds.mean())
    slope, start = np.polyfit(sizes, seconds, 1)
    return float(max(start + slope * fraction, seconds.min() / 4))
