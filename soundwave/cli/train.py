"""`soundwave train`: one stage on one plan."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manifests.errors import BadCutError, InputError, NonFiniteError, OccupiedError, SettingsError
from soundwave.cli import _completion
from soundwave.cli._settings import LARGEST, MOST, QuietOption, SetOption, overrides, show_settings

if TYPE_CHECKING:
    from soundwave.train.runs.folder import Existing
    from soundwave.train.settings import StageSettings

WAYS_ON = (
    "\nTo go on: --resume continues that run with its own settings, --output names another folder, and --force moves "
    "that run aside to a numbered name and begins anew."
)

StageArgument = Annotated[
    str,
    typer.Argument(
        help="A stage's settings (.yaml), or a bundled one: alignment, shrinking, sft, paper/sft...",
        autocompletion=_completion.stages,
    ),
]
PlanOption = Annotated[Path | None, typer.Option(help="Folder with plan.parquet and lock.json (`soundwave mix plan`).")]
OutputOption = Annotated[Path | None, typer.Option(help="The run folder.")]
InitOption = Annotated[
    Path | None, typer.Option("--init", "--from", help="The run to start from; without it the model is new.")
]
BranchOption = Annotated[
    Path | None,
    typer.Option(help="A kept checkpoint of a run that is the same up to there (schedule: wsd): go on from it."),
]
SeedOption = Annotated[int | None, typer.Option(help="Instead of the settings' seed.", min=0, max=LARGEST)]
StepsOption = Annotated[int | None, typer.Option(help="Instead of the settings' steps.", min=1, max=MOST)]
ShowOption = Annotated[
    bool, typer.Option("--show", help="Print the whole settings and where each value comes from; train nothing.")
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Go on with the run that is in the folder, with its own settings.")
]
ForceOption = Annotated[
    bool,
    typer.Option(
        "--force", help="Begin anew; another run that is in the folder is OUTPUT.old-1 when this one has ended."
    ),
]
NonFiniteOption = Annotated[
    str | None,
    typer.Option(help="When a loss or gradient is not finite: stop, or skip (drop the batch and count it)."),
]
BadCutOption = Annotated[
    str | None,
    typer.Option(help="When a cut cannot be read: stop, or skip (leave its draw out; the ledger says why)."),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print run.json instead of a line; with --show, the settings as JSON.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(train)


def train(
    stage: StageArgument,
    *,
    plan: PlanOption = None,
    output: OutputOption = None,
    init: InitOption = None,
    branch: BranchOption = None,
    seed: SeedOption = None,
    steps: StepsOption = None,
    set_: SetOption = None,
    show: ShowOption = False,
    resume: ResumeOption = False,
    force: ForceOption = False,
    on_nonfinite: NonFiniteOption = None,
    on_bad_cut: BadCutOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train one stage. A finished run is reused, an interrupted one goes on where its last checkpoint stands; another
    run in the folder is left alone.

    Several processes divide each step between them and give the curve of one; any number may resume the run:
    `torchrun --nproc_per_node 2 -m soundwave train ...`, or on GPUs
    `accelerate launch --multi_gpu --num_processes 2 -m soundwave train ...`. Less memory, same results: micro_batch
    (gradient accumulation), gradient_checkpointing and shard_llm in the settings.

    --set replaces one setting: `--set optimiser.learning_rate=2e-3`. A settings file may begin with
    `extends: alignment` and say only what differs. --show prints what comes of both, as a settings file.

    Example: `soundwave train alignment --plan demo/mixtures/alignment --output demo/runs/stage-1`
    """
    from soundwave.train.settings import STAGES

    if resume and force:
        raise SettingsError("--resume goes on with the run in the folder, --force moves it aside. Give one of the two.")
    flags: dict[str, tuple[str, int | str | None]] = {"--seed": ("seed", seed), "--steps": ("steps", steps)}
    flags |= {"--on-nonfinite": ("on_nonfinite", on_nonfinite), "--on-bad-cut": ("on_bad_cut", on_bad_cut)}
    resolved = STAGES.resolve(stage, overrides(set_, flags))
    if show:
        if init is not None and not as_json:
            print(f"# model: this section is not read; the run keeps the model of {init}")
        show_settings(resolved, as_json=as_json)
        return
    if plan is None or output is None:
        needed = [flag for flag, path in (("--plan DIR", plan), ("--output DIR", output)) if path is None]
        raise InputError(f"A training needs {' and '.join(needed)}; `soundwave train {stage} --show` needs neither.")
    existing: Existing = "resume" if resume else "aside" if force else "refuse"
    _run(resolved.settings, plan, output, init, branch, existing, as_json=as_json)


def _run(  # noqa: PLR0917 - passed on
    settings: "StageSettings",
    plan: Path,
    output: Path,
    init: Path | None,
    branch: Path | None,
    existing: "Existing",
    *,
    as_json: bool,
) -> None:
    """Train, and print what came of it once for all processes; errors get the options that go on from them."""
    from soundwave.train.distributed.processes import join, leave
    from soundwave.train.loop import train as run

    try:
        info = run(settings, plan=plan, output=output, init=init, branch=branch, existing=existing)
    except OccupiedError as error:
        raise OccupiedError(f"{error}{WAYS_ON if error.movable else ''}") from error
    except NonFiniteError as error:
        hint = " The option is --on-nonfinite skip." if settings.on_nonfinite == "stop" else ""
        raise NonFiniteError(f"{error}{hint}") from error
    except BadCutError as error:
        hint = " The option is --on-bad-cut skip." if settings.on_bad_cut == "stop" else ""
        raise BadCutError(f"{error}{hint}", error.reason, error.cut_id) from error
    first = join().first
    leave()
    if not first:
        return
    if as_json:
        from dataclasses import asdict

        from soundwave.cli._tables import print_json

        print_json(asdict(info))
        return
    from manifests.units import clock

    dropped = f", {info.skipped} with batches dropped (not finite)" if info.skipped else ""
    print(
        f"{output}: {info.stage}, {info.steps} steps in {clock(info.seconds)}{dropped}; the model is in {output}/final"
    )
    if info.bad:
        print(
            f"{info.bad:,} draws were left out, their cuts cannot be read: soundwave sql --runs {output} "
            "'SELECT cut_id, reason, detail FROM ledger WHERE reason IS NOT NULL AND frames IS NULL'"
        )
    if info.unfit:
        print(
            f"{info.unfit:,} draws had no CTC loss: their targets need more frames than they have. The ledger names "
            f"them: soundwave sql --runs {output} 'SELECT * FROM ledger WHERE reason IS NOT NULL'"
        )
