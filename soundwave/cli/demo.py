"""`soundwave demo`: the whole pipeline on real data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from soundwave.cli._settings import PROCESSES, QuietOption, SetOption, overrides

DEMO, LONG = Path("demo"), Path("demo-long")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    output: Annotated[
        Path | None,
        typer.Option(
            help="Workspace: corpora, labels, catalog, runs and report go here.",
            show_default=f"{DEMO}, or {LONG} with --long",
        ),
    ] = None,
    *,
    long: Annotated[
        bool,
        typer.Option("--long", help="More corpora, more hours, all three stages: the best figure (an hour or two)."),
    ] = False,
    workers: Annotated[
        int | None, typer.Option(help="Processes side by side, one thread each (default 2).", min=1, max=PROCESSES)
    ] = None,
    set_: SetOption = None,
    quiet: QuietOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print summary.json on standard output at the end.")] = False,
) -> None:
    """Run corpora -> labels -> catalog -> mixtures -> training -> ablation -> report on real recordings.

    Takes about ten minutes on two cores, and there is something to look at and to hear after three. Interrupt it
    whenever you like: run again, it goes on from there, and a finished demo is reused. --set replaces settings of its
    stages, mixtures and grids: stages.shrinking.steps=10, mixtures.demo/alignment.budget=0.5, counts.heart=300,
    seeds=[1,2].

    Example: `soundwave demo --output demo`
    """
    from soundwave.demo.run import run_demo
    from soundwave.demo.settings import load_demo

    replaced = overrides(set_, {"--workers": ("workers", workers)})
    place = output or (LONG if long else DEMO)
    summary = run_demo(place, load_demo("long" if long else "short", replaced))
    if as_json:
        from soundwave.cli._tables import print_json

        print_json(summary)
