"""`soundwave assets`: fetch what demo and tests need, once."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(assets)


def assets() -> None:
    """Fetch the demo's corpora and convert its language model, into `$SOUNDWAVE_CACHE` (default `~/.cache/soundwave`).

    What is there already is not fetched again; afterwards demo and tests need no network.

    Example: `soundwave assets`
    """
    from soundwave.demo.assets import fetch_assets

    for line in fetch_assets():
        print(line)
