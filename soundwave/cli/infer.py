"""`soundwave infer`: ask a run about audio files."""

from pathlib import Path
from typing import Annotated, Any

import typer

from soundwave.cli._settings import BEAMS, MOST, finite


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(infer)


def infer(
    run: Annotated[Path, typer.Argument(help="A finished run.")],
    files: Annotated[
        list[Path] | None, typer.Argument(help="Audio files; none: --prompt is asked without sound.")
    ] = None,
    *,
    prompt: Annotated[
        str | None, typer.Option(help="What to ask; {audio} says where the sound goes. Default: to transcribe.")
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Print answers as they come; searches greedily.")] = False,
    longest: Annotated[
        float, typer.Option(help="Longer recordings are heard in pieces cut at silences (s).", callback=finite)
    ] = 30.0,
    max_new_tokens: Annotated[int | None, typer.Option(help="Longest answer, in tokens.", min=1, max=MOST)] = None,
    beams: Annotated[
        int | None,
        typer.Option(help="Of the search. Default: 4 to transcribe, 1 for other questions.", min=1, max=BEAMS),
    ] = None,
    channels: Annotated[str, typer.Option(help="Of a file whose channels differ: mix, first or reject.")] = "reject",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what a run hears in audio files: its CTC text, and from stage II on the LLM's own answer.

    Example: `soundwave infer demo/runs/stage-3 demo/corpora/asterisk/audio/activated.flac --stream`
    """
    from manifests.audio import need_channels
    from manifests.errors import InputError
    from soundwave import infer as asking

    options: dict[str, Any] = {"prompt": prompt, "longest": longest, "max_new_tokens": max_new_tokens}
    options["channels"] = need_channels(channels)
    if not stream:
        _show(asking.infer(run, files or [], beams=beams, **options), as_json=as_json)
        return
    if as_json or (beams or 1) > 1:
        raise InputError("--stream prints words of a greedy search as they come: leave out --json and --beams.")
    asking.stream(run, files or [], begin=_head, write=lambda words: print(words, end="", flush=True), **options)
    print()


def _head(row: dict[str, Any]) -> None:
    """What comes before an answer that is printed as it comes."""
    if row["file"] is not None:
        print(f"\n{row['file']} ({row['seconds']} s)\n  CTC: {row['ctc']}\n  LLM: ", end="", flush=True)


def _show(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        import json

        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        if row["file"] is None:
            print(row["answer"])
            continue
        print(f"{row['file']} ({row['seconds']} s)\n  CTC: {row['ctc']}")
        if row["answer"] is not None:
            print(f"  LLM: {row['answer']}")
