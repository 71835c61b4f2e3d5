"""`soundwave train`: one stage on one plan."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(train)


def train(
    stage: Annotated[
        str,
        typer.Argument(help="A stage's settings (.yaml), or a bundled one: alignment, shrinking, sft, paper/sft..."),
    ],
    *,
    plan: Annotated[Path, typer.Option(help="Folder with plan.parquet and lock.json (`soundwave mix plan`).")],
    output: Annotated[Path, typer.Option(help="The run folder.")],
    init: Annotated[
        Path | None, typer.Option("--init", "--from", help="The run to start from; without it the model is new.")
    ] = None,
    branch: Annotated[
        Path | None,
        typer.Option(help="A kept checkpoint of a run that is the same up to there (schedule: wsd): go on from it."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the settings' seed.", min=0)] = None,
    steps: Annotated[int | None, typer.Option(help="Instead of the settings' steps.", min=1)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print run.json instead of a line.")] = False,
) -> None:
    """Train one stage. A finished run is reused, an interrupted one goes on where its last checkpoint stands.

    Several processes divide each step between them and give the curve of one; any number may resume the run:
    `torchrun --nproc_per_node 2 -m soundwave train ...`, or on GPUs
    `accelerate launch --multi_gpu --num_processes 2 -m soundwave train ...`. Less memory, same results: micro_batch
    (gradient accumulation), gradient_checkpointing and shard_llm in the settings.

    Example: `soundwave train alignment --plan demo/mixtures/alignment --output demo/runs/stage-1`
    """
    from soundwave.train.settings import load_stage

    overrides = {"seed": seed, "steps": steps}
    settings = load_stage(stage, {name: value for name, value in overrides.items() if value is not None})
    from soundwave.train.distributed.processes import join, leave
    from soundwave.train.loop import train as run

    info = run(settings, plan=plan, output=output, init=init, branch=branch)
    first = join().first
    leave()
    if not first:
        return
    if as_json:
        import json
        from dataclasses import asdict

        print(json.dumps(asdict(info), indent=2))
        return
    from manifests.units import clock

    print(f"{output}: {info.stage}, {info.steps} steps in {clock(info.seconds)}; the model is in {output}/final")
