"""What `soundwave ablate fit` says of a study, to draw: a curve or a surface along its axes, and its trade-off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from soundwave.ablation.claims.measured import SIZE, CellSettings, MeasuredOutcome, cell_settings
from soundwave.ablation.claims.study import Study, read_study
from soundwave.ablation.fits.choose import ChosenFit
from soundwave.ablation.fits.frame import CellFrame
from soundwave.ablation.fits.shape import curve, tiles
from soundwave.ablation.fits.study_fits import ResponseFit, fits_of
from soundwave.ablation.fits.trade_off import pareto
from soundwave.explore.asking import Explorer
from soundwave.explore.studies import find_grid, runs_behind

POINTS = 101  # of a curve
TILES = 24  # of a surface, along each axis
NO_AXIS = (
    "No share or other number differs between its cells, so there is no surface to draw. `axes:` in a grid gives some."
)


def fits_along(explorer: Explorer, grid: str, outcome: str) -> dict[str, Any]:
    """A drawing for each set of cells that differ along number axes, beside size; or in `why` the reason for none.

    A drawing has its axes (one: a curve; two: a surface), cells as measured with their runs, the fit's sentences, the
    fit (`line` or `tiles`, with 90 % bands; None: no fit, the sentences say why) and its best point.

    Raises:
        MissingFileError: no such study.
        InputError: its results cannot be read.
    """
    study = _read(explorer, grid)
    if outcome not in study.figures:
        named = ", ".join(study.figures)
        return _none(f"Only the outcomes that the grid names are fitted ({named}). {outcome} is measured beside them.")
    try:
        study = Study(study.folder, study.report, study.rows, study.clips, {outcome: study.figures[outcome]})
        responses = fits_of(study).responses
        measured = {one.outcome: one for one in study.measured()}
    except (KeyError, ValueError) as error:  # rows of an earlier version
        return _none(f"Nothing can be fitted here: {error}")
    drawings = [_drawing(explorer, study, measured[one.outcome], one) for one in responses]
    return {"why": "" if drawings else NO_AXIS, "drawings": drawings}


def _none(why: str) -> dict[str, Any]:
    return {"why": why, "drawings": []}


def trade_off(explorer: Explorer, grid: str) -> dict[str, Any]:
    """Cells with a value of each outcome, which no other beats in all of them, and their runs; or in `why` the reason
    for none.

    Raises:
        MissingFileError, InputError: as `fits_along`.
    """
    study = _read(explorer, grid)
    try:
        measured = study.measured()
        found = pareto(measured)
    except (KeyError, ValueError) as error:
        found = f"Nothing can be compared here: {error}"
    if isinstance(found, str):
        return {"why": found, "outcomes": [], "cells": []}
    named = {cell.named(measured[0].axes): cell for cell in measured[0].cells}
    cells = [one.row() | {"runs": _runs(explorer, study, named[one.cell])} for one in found]
    outcomes = [{"name": one.outcome, "better": one.figure.better} for one in measured]
    return {"why": "", "outcomes": outcomes, "cells": cells}


def _read(explorer: Explorer, grid: str) -> Study:
    return read_study(find_grid(explorer, grid))


def _runs(explorer: Explorer, study: Study, cell: CellSettings) -> list[dict[str, Any]]:
    rows = [row for row in study.rows if cell_settings(row) == cell]
    return [one for row in rows for one in runs_behind(explorer, study.folder.parent / str(row["grid"]), [row])]


def _drawing(explorer: Explorer, study: Study, measured: MeasuredOutcome, response: ResponseFit) -> dict[str, Any]:
    frame = response.frame
    along = sorted(range(len(frame.axes)), key=lambda n: frame.axes[n].name == SIZE)  # size stands upright
    axes = [frame.axes[n] for n in along]
    sentences = response.sentences()
    fit = response.fit if isinstance(response.fit, ChosenFit) else None
    if len(axes) > 2:
        sentences.append(f"{len(axes)} axes ({', '.join(axis.name for axis in axes)}): a surface is drawn over two.")
        fit = None
    best = response.optimum and [response.optimum.at[axis.name] for axis in axes]
    return {
        "title": response.title,
        "axes": [{"name": axis.name, "kind": axis.kind} for axis in axes],
        "sentences": sentences,
        "cells": _cells(explorer, study, measured, frame, along) if len(axes) <= 2 else [],
        "line": curve(fit, POINTS) if fit is not None and len(axes) == 1 else None,
        "tiles": tiles(fit, along, TILES) if fit is not None and len(axes) == 2 else None,
        "best": best if fit is not None else None,
    }


def _cells(
    explorer: Explorer, study: Study, measured: MeasuredOutcome, frame: CellFrame, along: Sequence[int]
) -> list[dict[str, Any]]:
    """The frame's cells as they were measured: place along the axes, mean, number of seeds, runs."""
    names, fixed = [axis.name for axis in frame.axes], dict(frame.fixed)
    places = {
        tuple(float(str(cell.values[name])) for name in names): cell
        for cell in measured.cells
        if all(cell.values.get(name) == value for name, value in fixed.items())
    }
    found = []
    for point, mean, seeds in zip(frame.points, frame.means, frame.seeds, strict=True):
        cell = places[tuple(float(value) for value in point)]
        row = {"at": [float(point[n]) for n in along], "name": frame.named(point), "value": float(mean)}
        found.append(row | {"seeds": int(seeds), "runs": _runs(explorer, study, cell)})
    return found
