"""Run the cell that would tell most, look again, and so on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from manifests.errors import OccupiedError
from manifests.files import write_text
from soundwave.ablation.claims.study import NEXT, read_study
from soundwave.ablation.commands import COMMANDS, Commands
from soundwave.ablation.next_cell import NextCell, next_cell
from soundwave.ablation.run import AblationSummary, ablate


@dataclass(frozen=True)
class NextStep:
    """One cell that was run because it would tell most."""

    cell: NextCell
    file: Path
    """Its grid."""
    summary: AblationSummary


def go_on(
    folder: Path,
    times: int,
    *,
    catalog: Path,
    grids: Path,
    workers: int | None = None,
    commands: Commands = COMMANDS,
) -> Iterator[NextStep]:
    """Run the next cell of the study in `folder` (OUTPUT/GRID), `times` over; fewer when one fails or none is left.

    Every cell is a grid of its own, GRIDS/NAME-next-NUMBER.yaml, with its results in OUTPUT/NAME-next-NUMBER; runs are
    shared with the study's.

    Args:
        folder: of the study.
        times: how many cells, one after the other.
        catalog: that plans draw from.
        grids: the folder of the study's own grid file: what that names by a path is looked for there.
        workers: processes side by side.
        commands: what trains and evaluates.

    Raises:
        InputError: as `read_study` and `ablate`.
    """
    for _ in range(times):
        cell = next_cell(read_study(folder))
        if cell is None:
            return
        file = write_next(cell, folder, grids)
        summary = ablate([str(file)], catalog, folder.parent, workers=workers, commands=commands)
        yield NextStep(cell, file, summary)
        if summary.failed or summary.failures:  # without its result it would be chosen again
            return


def write_next(cell: NextCell, folder: Path, grids: Path) -> Path:
    """Write a cell's grid as GRIDS/NAME-next-NUMBER.yaml, under the first number that is free there and in the study.

    Raises:
        OccupiedError: the file came into being meanwhile.
    """
    taken = {path.stem for path in grids.glob(f"{folder.name}{NEXT}*.yaml")}
    taken |= {path.name for path in folder.parent.glob(f"{folder.name}{NEXT}*")}
    number = next(n for n in range(1, len(taken) + 2) if f"{folder.name}{NEXT}{n}" not in taken)
    file = grids / f"{folder.name}{NEXT}{number}.yaml"
    if file.exists():
        raise OccupiedError(f"{file} is there already. Run the command again: it takes another number.")
    write_text(file, f"# {cell.sentence}\n{cell.yaml()}")
    return file
