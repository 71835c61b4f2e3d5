"""Europarl-ASR: speeches in the European Parliament in English, from the folder that holds `en/`.

    en/train/original_audio/speeches/TERM/DATE/SPEECH/ep-asr.en.orig.TERM.DATE.SPEECH.m4a
    en/train/original_audio/speeches/TERM/DATE/SPEECH/ep-asr.en.orig.TERM.DATE.SPEECH.tr.verb.srt
    en/dev/original_audio/spk-dep/speeches/... .tr.rev.srt   (and spk-indep; the same in test)
    en/train/original_audio/metadata/speeches*.csv:   term;session_date;speech_id;speaker_type;speaker_id;...

One cut is one subtitle. Of the transcripts the one nearest to what was said is read: in dev and test the one that
people revised (`rev`), in train the one made verbatim by machine (`verb`); where that is missing the official one
(`orig`), and `cut.custom.transcript` says which. The corpus has 33,002 speeches of 1,263 h, 17.5 h of them in dev and
test (its README, v1.0); it does not count subtitles. Those of the paper that this project follows have 2.1 s on
average. In `spk-dep` the speakers are those of train, in `spk-indep` they are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from manifests.errors import AudioError
from manifests.lines import Line, lines
from manifests.reasons import Reason
from manifests.rows import Reject
from recipes.common import Item, Recipe, collapse, need_inside
from recipes.speech.sources import SourceTree, files, gender_of

CORPUS = "europarl_asr"
OBTAIN = (
    "Get Europarl-ASR_v1.0.tar.gz from https://www.mllp.upv.es/europarl-asr and name the folder that holds `en` "
    "(Europarl-ASR)."
)
SETS = {
    "train": "train",
    "dev/original_audio/spk-dep": "dev-spk-dep",
    "dev/original_audio/spk-indep": "dev-spk-indep",
    "test/original_audio/spk-dep": "test-spk-dep",
    "test/original_audio/spk-indep": "test-spk-indep",
}
TRANSCRIPTS = ("rev", "verb", "orig")  # the first that is there counts
SPEECHES = ("term", "session_date", "speech_id", "speaker_type", "speaker_id")  # the first columns of that table
_TIME = re.compile(r"(\d+):(\d\d):(\d\d)[,.](\d{1,3})\s*-->\s*(\d+):(\d\d):(\d\d)[,.](\d{1,3})\s*")


@dataclass(frozen=True)
class Subtitle:
    """One of an SRT file, or what is wrong with it."""

    line: int  # where it begins
    start: float = 0.0  # seconds
    end: float = 0.0
    text: str = ""
    problem: str = ""


def items(root: Path) -> Iterator[Item | Reject]:
    """Every subtitle of the sets that are there."""
    source = SourceTree(CORPUS, root)
    found = [(folder, part) for name, part in SETS.items() if (folder := _folder(root, name)).is_dir()]
    if not found:
        raise source.nothing("en/train/original_audio/speeches, en/dev/original_audio/spk-dep/speeches, ...", OBTAIN)
    for folder, part in found:
        speakers = _speakers(source, folder.parent / "metadata")
        for audio in files(folder, ".m4a"):
            yield from _speech(source, audio, part, speakers)


def _folder(root: Path, name: str) -> Path:
    return root / "en" / (f"{name}/original_audio" if name == "train" else name) / "speeches"


def _speech(
    source: SourceTree, audio: Path, part: str, speakers: dict[str, tuple[str, str]]
) -> Iterator[Item | Reject]:
    """The cuts of one speech."""
    term, date, speech = audio.parts[-4:-1]
    recording = f"{term}.{date}.{speech}"
    there = ((kind, audio.with_name(f"{audio.stem}.tr.{kind}.srt")) for kind in TRANSCRIPTS)
    kind, path = next(((kind, path) for kind, path in there if path.is_file()), ("", audio))
    if not kind:
        yield source.reject(recording, Reason.text_missing, f"{audio.name} has no .tr.*.srt beside it")
        return
    try:
        need_inside(path)
    except AudioError as error:
        yield source.reject(recording, Reason(error.reason), str(error))
        return
    speaker, gender = speakers.get(recording, ("", ""))
    for subtitle in subtitles(path):
        place = source.place(path, subtitle.line)
        if subtitle.problem:
            yield source.reject(f"{recording}-{subtitle.line}", Reason.bad_row, f"{place}: {subtitle.problem}")
            continue
        yield Item(
            key=f"{recording}-{round(subtitle.start * 1000):07d}",
            place=place,
            recording=recording,
            audio=audio,
            start=subtitle.start,
            duration=round(subtitle.end - subtitle.start, ndigits=8),
            text=collapse(subtitle.text),
            speaker=speaker or None,
            split=part,
            extra={"gender": gender_of(gender), "transcript": kind},
        )


def subtitles(path: Path) -> Iterator[Subtitle]:
    """The subtitles of an SRT file: a number, a line of times, lines of text, an empty line."""
    block: list[Line] = []
    for line in lines(path):
        if line.text.strip() or line.problem:
            block.append(line)
        elif block:
            yield _subtitle(block)
            block = []
    if block:
        yield _subtitle(block)


def _subtitle(block: list[Line]) -> Subtitle:
    first = block[0].number
    if problem := next((line.problem for line in block if line.problem), ""):
        return Subtitle(first, problem=problem)
    at = 1 if block[0].text.strip().isdigit() and len(block) > 1 else 0
    times = _TIME.fullmatch(block[at].text.strip())
    if times is None:
        return Subtitle(first, problem=f"{block[at].text[:80]!r}, expected 00:00:01,000 --> 00:00:02,500")
    start, end = (
        3600 * int(hour) + 60 * int(minute) + int(second) + int(rest.ljust(3, "0")) / 1000
        for hour, minute, second, rest in (times.groups()[:4], times.groups()[4:])
    )
    return Subtitle(first, start, end, " ".join(line.text for line in block[at + 1 :]))


def _speakers(source: SourceTree, folder: Path) -> dict[str, tuple[str, str]]:
    """TERM.DATE.SPEECH -> speaker and gender, from the tables of speeches and of speakers.

    A line of headings is a row as others are, and does no harm.
    """
    speakers, speeches = (
        [row for path in sorted(folder.glob(f"*{what}*.csv")) for row in source.facts(path, ";")]
        for what in ("speakers", "speeches")
    )
    genders = {row[1]: row[3] for row in speakers if len(row) > 3}
    return {".".join(row[:3]): (row[4], genders.get(row[4], "")) for row in speeches if len(row) >= len(SPEECHES)}


RECIPE = Recipe(
    corpus=CORPUS,
    title="Europarl-ASR, English speeches in the European Parliament",
    task="asr",
    license="CC-BY-4.0",
    makers="European Parliament (speeches); Gonçal V. Garcés Díaz-Munío and others (corpus)",
    items=items,
    obtain=OBTAIN,
    languages=("en",),
)
