"""Predictions written down before their cells are run, and whether they held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from manifests.errors import InputError, OccupiedError
from manifests.files import read_object, write_json
from manifests.settings.fields import STRICT
from soundwave.ablation.claims.study import Study
from soundwave.ablation.fits.frame import CellFrame, frames
from soundwave.ablation.fits.optimum import Prediction, check
from soundwave.ablation.fits.study_fits import StudyFits

KEPT = "predictions"


class KeptPredictions(BaseModel):
    """What one fit says of cells before they run."""

    model_config = STRICT

    outcome: str
    fixed: dict[str, Any]
    """Settings that all its cells have."""
    axes: list[str]
    cells: list[Prediction]


def keep_checks(fits: StudyFits, path: Path) -> None:
    """Write the predictions that would check each fit to a new file.

    Raises:
        OccupiedError: the file is there already: predictions are not replaced.
        InputError: there is no fit to predict from.
    """
    rows = [
        {
            "outcome": response.outcome,
            "fixed": dict(response.frame.fixed),
            "axes": [axis.name for axis in response.frame.axes],
            "cells": [one.row() for one in response.checks],
        }
        for response in fits.responses
        if response.checks
    ]
    if not rows:
        raise InputError("No curve was fitted, so there is nothing to predict: `soundwave ablate fit` says why.")
    if path.exists():
        raise OccupiedError(f"{path} is there already, and predictions are not replaced. Name another file.")
    write_json(path, {KEPT: rows})


def check_kept(path: Path, study: Study) -> list[str]:
    """A sentence for each prediction in a file of `keep_checks`: whether it held in the study as it is now.

    Raises:
        InputError: the file is missing, or none of these.
    """
    said: list[str] = []
    measured = {one.outcome: one for one in study.measured()}
    for row in read_kept(path):
        one = measured.get(row.outcome)
        found = None if one is None else next((frame for frame in frames(one) if same_cells(frame, row)), None)
        if found is None:
            said.append(f"{row.outcome}: the study has no such cells.")
            continue
        said += [f"{row.outcome}: {line}" for line in check(row.cells, found)]
    return said


def read_kept(path: Path) -> list[KeptPredictions]:
    """The predictions in a file.

    Raises:
        InputError: it is missing, or holds none.
    """
    try:
        rows = TypeAdapter(list[KeptPredictions]).validate_python(read_object(path).get(KEPT))
        whole = all(cell.at.keys() == set(row.axes) for row in rows for cell in row.cells)
    except ValidationError:
        whole = False
    if not whole:
        raise InputError(
            f"{path} holds no {KEPT}, expected a file that the setting `save` of `soundwave ablate fit` wrote."
        )
    return rows


def same_cells(frame: CellFrame, row: KeptPredictions) -> bool:
    """Are the predictions of such cells?"""
    return bool(dict(frame.fixed) == row.fixed) and [axis.name for axis in frame.axes] == row.axes
