"""LibriSpeech, from a folder that holds its parts (`dev-clean/`, `train-clean-100/`, ...).

    LibriSpeech/dev-clean/84/121123/84-121123.trans.txt:   84-121123-0000 GO DO YOU HEAR
    LibriSpeech/dev-clean/84/121123/84-121123-0000.flac
    LibriSpeech/dev-clean/84/121123/84-121123.alignment.txt:   84-121123-0000 ",GO,DO,YOU,HEAR," "0.1,0.2,0.4,...,1.1"

Word times are read where `.alignment.txt` files stand beside the transcripts. A line that cannot be read and a broken
or missing file become rejects. The corpus's own parts give the splits, whose speakers are disjoint: `train-*`,
`dev-*`, `test-*`. Utterances are those of the parts' transcripts, hours those of the corpus's README.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from manifests.errors import AudioError
from manifests.lines import Line, lines
from manifests.reasons import Reason
from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe, collapse, need_inside
from recipes.speech.librispeech_files import FILES
from recipes.speech.sources import SourceTree, files

CORPUS = "librispeech"
OBTAIN = "Get it from https://www.openslr.org/12 and name the folder that holds dev-clean, train-clean-100, ..."
_KEY = re.compile(r"\w+(-\w+)+")  # SPEAKER-CHAPTER-NUMBER: folders and a file name

Words = tuple[tuple[str, float, float], ...]


def items(root: Path) -> Iterator[Item | Reject]:
    """Every utterance of the parts that are there, chapter by chapter."""
    source = SourceTree(CORPUS, root)
    found = parts(root)
    if not found:
        raise source.nothing("part of LibriSpeech (dev-clean, train-clean-100, ...)", OBTAIN)
    for part in found:
        for transcripts in files(root / part, ".trans.txt"):
            yield from _chapter(source, root / part, transcripts)
        yield from source.unnamed(root / part, ".flac")


def parts(source: Path) -> list[str]:
    """Names of LibriSpeech's parts under `source`."""
    return sorted(file.part for file in FILES if (source / file.part).is_dir())


def _chapter(source: SourceTree, part: Path, path: Path) -> Iterator[Item | Reject]:
    """The utterances of a `.trans.txt`, with word times where the chapter has any; links out of the corpus are rejects.

    An utterance whose word times cannot be read is a reject, and so are such times that are of no utterance.
    """
    times = path.with_name(f"{path.name.removesuffix('.trans.txt')}.alignment.txt")
    try:
        need_inside(path)
        need_inside(times)
    except AudioError as error:
        yield source.reject(path.stem, Reason(error.reason), str(error))
        return
    timed: dict[str, Words | str] = dict(_timed(times)) if times.is_file() else {}
    for line in lines(path):
        if line.problem or line.text.strip():
            yield _said(source, part, path, line, timed)
    for key, problem in timed.items():
        if isinstance(problem, str):
            yield source.reject(key, Reason.bad_row, f"{part.name}: {problem}")


def _said(source: SourceTree, part: Path, path: Path, line: Line, timed: dict[str, Words | str]) -> Item | Reject:
    """The utterance of a line of a transcript file; its word times are taken out of `timed`."""
    key, _, text = line.text.strip().partition(" ")
    place = f"{path.name}:{line.number}"
    if line.problem or not _KEY.fullmatch(key):
        problem = line.problem or f"{key[:80]!r} is no SPEAKER-CHAPTER-NUMBER"
        return source.reject(place, Reason.bad_row, f"{part.name}: {problem}")
    audio = source.audio(part.joinpath(*key.split("-")[:-1], f"{key}.flac"))
    words = timed.pop(key, ())
    if isinstance(words, str):
        return source.reject(key, Reason.bad_row, f"{part.name}: {words}")
    return Item(
        key=key,
        place=f"{part.name}/{place}",
        recording=key,
        audio=audio,
        text=collapse(text),
        speaker=key.partition("-")[0],
        split=part.name,
        words=words,
    )


def _timed(path: Path) -> Iterator[tuple[str, Words | str]]:
    """Key and word times of each line of an `.alignment.txt`; in place of times that cannot be read, what is wrong."""
    for line in lines(path):
        if not (line.problem or line.text.strip()):
            continue
        key, _, columns = line.text.strip().partition(" ")
        place = f"{path.name}:{line.number}"
        try:
            words, ends = (column.replace('"', "").split(",") for column in columns.split())
            times = [0.0, *map(float, ends)]
        except ValueError:
            words, times = [], []
        if len(words) + 1 != len(times) or not all(0 <= a <= b < math.inf for a, b in pairwise(times)):
            said = line.problem or 'expected UTTERANCE "WORD,WORD,..." "END,END,...", ends in seconds, one a word'
            yield key if _KEY.fullmatch(key) else place, f"{place}: {said}"
            continue
        spans = zip(words, times, times[1:], strict=False)
        yield key, tuple((word, start, round(end - start, ndigits=8)) for word, start, end in spans)


RECIPE = Recipe(
    corpus=CORPUS,
    title="LibriSpeech, read English audiobooks",
    task="asr",
    license="CC-BY-4.0",
    makers="LibriVox readers; Vassil Panayotov and others (corpus)",
    items=items,
    parts=(".",),
    obtain=OBTAIN,
    languages=("en",),
    expected={
        "train-clean-100": Expected(28_539, 100.6),
        "train-clean-360": Expected(104_014, 363.6),
        "train-other-500": Expected(148_688, 496.7),
        "dev-clean": Expected(2_703, 5.4),
        "dev-other": Expected(2_864, 5.3),
        "test-clean": Expected(2_620, 5.4),
        "test-other": Expected(2_939, 5.1),
    },
    version=2,
    downloads=FILES,
)
