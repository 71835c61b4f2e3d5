"""`soundwave segment`: one long recording and its whole text, to a corpus of pieces with word times."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from soundwave.cli._settings import QuietOption, finite

EMBEDDED = "heard"  # a speech recogniser in place of a CTC model


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(segment)


def segment(
    audio: Annotated[Path, typer.Argument(help="The recording: hours of it are fine.")],
    text: Annotated[Path, typer.Argument(help="Its whole text, plain UTF-8.")],
    *,
    output: Annotated[Path, typer.Option(help="Folder of the new corpus, e.g. demo/corpora/NAME.")],
    backend: Annotated[
        str,
        typer.Option(help="What finds the text: heard (Moonshine and PocketSphinx), hf-ctc, torchaudio or soundwave."),
    ] = EMBEDDED,
    model: Annotated[
        str | None, typer.Option(help="A hub name or folder, a torchaudio bundle, or a stage-I run.")
    ] = None,
    refine: Annotated[
        str, typer.Option(help="What aligns each piece again: pocketsphinx, another aligner, or none.")
    ] = "pocketsphinx",
    language: Annotated[str, typer.Option(help="ISO 639-1 code of the text.")] = "en",
    shortest: Annotated[float, typer.Option(help="Seconds of the shortest piece.", callback=finite)] = 3.0,
    longest: Annotated[float, typer.Option(help="Seconds of the longest piece.", callback=finite)] = 30.0,
    least_score: Annotated[
        float | None,
        typer.Option(
            help="Pieces whose words score less on average are rejected. Default: the limit measured for the backend, "
            "-1 for heard. What --refine aligns has its own limit.",
            callback=finite,
        ),
    ] = None,
    license_: Annotated[str, typer.Option("--license", help="SPDX name, for the manifest.")] = "NOASSERTION",
    makers: Annotated[str, typer.Option(help="Who made the recording, for the manifest.")] = "unknown",
    speaker: Annotated[str | None, typer.Option(help="Who speaks, if it is one person.")] = None,
    channels: Annotated[
        str, typer.Option(help="Of a recording whose channels differ: mix, first or reject.")
    ] = "reject",
    quiet: QuietOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Cut an audiobook or a sitting at silences into pieces with their words; what does not fit is a reject row.

    Exit 1 if no piece is kept: the text is not this recording's, or no piece has a length that is asked for.

    Example: `soundwave segment book.mp3 book.txt --output demo/corpora/book`
    """
    from curation.align import load_aligner
    from curation.segment.corpus import CorpusOrigin, segment_file
    from curation.segment.silences import PieceLimits
    from manifests.audio import need_channels

    again = None if refine == "none" else load_aligner(refine)
    if again is not None:
        again.check()
    origin = CorpusOrigin(output.resolve().name, license_, makers, language, speaker)
    limits = PieceLimits(shortest, longest)
    options: dict[str, Any] = {"limits": limits, "refine": again, "least_score": least_score}
    options["channels"] = need_channels(channels)
    found = segment_file(audio, text, output, _model(backend, model), origin, **options)
    _show(found.row(), as_json=as_json)
    if not found.pieces:
        _say_why(found.unrelated, text, audio, output)
        raise typer.Exit(1)


def _say_why(unrelated: bool, text: Path, audio: Path, output: Path) -> None:
    """Tell standard error why nothing is kept."""
    why = "is not what is said in" if unrelated else "gives no piece of a length between the limits in"
    print(
        f"{text} {why} {audio}: nothing is kept; {output}/rejects.jsonl.gz says why. Check the pairing, or "
        "change --least-score, --shortest or --longest.",
        file=sys.stderr,
    )


def _model(backend: str, model: str | None) -> Any:
    """The CTC model that listens."""
    from curation.align import load_aligner
    from curation.align.asr_as_ctc import RecogniserModel
    from curation.align.ctc_model import SpikeAligner
    from manifests.errors import SettingsError

    if backend == EMBEDDED:
        if model:
            raise SettingsError(f"--backend {EMBEDDED} has no model to choose. Leave --model out.")
        return RecogniserModel.embedded()
    aligner = load_aligner(backend, model=model)
    if not isinstance(aligner, SpikeAligner):
        raise SettingsError(
            f"The aligner `{backend}` aligns one piece at a time: only a CTC model can hear a whole recording. "
            f"Use --backend {EMBEDDED}, hf-ctc, torchaudio or soundwave."
        )
    return aligner.loader()


def _show(row: dict[str, Any], *, as_json: bool) -> None:
    from soundwave.cli._tables import print_json, say

    if as_json:
        print_json(row)
        return
    say(f"{row['folder']}: {row['pieces']} pieces, {row['hours']:.3f} of {row['audio_hours']:.3f} hours")
    say(f"  words: {row['words_kept']} of {row['words']} kept, {row['words_unsaid']} not said")
    say(f"  rejects: {row['rejected']} (see rejects.jsonl.gz)")
    say(f"  pieces that begin within speech: {row['cuts_in_speech']}")
