"""`soundwave demo`: the whole pipeline on real data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    output: Annotated[Path, typer.Option(help="Workspace: corpora, labels, catalog, runs and report go here.")] = Path(
        "demo"
    ),
    workers: Annotated[int, typer.Option(help="Processes side by side, one thread each.", min=1)] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print summary.json on standard output at the end.")] = False,
) -> None:
    """Run corpora -> labels -> catalog -> mixtures -> three stages -> ablation -> report on real recordings.

    Takes about twenty minutes on two cores. Interrupt it whenever you like: run again, it goes on from there,
    and a finished demo is reused.

    Example: `soundwave demo --output demo`
    """
    from soundwave.demo import run_demo

    summary = run_demo(output, workers=workers)
    if as_json:
        import json

        print(json.dumps(summary, indent=2))
