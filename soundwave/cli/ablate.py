"""`soundwave ablate`: a grid of trainings, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soundwave.cli import _completion
from soundwave.cli._default import DefaultGroup
from soundwave.cli._settings import LARGEST, PROCESSES, QuietOption, SetOption, overrides
from soundwave.cli._study import COMMANDS as STUDY_COMMANDS

if TYPE_CHECKING:
    from manifests.settings import Override
    from soundwave.ablation.run import AblationSummary, Running


CatalogOption = Annotated[Path, typer.Option(help="The catalog that plans draw from.")]
OutputOption = Annotated[Path, typer.Option(help="Plans, runs, logs and results go here; runs are shared.")]
WorkersOption = Annotated[
    int | None,
    typer.Option(help="Processes side by side, one thread each (default: the grid's).", min=1, max=PROCESSES),
]
SeedOption = Annotated[
    list[int] | None,
    typer.Option(help="Seeds instead of the grid's; give it several times for bands.", min=0, max=LARGEST),
]
ForceOption = Annotated[
    bool,
    typer.Option("--force", help="Results of another grid of this name are OUTPUT/GRID.old-1 when there are new ones."),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Train nothing: say which cells there are, what they cost and could show.")
]
MeasureOption = Annotated[
    bool, typer.Option(help="With --dry-run: train the first steps of each stage, to see what they take.")
]
PrintOption = Annotated[
    bool, typer.Option("--print-commands", help="Train nothing: print a line a job, for a shell or a scheduler.")
]
DaskOption = Annotated[
    str | None,
    typer.Option(metavar="ADDR", help="Train on the workers of a scheduler (tcp://host:8786), or `processes`."),
]
ResourceOption = Annotated[
    list[str] | None, typer.Option(metavar="NAME=N", help="With --dask: what a job takes of a worker: GPU=1.")
]
RetriesOption = Annotated[int | None, typer.Option(help="Of what fails (default: the grid's).", min=0, max=100)]
KeepGoingOption = Annotated[bool, typer.Option(help="When something fails, go on with what does not need it.")]
TimeOption = Annotated[str | None, typer.Option(help="Stop after 30m, 2h, ...; the same call goes on.")]
ResultsOption = Annotated[
    Path | None, typer.Option(help="Take finished cells from this table of results (.parquet, .jsonl, .csv).")
]
AnyCatalogOption = Annotated[
    bool,
    typer.Option(
        "--any-catalog",
        help="With --results: also cells of other builds of the catalog, as of a machine that rounds otherwise.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        cls=DefaultGroup,
        no_args_is_help=True,
        help="Grids of trainings and what they say. `soundwave ablate GRID ...` runs one (`run` may be left out; its "
        "options: `soundwave ablate run --help`).",
    )
    group.command("run")(ablate)
    for name, command in STUDY_COMMANDS.items():
        group.command(name)(command)
    app.add_typer(group, name="ablate")


def ablate(  # noqa: PLR0917 - options are keywords
    grids: Annotated[
        list[str],
        typer.Argument(help="Grid files (.yaml), or names of bundled ones.", autocompletion=_completion.grids),
    ],
    catalog: CatalogOption = Path("demo/catalog"),
    output: OutputOption = Path("demo/ablation"),
    workers: WorkersOption = None,
    seed: SeedOption = None,
    set_: SetOption = None,
    force: ForceOption = False,
    dry_run: DryRunOption = False,
    measure: MeasureOption = True,
    print_commands: PrintOption = False,
    dask: DaskOption = None,
    resource: ResourceOption = None,
    retries: RetriesOption = None,
    keep_going: KeepGoingOption = True,
    time_limit: TimeOption = None,
    results: ResultsOption = None,
    any_catalog: AnyCatalogOption = False,
    quiet: QuietOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
) -> None:
    """Train and evaluate every cell (arm x axes x seed) of one or more grids; equal trainings happen once.

    Finished trainings are reused and interrupted ones go on. One row per cell and stage is written to
    OUTPUT/GRID/results.parquet and results.jsonl, what each clip gave to clips.parquet. --set replaces keys of every
    grid given: seeds=[7,8], stages.alignment.optimiser.learning_rate=2e-3, mixtures.sft.budget=1,
    arms.full.0.settings.ema=0.9.

    Example: `soundwave ablate run demo --seed 8 --catalog demo/catalog --output demo/ablation`
    """
    from manifests.errors import OccupiedError
    from soundwave.ablation.run import Running
    from soundwave.ablation.run import ablate as run
    from soundwave.cli._ablation import resources, seconds

    replaced = overrides(set_, {"--seed": ("seeds", seed)})
    running = Running(retries, keep_going, seconds(time_limit), dask, resources(resource), results, any_catalog)
    try:
        if dry_run or print_commands:
            where = (grids, catalog, output, running, replaced, workers, force)
            _look(*where, measure=measure, lines=print_commands, as_json=as_json)
            return
        summary = run(grids, catalog, output, workers=workers, overrides=replaced, aside=force, running=running)
    except OccupiedError as error:
        hint = "\nRename the grid's file, or --output names another folder, or --force moves these results aside."
        raise OccupiedError(f"{error}{hint if error.movable else ''}", movable=error.movable) from error
    if as_json:
        from soundwave.cli._tables import print_json

        print_json([*summary.rows, *summary.failures])
    else:
        _show(summary)
    _fail(summary)


def _look(  # noqa: PLR0917 - passed on
    grids: list[str],
    catalog: Path,
    output: Path,
    running: Running,
    replaced: list[Override],
    workers: int | None,
    force: bool,
    *,
    measure: bool,
    lines: bool,
    as_json: bool,
) -> None:
    """What would be trained: its costs, or its commands."""
    from dataclasses import asdict

    from soundwave.ablation.run import Ablation, list_commands
    from soundwave.ablation.running.forecast import forecast
    from soundwave.ablation.running.listing import script
    from soundwave.cli._ablation import show_forecast
    from soundwave.cli._tables import print_json

    ablation = Ablation(
        grids, catalog, output, overrides=replaced, results=running.results, any_catalog=running.any_catalog
    )
    if lines:
        found = list_commands(ablation, aside=force)
        print_json([asdict(line) for line in found]) if as_json else print("\n".join(script(found)))
        return
    cost = forecast(ablation, workers=workers, measure=measure)
    print_json(cost.row()) if as_json else show_forecast(cost)


def _show(summary: AblationSummary) -> None:
    from soundwave.cli._tables import say

    for name, report in summary.reports.items():
        _table(name, report, [row for row in summary.rows if row["grid"] == name])
        for arm, fit in report["fits"].items():
            if fit["curve"] is not None:
                say(f"  {arm}: {report['metric']} = {fit['formula']}")
        for sentence in [*report["claims"]["sentences"], *[report["next"]] * bool(report["next"])]:
            say(f"  {sentence}")
    for note in summary.notes:
        say(f"note: {note}")
    for row in summary.failures:
        say(f"{row['cell']}: {row['error']}")
    more = f", {summary.taken} cells taken from a table" if summary.taken else ""
    more += f", {summary.left} jobs left: run the same command again" if summary.left else ""
    say(f"{summary.trained} trained, {summary.reused} reused{more}; results in {summary.output}")


def _table(name: str, report: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    from manifests.units import clock
    from soundwave.cli._tables import print_rows

    rates = {"ctc_wer": "CTC WER", "llm_wer": "LLM WER"}
    metrics = list(dict.fromkeys([*rates, report["metric"], *(report.get("outcomes") or {})]))
    metrics = [name for name in metrics if name not in rates or any(row.get(name) is not None for row in rows)]
    shown = [
        {"cell": row["cell"], "stage": row["stage"]}
        | {"audio": "-" if row["hours"] is None else f"{row['hours'] * 60:.1f} min"}
        | {"training": "-" if row["wall_seconds"] is None else clock(row["wall_seconds"])}
        | {rates.get(name, name): _rate(row, name) for name in metrics}
        for row in rows
    ]
    right = ("audio", "training", *(rates.get(name, name) for name in metrics))
    print_rows(shown, title=f"{name}: {report['question']}", names=("cell", "stage", *right), right=right)


def _rate(row: dict[str, Any], metric: str) -> str:
    if row.get(metric) is None:
        return "-"
    low, high = row.get(f"{metric}_low"), row.get(f"{metric}_high")
    return f"{row[metric]:.2f}" + ("" if low is None else f" ({low:.2f}-{high:.2f})")


def _fail(summary: AblationSummary) -> None:
    from manifests.errors import InputError

    if summary.failed:
        title, log = next(iter(summary.failed.items()))
        more = f" and {len(summary.failed) - 1} more" if len(summary.failed) > 1 else ""
        raise InputError(
            f"{title}{more} failed (see {log}); what did not need it is done. Repair the cause and run the same "
            "command again: finished trainings are reused."
        )
