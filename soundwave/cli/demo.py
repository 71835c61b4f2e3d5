"""`soundwave demo`: the whole pipeline on real data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from soundwave.cli._settings import PROCESSES, QuietOption, SetOption, overrides


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    output: Annotated[Path, typer.Option(help="Workspace: corpora, labels, catalog, runs and report go here.")] = Path(
        "demo"
    ),
    workers: Annotated[
        int | None, typer.Option(help="Processes side by side, one thread each (default 2).", min=1, max=PROCESSES)
    ] = None,
    set_: SetOption = None,
    quiet: QuietOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print summary.json on standard output at the end.")] = False,
) -> None:
    """Run corpora -> labels -> catalog -> mixtures -> three stages -> ablation -> report on real recordings.

    Takes about twenty minutes on two cores. Interrupt it whenever you like: run again, it goes on from there,
    and a finished demo is reused. --set replaces settings of its stages, mixtures and grids: stages.sft.steps=10,
    mixtures.alignment.budget=0.5, grids=[demo-stage1], seeds=[1,2].

    Example: `soundwave demo --output demo`
    """
    from manifests.settings import replace_defaults
    from soundwave.demo.run import run_demo
    from soundwave.demo.settings import DemoSettings

    replaced = overrides(set_, {"--workers": ("workers", workers)})
    summary = run_demo(output, replace_defaults(DemoSettings, replaced, where="the demo"))
    if as_json:
        from soundwave.cli._tables import print_json

        print_json(summary)
