"""`soundwave ablate claims`, `fit` and `next`: what a finished study says, and which run would say more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from soundwave.cli._settings import MOST, PROCESSES, QuietOption

FolderArgument = Annotated[Path, typer.Argument(help="A study: OUTPUT/GRID, as `soundwave ablate` wrote it.")]
OutcomeOption = Annotated[str | None, typer.Option(help="One outcome of the study alone.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of sentences.")]


def claims(
    folder: FolderArgument,
    *,
    outcome: OutcomeOption = None,
    each: Annotated[
        bool, typer.Option("--each", help="Compare in each setting of the other axes, not over all of them.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say which differences of a study may be claimed: bands over seeds and clips that hold for all comparisons.

    Example: `soundwave ablate claims demo/ablation/demo-stage1`
    """
    from soundwave.ablation.claims.claim import claims_of
    from soundwave.ablation.claims.study import read_study
    from soundwave.cli._tables import print_json, say

    study = read_study(folder, outcome)
    found = claims_of(study.rows, study.figures, study.clips, each=each)
    if as_json:
        print_json(found.report())
    else:
        say("\n".join(found.sentences()))


def fit(
    folder: FolderArgument,
    *,
    outcome: OutcomeOption = None,
    save: Annotated[
        Path | None, typer.Option(help="Write the predictions to check to this new file, before the cells are run.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option(help="A file of --save: say whether its predictions held in the study as it is now.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Fit a study's outcomes along its axes: curves, optimum, two cells that check it, trade-offs, ranks of sizes.

    Example: `soundwave ablate fit demo/ablation/demo-ladder`
    """
    from soundwave.ablation.claims.study import read_study
    from soundwave.ablation.fits.kept_checks import check_kept, keep_checks
    from soundwave.ablation.fits.study_fits import fits_of
    from soundwave.cli._tables import print_json, say

    study = read_study(folder, outcome)
    if check is not None:
        held = check_kept(check, study)
        print_json({"checks": held}) if as_json else say("\n".join(held))
        return
    found = fits_of(study)
    if save is not None:
        keep_checks(found, save)
    if as_json:
        print_json(found.report())
    else:
        say("\n".join(found.sentences() or ["The study has one cell, or one value of every axis: nothing to fit."]))


def next_(
    folder: FolderArgument,
    *,
    run: Annotated[
        int, typer.Option(min=0, max=MOST, help="Run so many cells, each chosen when the last is done.")
    ] = 0,
    catalog: Annotated[Path, typer.Option(help="The catalog that plans draw from.")] = Path("demo/catalog"),
    grids: Annotated[
        Path, typer.Option(help="Folder of the study's grid file: the grids of new cells are written there.")
    ] = Path(),
    workers: Annotated[int | None, typer.Option(help="Processes side by side.", min=1, max=PROCESSES)] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say which cell of a study to run next, why, and what it costs, and print its grid; `--run N` runs it and goes on.

    Example: `soundwave ablate next demo/ablation/demo-ladder`
    """
    from soundwave.ablation.claims.study import read_study
    from soundwave.ablation.next_cell import next_cell
    from soundwave.cli._tables import print_json, say

    if run:
        _run_next(folder, run, catalog=catalog, grids=grids, workers=workers, as_json=as_json)
        return
    cell = next_cell(read_study(folder))
    if as_json:
        print_json(None if cell is None else cell.row())
    elif cell is None:
        say("The study has no result to go by.")
    else:
        say(f"# {cell.sentence}\n{cell.yaml()}", end="")


def _run_next(folder: Path, times: int, *, catalog: Path, grids: Path, workers: int | None, as_json: bool) -> None:
    from manifests.errors import InputError
    from soundwave.ablation.go_on import go_on
    from soundwave.cli._tables import print_json, say

    rows: list[dict[str, Any]] = []
    for step in go_on(folder, times, catalog=catalog, grids=grids, workers=workers):
        rows.append(step.cell.row() | {"file": str(step.file), "rows": step.summary.rows})
        if not as_json:
            say(f"{step.cell.sentence} It is {step.file}.")
        if step.summary.failed:
            title, log = next(iter(step.summary.failed.items()))
            raise InputError(
                f"{title} failed (see {log}). Repair the cause and run `soundwave ablate {step.file}` again."
            )
        if step.summary.failures:
            row = step.summary.failures[0]
            raise InputError(f"{row['cell']} has no result ({row['error']}), so that nothing follows from it.")
    if as_json:
        print_json(rows)
    elif not rows:
        say("The study has no result to go by.")


COMMANDS: dict[str, Callable[..., None]] = {"claims": claims, "fit": fit, "next": next_}
