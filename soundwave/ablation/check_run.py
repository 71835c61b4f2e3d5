"""Train the cells that check a fit, and say whether its predictions held.

Predictions are written down before anything is trained, and each is judged by new runs alone, with seeds that the study
has not: a cell that the fit has seen says nothing about it. An interrupted check goes on: a cell's grid has a name that
says the cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from manifests.errors import InputError
from manifests.files import write_text
from manifests.fingerprint import fingerprint
from manifests.settings import stored
from manifests.settings.core_yaml import yaml_text
from soundwave.ablation.claims.measured import cell_settings, measure
from soundwave.ablation.claims.study import NEXT, Study, read_study
from soundwave.ablation.commands import COMMANDS, Commands
from soundwave.ablation.fits.frame import CellFrame, frames
from soundwave.ablation.fits.kept_checks import KeptPredictions, keep_checks, read_kept, same_cells
from soundwave.ablation.fits.optimum import Prediction, judged
from soundwave.ablation.fits.study_fits import fits_of
from soundwave.ablation.grid import Grid
from soundwave.ablation.next_cell import one_cell
from soundwave.ablation.run import ablate

CHECK = "check-"


def run_checks(
    path: Path,
    folder: Path,
    *,
    catalog: Path,
    grids: Path,
    workers: int | None = None,
    commands: Commands = COMMANDS,
) -> Iterator[str]:
    """Train the cells of the predictions in a file; a sentence for each, as soon as it is known.

    Args:
        path: of the predictions. A file that is not there is written first, from the study as it is now.
        folder: of the study (OUTPUT/GRID).
        catalog: that plans draw from.
        grids: the folder of the study's own grid file; the cells' grids are GRIDS/NAME-next-check-KEY.yaml.
        workers: processes side by side.
        commands: what trains and evaluates.

    Raises:
        InputError: as `read_study`, `keep_checks` and `ablate`; a cell without a result.
    """
    study = read_study(folder)
    if not path.exists():
        keep_checks(fits_of(study), path)
    for kept in read_kept(path):
        frame = _frame(study, kept)
        for one in kept.cells:
            file = grids / f"{folder.name}{NEXT}{CHECK}{fingerprint(kept.fixed, one.at, one.seeds)[:8]}.yaml"
            if not file.is_file():
                _write(file, study, kept, one, frame)
            summary = ablate([str(file)], catalog, folder.parent, workers=workers, commands=commands)
            if summary.failed or summary.failures:
                why = f"see {next(iter(summary.failed.values()))}" if summary.failed else summary.failures[0]["error"]
                raise InputError(
                    f"{file} has no result ({why}), so that its prediction is not checked. Repair the cause and run "
                    "the same command again: what is trained is reused."
                )
            found = [float(row[kept.outcome]) for row in summary.rows if row["last"]]
            yield f"{kept.outcome}: {judged(one, frame, float(np.mean(found)))}"


def _frame(study: Study, kept: KeptPredictions) -> CellFrame:
    figure = study.figures.get(kept.outcome)
    measured = None if figure is None else measure(study.rows, kept.outcome, figure)
    found = None if measured is None else next((one for one in frames(measured) if same_cells(one, kept)), None)
    if found is None:
        raise InputError(
            f"{study.folder} has no cells like those that the predictions of {kept.outcome} were made from. Name the "
            "study that they are of."
        )
    return found


def _write(file: Path, study: Study, kept: KeptPredictions, one: Prediction, frame: CellFrame) -> None:
    """The grid of a predicted cell, with new seeds."""
    values = {name: value for name, value in study.report.items() if name in Grid.model_fields}
    if values.get("outcomes"):
        values.pop("metric", None)  # there it is the name of the first outcome
    grid = stored(Grid, values, where=str(study.folder), go_on="")
    changed = {axis.name: int(one.at[axis.name]) if axis.whole else one.at[axis.name] for axis in frame.axes}
    last = [row for row in study.rows if row["last"] and kept.fixed.items() <= cell_settings(row).values.items()]
    like = min(last, key=lambda row: _distance(cell_settings(row).values, changed))
    seed = max(int(row["seed"]) for row in study.rows) + 1
    said = one_cell(grid, like, changed, seed) | {"seeds": list(range(seed, seed + one.seeds))}
    what = f"{kept.outcome}: {one.value:.3g} ({one.low:.3g} to {one.high:.3g}) is predicted, {one.why}"
    write_text(file, f"# {what}\n{yaml_text(said)}")


def _distance(values: Mapping[str, object], changed: Mapping[str, float]) -> float:
    return sum(abs(float(str(values.get(name, "inf"))) - value) for name, value in changed.items())
