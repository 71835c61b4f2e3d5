"""The one command line, `soundwave`. Commands import what they need when they run, so that --help is instant."""

from __future__ import annotations

import sys

import typer

app = typer.Typer(
    name="soundwave",
    help="Build a speech LLM's data mixtures, audit them in SQL, train its three stages, and ablate the data.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _register() -> None:
    """Every module of this package with a `register(app)` adds its commands."""


def main() -> None:
    """Entry point: exit 0 done, 1 findings, 2 bad input or use; never a traceback for bad input."""
    from manifests.errors import InputError

    _register()
    try:
        app()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on from here", file=sys.stderr)
        sys.exit(130)
