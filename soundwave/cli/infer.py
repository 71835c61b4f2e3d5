"""`soundwave infer`: ask a run about audio files."""

import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from soundwave.cli._settings import BEAMS, MOST, finite

NAMED = 3  # skipped files that are named


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(infer)


def infer(
    run: Annotated[Path, typer.Argument(help="A finished run.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Audio files or folders; none: --prompt is asked without sound."),
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

    Of a folder every file is heard, also those in its folders. Where several files are named, one that cannot be heard
    is reported and the others go on; the exit code is then 1.

    Example: `soundwave infer demo/runs/stage-3 demo/corpora/asterisk/audio/activated.flac --stream`
    """
    from manifests.audio import need_channels
    from manifests.errors import InputError
    from soundwave.cli._tables import say
    from soundwave.infer import ask
    from soundwave.infer.sounds import named_files

    if stream and (as_json or (beams or 1) > 1):
        raise InputError("--stream prints words of a greedy search as they come: leave out --json and --beams.")
    named = list(named_files(files or []))
    paths = [path for path, _ in named]
    told = _Told({str(path) for path, inside in named if inside})
    tolerant = len(named) > 1 or bool(told.inside)
    options: dict[str, Any] = {"prompt": prompt, "longest": longest, "max_new_tokens": max_new_tokens}
    options["channels"] = need_channels(channels)
    if stream:
        ask.stream(run, paths, begin=told.begin, write=partial(say, end=""), tolerant=tolerant, **options)
        print()
    else:
        rows = filter(told.take, ask.infer_each(run, paths, ask.AskOptions(beams=beams, **options), tolerant=tolerant))
        _show(rows, as_json=as_json)
    told.end()


class _Told:
    """What standard error is told of files that cannot be heard."""

    def __init__(self, inside: set[str]) -> None:
        """inside: files that a folder gave; the others were named."""
        self.inside = inside
        self.failed, self.heard = 0, 0
        self.skipped: list[str] = []

    def take(self, row: dict[str, Any]) -> bool:
        """Whether a row says something about a sound: its answer, or what is wrong with it."""
        from soundwave.cli._tables import say
        from soundwave.infer.sounds import seems_sound

        if row["error"] is None:
            self.heard += 1
        elif row["file"] in self.inside and not seems_sound(Path(row["file"])):
            self.skipped.append(row["file"])
            return False
        else:
            self.failed += 1
            say(f"error: {row['error']}", error=True)
        return True

    def begin(self, row: dict[str, Any]) -> None:
        """What comes before an answer that is printed as it comes."""
        from soundwave.cli._tables import say

        if self.take(row) and row["error"] is None and row["file"] is not None:
            say(f"\n{row['file']} ({row['seconds']} s)\n  CTC: {row['ctc']}\n  LLM: ", end="")

    def end(self) -> None:
        """Say what was left out; exit 1 if a sound could not be heard.

        Raises:
            InputError: only files that are no sound.
        """
        from manifests.errors import InputError
        from soundwave.cli._tables import say

        if self.skipped:
            names = ", ".join(self.skipped[:NAMED]) + (", ..." if len(self.skipped) > NAMED else "")
            say(f"skipped, since they are no audio: {len(self.skipped)} files ({names})", error=True)
        if not self.heard and not self.failed:
            raise InputError("There is no audio in what was named.")
        if self.failed:
            every = self.failed + self.heard
            print(f"{self.failed} of {every} files could not be heard or asked about", file=sys.stderr)
            raise typer.Exit(1)


def _show(rows: Iterable[dict[str, Any]], *, as_json: bool) -> None:
    from soundwave.cli._tables import print_json, say

    if as_json:
        print_json(list(rows))
        return
    for row in rows:
        if row["error"] is not None:
            continue
        if row["file"] is None:
            say(row["answer"])
            continue
        say(f"{row['file']} ({row['seconds']} s)\n  CTC: {row['ctc']}")
        if row["answer"] is not None:
            say(f"  LLM: {row['answer']}")
