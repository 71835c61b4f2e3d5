"""LibriSpeech, from a folder that holds its parts (`dev-clean/`, `train-clean-100/`, ...).

    LibriSpeech/dev-clean/84/121123/84-121123.trans.txt:   84-121123-0000 GO DO YOU HEAR
    LibriSpeech/dev-clean/84/121123/84-121123-0000.flac
    LibriSpeech/dev-clean/84/121123/84-121123.alignment.txt:   84-121123-0000 ",GO,DO,YOU,HEAR," "0.1,0.2,0.4,...,1.1"

Word times are read where `.alignment.txt` files stand beside the transcripts. A line that cannot be read and a broken
or missing file become rejects. The corpus's own parts give the splits, whose speakers are disjoint: `train-*`,
`dev-*`, `test-*`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from manifests.errors import AudioError, MissingFileError
from manifests.lines import Line, lines
from manifests.rows import Reject, speech_cut
from manifests.rows.splits import as_split
from recipes.common import CorpusRows, Recipe, audio_facts, collapse, in_parallel, need_inside, reject, sort_out
from recipes.speech.librispeech_files import FILES

if TYPE_CHECKING:
    from lhotse import MonoCut
    from lhotse.supervision import AlignmentItem

CORPUS = "librispeech"
LICENSE = "CC-BY-4.0"
OBTAIN = "Get it from https://www.openslr.org/12 and name the folder that holds dev-clean, train-clean-100, ..."


_KEY = re.compile(r"\w+(-\w+)+")  # SPEAKER-CHAPTER-NUMBER: folders and a file name


@dataclass(frozen=True)
class Utterance:
    """One line of a transcript file."""

    part: Path  # folder of the part, e.g. .../dev-clean
    key: str  # FILE:LINE where the line has none that can be used
    text: str
    words: tuple[AlignmentItem, ...] = ()  # empty: no times are known
    problem: str = ""  # why the line, or that of its word times, cannot be read

    @property
    def audio(self) -> Path:
        """Where the corpus keeps the utterance's audio."""
        return self.part.joinpath(*self.key.split("-")[:-1], f"{self.key}.flac")


def read(source: Path, folder: Path) -> CorpusRows:
    """Cuts of every utterance of the parts that are there; `folder` stays untouched, audio is referenced in place."""
    found = parts(source)
    if not found:
        raise MissingFileError(f"{source} holds no part of LibriSpeech (dev-clean, train-clean-100, ...). {OBTAIN}")
    rows: list[MonoCut | Reject] = []
    for part in found:
        said, refused = utterances(source / part)
        once = {line.key: line for line in reversed(said)}
        rows += refused
        rows += [_again(line) for line in said if once[line.key] is not line]
        rows += in_parallel(_item, [line for line in said if once[line.key] is line], title=part)
        unknown = {path.stem for path in (source / part).rglob("*.flac")} - once.keys()
        rows += [
            reject(f"{CORPUS}-{key}", CORPUS, "text_missing", f"{part}: {key}.flac has no transcript")
            for key in unknown
        ]
    sorted_out = sort_out(rows)
    sorted_out.splits = {part: as_split(part, setting="the name of a part") for part in found}
    return sorted_out


def parts(source: Path) -> list[str]:
    """Names of LibriSpeech's parts under `source`."""
    from lhotse.recipes.librispeech import LIBRISPEECH, MINI_LIBRISPEECH

    return sorted(name for name in {*LIBRISPEECH, *MINI_LIBRISPEECH} if (source / name).is_dir())


def utterances(part: Path) -> tuple[list[Utterance], list[Reject]]:
    """Every line of every `.trans.txt` under a part, with its word times where the chapter has any.

    Files that are links out of the corpus are rejects.

    Lines of word times that cannot be read, and are of no utterance, come as utterances with a problem.
    """
    found: list[Utterance] = []
    refused = []
    for path in sorted(part.rglob("*.trans.txt")):
        times = path.with_name(f"{path.name.removesuffix('.trans.txt')}.alignment.txt")
        try:
            need_inside(path)
            need_inside(times)
        except AudioError as error:
            refused.append(reject(f"{CORPUS}-{path.stem}", CORPUS, error.reason, str(error)))
            continue
        timed = {one.key: one for one in _timed(part, times)} if times.is_file() else {}
        for said in (_said(part, path, line) for line in lines(path) if line.problem or line.text.strip()):
            other = timed.pop(said.key, said)
            found.append(replace(said, words=other.words, problem=said.problem or other.problem))
        found += [one for one in timed.values() if one.problem]
    return found, refused


def _said(part: Path, path: Path, line: Line) -> Utterance:
    """A line of a transcript file."""
    key, _, text = line.text.strip().partition(" ")
    place = f"{path.name}:{line.number}"
    if line.problem or not _KEY.fullmatch(key):
        return Utterance(part, place, "", problem=line.problem or f"{key[:80]!r} is no SPEAKER-CHAPTER-NUMBER")
    return Utterance(part, key, collapse(text))


def _timed(part: Path, path: Path) -> Iterator[Utterance]:
    """Utterances with the word times of an `.alignment.txt`."""
    from lhotse.supervision import AlignmentItem

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
        good = len(words) + 1 == len(times) and all(0 <= a <= b < math.inf for a, b in pairwise(times))
        if not good:
            said = line.problem or 'expected UTTERANCE "WORD,WORD,..." "END,END,...", ends in seconds, one a word'
            yield Utterance(part, key if _KEY.fullmatch(key) else place, "", problem=f"{place}: {said}")
            continue
        spans = zip(words, times, times[1:], strict=False)
        yield Utterance(part, key, "", tuple(AlignmentItem(word, a, round(b - a, ndigits=8)) for word, a, b in spans))


def _again(line: Utterance) -> Reject:
    return reject(
        f"{CORPUS}-{line.key}", CORPUS, "duplicate_id", f"{line.part.name}: {line.key} has another line before"
    )


def _item(line: Utterance) -> MonoCut | Reject:
    cut_id = f"{CORPUS}-{line.key}"
    if line.problem:
        return reject(cut_id, CORPUS, "bad_row", f"{line.part.name}: {line.problem}")
    if not line.text:
        return reject(cut_id, CORPUS, "empty_text", f"{line.part.name}: the line of {line.key} has no words")
    try:
        need_inside(line.audio)
        facts = audio_facts(line.audio)
    except AudioError as error:
        return reject(cut_id, CORPUS, error.reason, str(error))
    cut = speech_cut(
        cut_id=cut_id,
        recording=facts.recording(line.key),
        corpus=CORPUS,
        split=as_split(line.part.name, setting="the name of a part"),
        task="asr",
        license=LICENSE,
        audio_sha256=facts.sha256,
        text=line.text,
        language="en",
        speaker=line.key.partition("-")[0],
    )
    if line.words:
        cut.supervisions[0].alignment = {"word": list(line.words)}
    return cut


RECIPE = Recipe(
    corpus=CORPUS,
    title="LibriSpeech, read English audiobooks",
    task="asr",
    license=LICENSE,
    makers="LibriVox readers; Vassil Panayotov and others (corpus)",
    read=read,
    parts=(".",),
    obtain=OBTAIN,
    downloads=FILES,
)
