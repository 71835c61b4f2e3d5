"""`soundwave chat`: a conversation with a run, typed or piped in."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from soundwave.cli._settings import MOST, finite


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(chat)


def chat(
    run: Annotated[Path, typer.Argument(help="A finished run.")],
    *,
    longest: Annotated[
        float, typer.Option(help="Longer recordings are heard in pieces cut at silences (s).", callback=finite)
    ] = 30.0,
    max_new_tokens: Annotated[int, typer.Option(help="Longest answer, in tokens.", min=1, max=MOST)] = 256,
    channels: Annotated[str, typer.Option(help="Of a file whose channels differ: mix, first or reject.")] = "reject",
) -> None:
    """Talk with a run, a message a line; `/audio FILE` adds sound to the next one, `/reset` forgets, `/quit` leaves.

    Lines may be piped in: then the first bad one ends the conversation with exit code 2.

    Example: `soundwave chat demo/runs/stage-3`
    """
    from manifests.audio import need_channels
    from soundwave.infer.chat import Chat, converse
    from soundwave.infer.listener import Listener
    from soundwave.infer.pieces import need_longest

    typed = sys.stdin.isatty()
    how = need_channels(channels)
    need_longest(longest)  # before the model is loaded
    talk = Chat(Listener.load(run), longest=longest, max_new_tokens=max_new_tokens, channels=how)
    converse(talk, _typed_lines() if typed else sys.stdin, lenient=typed)


def _typed_lines() -> Iterator[str]:
    """Lines from the keyboard, with a history that outlasts the session."""
    import contextlib

    from manifests.files import cache_dir

    history = cache_dir() / "chat-history"
    with contextlib.suppress(ImportError):
        import readline  # its import alone gives input() line editing

        with contextlib.suppress(OSError):
            readline.read_history_file(history)
    print("A message a line; /audio FILE adds sound to the next one, /help lists the commands.", file=sys.stderr)
    try:
        while True:
            try:
                yield input("> ")
            except KeyboardInterrupt:
                print(file=sys.stderr)
    except EOFError:
        print(file=sys.stderr)
    finally:
        with contextlib.suppress(ImportError, OSError):
            import readline

            history.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(history)
