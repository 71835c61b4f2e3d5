"""`soundwave infer`: ask a run about audio files."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(infer)


def infer(
    run: Annotated[Path, typer.Argument(help="A finished run.")],
    files: Annotated[list[Path], typer.Argument(help="Audio files.")],
    prompt: Annotated[
        str | None, typer.Option(help="What to ask; {audio} says where the sound goes. Default: to transcribe.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What a run hears in audio files: its CTC text, and from stage II on the LLM's own answer.

    Example: `soundwave infer demo/runs/stage-3 demo/corpora/asterisk/audio/activated.flac`
    """
    from soundwave.infer import infer as ask

    rows = ask(run, files, prompt=prompt)
    if as_json:
        import json

        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        print(f"{row['file']} ({row['seconds']} s)\n  CTC: {row['ctc']}")
        if row["answer"] is not None:
            print(f"  LLM: {row['answer']}")
