"""The one command line, `soundwave`. Commands import what they need when they run, so that --help is instant."""

from __future__ import annotations

import contextlib
import importlib
import os
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
    "why",
    "report",
    "explore",
    "doctor",
)


NO_TEMPORARY = "No usable temporary directory"  # what tempfile says when /tmp is full
GONE = 141  # as of a process that SIGPIPE ended
INTERRUPTED = 130  # as of one that SIGINT ended
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[2]  # click's ClickException; newer typers carry their own


def build_app() -> typer.Typer:
    """The application with every command registered."""
    app = typer.Typer(
        name="soundwave",
        help="Build a speech LLM's data mixtures, audit them in SQL, train its three stages, and ablate the data.",
        no_args_is_help=True,
        rich_markup_mode=None,  # drawing boxes around help costs half a second
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_version_option)
    for name in COMMANDS:
        importlib.import_module(f"soundwave.cli.{name}").register(app)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        import manifests

        print(f"soundwave {manifests.__version__}")
        raise typer.Exit


def _version_option(
    _: bool = typer.Option(
        False, "--version", help="Print the version and exit.", is_eager=True, callback=_show_version
    ),
) -> None:
    """Options beside the commands."""


def main() -> None:
    """Entry point: exit 0 done, 1 findings, 2 bad input or use; never a traceback for bad input.

    A reader of our output that has gone (`soundwave sql ... | head`) ends the command without a word, as it does others
    (141); output that cannot be written is an error (2).
    """
    _fill_standard_streams()
    code = _run()
    try:
        sys.stdout.flush()
    except OSError as error:
        code = _unwritten(error)
    sys.exit(code)


def _run() -> int | str | None:
    """Run the command that the words call; its exit code."""
    app = build_app()
    try:
        code = app(standalone_mode=False)
    except SystemExit as end:
        # Of a reader that has gone typer and rich make a plain 1, which says findings.
        return GONE if isinstance(end.__context__, BrokenPipeError) else end.code
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except USAGE_ERROR as error:
        return _misused(error)
    except Exception as error:
        return _code_of(error, app)
    if code == INTERRUPTED:  # what some versions of typer make of Ctrl-C
        print("interrupted; run the same command again to go on from here", file=sys.stderr)
    return code if isinstance(code, int) else 0


def _misused(error: Any) -> int:
    """Say what is wrong with the words of a command, as every error is said; exit 2."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return 2
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "soundwave"
    return _fail(f"{error.format_message()}\n`{command} --help` says what it takes.")


def _code_of(error: Exception, app: typer.Typer) -> int:
    """Say what an error says, and return its exit code; a bug of ours is raised again."""
    from manifests.disk.faults import ADVICE, fault_number
    from manifests.errors import InputError

    if isinstance(error, InputError):
        return _fail(with_flags(str(error), flags(app, sys.argv[1:])))
    if isinstance(error, OSError) and error.filename is not None:  # the environment's fault, said in one line
        return _fail(f"{error.strerror}: {error.filename}")
    if isinstance(error, OSError) and error.filename is None and NO_TEMPORARY in str(error):
        return _fail(f"{error.strerror}. Make room in one, or name another folder in the variable TMPDIR.")
    if isinstance(error, OSError) and _stdout_is_broken():
        return _unwritten(error)
    number = fault_number(error)
    if number is None:
        raise error
    return _fail(f"{os.strerror(number)}. {ADVICE[number]} ({str(error).splitlines()[0][:200]})")


def _fill_standard_streams() -> None:
    """Stand-ins for standard streams that are closed: else the next file that is opened takes their number."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
            pass
        os.close(handle)
        sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)


def _stdout_is_broken() -> bool:
    try:
        sys.stdout.flush()  # what is buffered may be gone with the error, so a line is tried, too
        os.write(sys.stdout.fileno(), b"\n")
    except OSError:
        return True
    return False


def _unwritten(error: OSError) -> int:
    """Say that standard output took nothing more; what is left of it must not be tried again at exit."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if isinstance(error, BrokenPipeError):
        return GONE
    return _fail(f"standard output cannot be written: {error.strerror}. What was to stand there is lost.")


def flags(app: typer.Typer, words: Sequence[str]) -> dict[str, str]:
    """Setting -> flag of the command that `words` call; a setting has the name of its flag."""
    command: Any = typer.main.get_command(app)
    for word in words:
        command = getattr(command, "commands", {}).get(word, command)
    command = getattr(command, "commands", {}).get(getattr(command, "default_command", None), command)
    options = [option for parameter in command.params for option in parameter.opts]
    return {option[2:].replace("-", "_"): option for option in options if option.startswith("--")}


def with_flags(message: str, named: Mapping[str, str]) -> str:
    """A message with the flag after each setting that it names: setting `source` (--source), as `model` (--model)."""

    def add(match: re.Match[str]) -> str:
        return f"{match[0]} ({named[match[1]]})" if match[1] in named else match[0]

    return re.sub(r"(?:setting|key|as) `(\w+)`", add, message)


def _fail(message: str) -> int:
    from manifests.shown import shown

    with contextlib.suppress(OSError):  # nobody hears it
        print(f"error: {shown(message, lines=True)}", file=sys.stderr)
    return 2
