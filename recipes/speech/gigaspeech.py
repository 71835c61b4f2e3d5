"""GigaSpeech: English audiobooks, podcasts and videos, from the folder that holds `GigaSpeech.json` and `audio/`.

    audio/podcast/P0001/POD0000000025.opus
    GigaSpeech.json:   {"audios": [{"aid": "POD0000000025", "path": "audio/podcast/P0001/POD0000000025.opus",
        "duration": 2100.1, "segments": [{"sid": "POD0000000025_S0000103", "speaker": "N/A", "begin_time": 780.31,
        "end_time": 783.13, "text_tn": "FOUR O'CLOCK <COMMA> SAID WILLIAMS <PERIOD>", "subsets": ["{XL}", "{L}"]}]}]}

The JSON is read as a stream, a recording at a time. A segment belongs to a subset and to all that are larger
(XS < S < M < L < XL); its part is named after the smallest, `train-M`. So the M of the corpus's paper is `train-XS`,
`train-S` and `train-M` together, and `cut.custom.subset` says which to take. Figures are those of the published
dataset card, less the smaller subset; segments that are music, noise or silence are rejects and not counted there. A
recording whose file is not there, as where only a subset was fetched, is one reject for all of its segments.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import ijson

from manifests.errors import AudioError, ManifestError
from manifests.lines import open_bytes
from manifests.reasons import Reason
from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe, collapse, need_inside
from recipes.speech.sources import SourceTree, span

CORPUS = "gigaspeech"
TABLE = "GigaSpeech.json"
OBTAIN = (
    "Ask for it at https://github.com/SpeechColab/GigaSpeech and name the folder that holds GigaSpeech.json and audio."
)
SUBSETS = ("XS", "S", "M", "L", "XL")  # each within the next
HELD_OUT = ("DEV", "TEST")
MARKS = {"<COMMA>": ",", "<PERIOD>": ".", "<QUESTIONMARK>": "?", "<EXCLAMATIONPOINT>": "!"}
NOT_SPEECH = frozenset(("<SIL>", "<MUSIC>", "<NOISE>", "<OTHER>"))


def items(root: Path) -> Iterator[Item | Reject]:
    """Every segment of the JSON."""
    source = SourceTree(CORPUS, root)
    path = root / TABLE
    if not path.is_file():
        raise source.nothing(TABLE, OBTAIN)
    try:
        need_inside(path)
    except AudioError as error:
        raise ManifestError(str(error)) from error
    for number, recording in enumerate(_recordings(path), start=1):
        yield from _segments(source, recording, f"{TABLE}: audios[{number - 1}]")
    yield from source.unnamed(root / "audio", ".opus")


def _recordings(path: Path) -> Iterator[Any]:
    """The values in `audios`, one in memory at a time."""
    with open_bytes(path) as stream:
        if stream.read(len(BOM_UTF8)) != BOM_UTF8:
            stream.seek(0)
        try:
            yield from ijson.items(stream, "audios.item")
        except ijson.JSONError as error:
            said = error.args[0]  # text or bytes, with lines that point at the place
            why = (said.decode(errors="replace") if isinstance(said, bytes) else str(said)).splitlines()[0]
            raise ManifestError(
                f"{path} is no whole JSON ({why}): it was cut short or is damaged. Nothing of it is used. "
                "Fetch it again."
            ) from error


def _segments(source: SourceTree, recording: Any, place: str) -> Iterator[Item | Reject]:
    try:
        aid, audio = _text(recording, "aid"), source.audio(source.root / _text(recording, "path"))
        segments, length = recording["segments"], float(recording["duration"])
        if not isinstance(segments, list):
            raise ValueError("`segments` is no list")
    except (KeyError, TypeError, ValueError) as error:
        yield source.reject(place, Reason.bad_row, f"{place}: {_said(error)}")
        return
    if not audio.is_file():
        yield source.reject(aid, Reason.audio_missing, f"{audio} is not there; {len(segments):,} segments are of it")
        return
    for number, segment in enumerate(segments):
        where = f"{place}.segments[{number}]"
        try:
            yield _segment(source, segment, where, recording=aid, audio=audio, length=length)
        except (KeyError, TypeError, ValueError) as error:
            yield source.reject(f"{aid}-{number}", Reason.bad_row, f"{where}: {_said(error)}")


def _segment(source: SourceTree, row: Any, place: str, *, recording: str, audio: Path, length: float) -> Item | Reject:
    key, written = _text(row, "sid"), _text(row, "text_tn").split()
    if not NOT_SPEECH.isdisjoint(written):
        return source.reject(key, Reason.not_speech, f"{place}: {' '.join(written)[:80]}")
    subset = _subset(row["subsets"])
    start, duration = span(str(row["begin_time"]), str(row["end_time"]))
    speaker = row.get("speaker")
    return Item(
        key=key,
        place=place,
        recording=recording,
        audio=audio,
        start=start,
        duration=duration,
        recording_claimed=length,
        text=_spelled(written),
        speaker=None if speaker in (None, "", "N/A") else str(speaker),
        split=subset if subset in HELD_OUT else f"train-{subset}",
        extra={"subset": subset},
    )


def _subset(named: Any) -> str:
    """The smallest subset that a segment is of."""
    names = {str(name).strip("{}") for name in named} if isinstance(named, list) else set()
    found = next((name for name in (*HELD_OUT, *SUBSETS) if name in names), None)
    if found is None:
        raise ValueError(f"subsets are {named!r}, expected some of {', '.join(SUBSETS + HELD_OUT)}")
    return found


def _spelled(words: list[str]) -> str:
    """The text with its marks at the words."""
    text = " ".join(MARKS.get(word, word) for word in words)
    return collapse(re.sub(r" (?=[,.?!](?: |$))", "", text))


def _text(row: Any, name: str) -> str:
    value = row[name]
    if not isinstance(value, str) or not value:
        raise ValueError(f"`{name}` is {str(value) if isinstance(value, Decimal) else repr(value)}, expected text")
    return value


def _said(error: Exception) -> str:
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)


RECIPE = Recipe(
    corpus=CORPUS,
    title="GigaSpeech, English audiobooks, podcasts and videos",
    task="asr",
    license="LicenseRef-GigaSpeech",
    makers="Guoguo Chen and others, SpeechColab",
    items=items,
    obtain=OBTAIN,
    access="form",
    languages=("en",),
    expected={
        "train-XS": Expected(9_389, 10.0),
        "train-S": Expected(230_068 - 9_389, 240.0),
        "train-M": Expected(910_140 - 230_068, 750.0),
        "train-L": Expected(2_266_371 - 910_140, 1_500.0),
        "train-XL": Expected(8_282_988 - 2_266_371, 7_500.0),
        "DEV": Expected(5_715, 12.0),
        "TEST": Expected(19_930, 40.0),
    },
)
