"""`soundwave assets`: fetch what demo and tests need, once."""

from __future__ import annotations

from typing import Annotated

import typer

from soundwave.cli._settings import QuietOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(assets)


def assets(
    *,
    quiet: QuietOption = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Fetch the demo's corpora and convert its language model, into `$SOUNDWAVE_CACHE` (default `~/.cache/soundwave`).

    What is there already is not fetched again; afterwards demo and tests need no network.

    Example: `soundwave assets`
    """
    from soundwave.cli._tables import print_json, say
    from soundwave.demo.assets import fetch_assets

    lines = []
    for line in fetch_assets():
        lines.append(line)
        if not json_:
            say(line)
    if json_:
        print_json(dict(line.split(": ", 1) for line in lines))
