"""`soundwave ablate claims`, `fit` and `next`: what a finished study says, and which run would say more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from soundwave.cli._settings import MOST, PROCESSES, QuietOption

FolderArgument = Annotated[Path, typer.Argument(help="A study: OUTPUT/GRID, as `soundwave ablate` wrote it.")]
OutcomeOption = Annotated[str | None, typer.Option(help="One outcome of the study alone.")]
CatalogOption = Annotated[Path, typer.Option(help="The catalog that plans draw from.")]
GridsOption = Annotated[
    Path, typer.Option(help="Folder of the study's grid file: the grids of new cells are written there.")
]
WorkersOption = Annotated[int | None, typer.Option(help="Processes side by side.", min=1, max=PROCESSES)]
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

    Losses that the grid does not name are compared beside them, as a family of their own.

    Example: `soundwave ablate claims demo/ablation/demo`
    """
    from soundwave.ablation.claims.claim import claims_of
    from soundwave.ablation.claims.secondary import StudyClaims, study_claims
    from soundwave.ablation.claims.study import read_study
    from soundwave.cli._tables import print_json, say

    study = read_study(folder, outcome)
    asked = study.rows, study.figures, study.clips
    found = study_claims(*asked, each=each) if outcome is None else StudyClaims(claims_of(*asked, each=each), None)
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
    run: Annotated[
        bool,
        typer.Option("--run", help="With --check: train its cells first; a file that is not there is written before."),
    ] = False,
    catalog: CatalogOption = Path("demo/catalog"),
    grids: GridsOption = Path(),
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit a study's outcomes along its axes: curves, optimum, two cells that check it, trade-offs, ranks of sizes.

    Example: `soundwave ablate fit demo/ablation/demo`

    With --check FILE --run the two cells of each fit are trained, and it says whether the predictions held.
    """
    from soundwave.ablation.claims.study import read_study
    from soundwave.ablation.fits.kept_checks import check_kept, keep_checks
    from soundwave.ablation.fits.study_fits import fits_of
    from soundwave.cli._tables import print_json, say

    if run:
        _run_checks(folder, check, catalog=catalog, grids=grids, workers=workers, as_json=as_json)
        return
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
    catalog: CatalogOption = Path("demo/catalog"),
    grids: GridsOption = Path(),
    workers: WorkersOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say which cell of a study to run next, why, and what it costs, and print its grid; `--run N` runs it and goes on.

    Example: `soundwave ablate next demo/ablation/demo`
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


def _run_checks(
    folder: Path, check: Path | None, *, catalog: Path, grids: Path, workers: int | None, as_json: bool
) -> None:
    from manifests.errors import SettingsError
    from soundwave.ablation.check_run import run_checks
    from soundwave.cli._tables import print_json, say

    if check is None:
        raise SettingsError("Nothing says which predictions to check: name their file in the setting `check`.")
    held: list[str] = []
    for line in run_checks(check, folder, catalog=catalog, grids=grids, workers=workers):
        held.append(line)
        if not as_json:
            say(line)
    if as_json:
        print_json({"checks": held})


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
