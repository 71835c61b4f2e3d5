"""The one command line, `soundwave`. Commands import what they need when they run, so that --help is instant."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer
import typer.main

# In the order of the pipeline, which is the order of `soundwave --help`.
COMMANDS = (
    "demo",
    "assets",
    "prepare",
    "segment",
    "label",
    "calibrate",
    "catalog",
    "sql",
    "audit",
    "mix",
    "train",
    "eval",
    "infer",
    "chat",
    "ledger",
    "ablate",
    "report",
)


def build_app() -> typer.Typer:
    """The application with every command registered."""
    app = typer.Typer(
        name="soundwave",
        help="Build a speech LLM's data mixtures, audit them in SQL, train its three stages, and ablate the data.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,  # drawing boxes around help costs half a second
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_version_option)
    for name in COMMANDS:
        importlib.import_module(f"soundwave.cli.{name}").register(app)
    return app


def _version_option(
    version: bool = typer.Option(False, "--version", help="Print the version and exit.", is_eager=True),
) -> None:
    if version:
        import manifests

        print(f"soundwave {manifests.__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point: exit 0 done, 1 findings, 2 bad input or use; never a traceback for bad input."""
    from manifests.errors import InputError

    try:
        app = build_app()
        app()
    except InputError as error:
        _fail(with_flags(str(error), flags(app, sys.argv[1:])))
    except OSError as error:  # no space, no permission: the environment's fault, said in one line
        if error.filename is None:
            raise
        _fail(f"{error.strerror}: {error.filename}")
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on from here", file=sys.stderr)
        sys.exit(130)


def flags(app: typer.Typer, words: Sequence[str]) -> dict[str, str]:
    """Setting -> flag of the command that `words` call; a setting has the name of its flag."""
    command: Any = typer.main.get_command(app)
    for word in words:
        command = getattr(command, "commands", {}).get(word, command)
    options = [option for parameter in command.params for option in parameter.opts]
    return {option[2:].replace("-", "_"): option for option in options if option.startswith("--")}


def with_flags(message: str, named: Mapping[str, str]) -> str:
    """A message with the flag after each setting that it names: setting `source` (--source), as `model` (--model)."""

    def add(match: re.Match[str]) -> str:
        return f"{match[0]} ({named[match[1]]})" if match[1] in named else match[0]

    return re.sub(r"(?:setting|key|as) `(\w+)`", add, message)


def _fail(message: str) -> None:
    from manifests.shown import shown

    print(f"error: {shown(message, lines=True)}", file=sys.stderr)
    sys.exit(2)
