"""Sentences of the `fortune` program's quotations, for voices that read them out (see `heart`, `flite`).

    People are beginning to notice you.  Try dressing before you leave the house.
    %
    You will be attacked by a beast who has the body of a wolf, the tail of a lion.
            -- fortune of the day

Fortunes are parted by lines of `%`. A sentence is kept if it has 3 to 14 words of letters, apostrophes and hyphens,
begins with a capital, ends with `.`, `!` or `?`, and has no other signs than `, ; :`: what a voice says is what stands
there. Its place in the list depends on its text alone, so the first thousand are a sample of all.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from manifests.errors import AudioError
from manifests.lines import lines
from manifests.rows import AUDIO, Reject
from recipes.common import collapse, file_cut, need_inside, reject, write_flac

if TYPE_CHECKING:
    from lhotse import MonoCut

PACKAGES = ("fortunes", "fortunes-min")
BOOKS = "usr/share/games/fortunes"
LICENSE = "LicenseRef-fortunes"
WORDS = range(3, 15)

_WORD = r"[A-Za-z]+(?:['-][A-Za-z]+)*"
_SENTENCE = re.compile(rf"[A-Z](?:['-]?[A-Za-z])*(?:[,;:]? {_WORD})*[.!?]")
_ENDS = re.compile(r"(?<=[.!?])\s+")
_BY = re.compile(r"^\s*--.*", re.DOTALL | re.MULTILINE)  # who said it, to the fortune's end

Voice = Callable[[str], tuple[np.ndarray, int]]
"""A text -> its samples `[n]` in -1 to 1, and their rate in Hz."""


@dataclass(frozen=True)
class Sentence:
    """A sentence, and the book that has it."""

    text: str
    book: str

    @property
    def key(self) -> str:
        """What its text alone decides."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]


def sentences(source: Path) -> list[Sentence]:
    """The different sentences of all books under `source`, by key."""
    books = sorted(path for path in (source / BOOKS).glob("*") if path.is_file() and not path.suffix)
    found: dict[str, Sentence] = {}
    for book in books:
        need_inside(book)
        for text in _sentences(book):
            found.setdefault(text, Sentence(text, book.name))
    return sorted(found.values(), key=lambda sentence: sentence.key)


def _sentences(book: Path) -> Iterator[str]:
    said = [line.text for line in lines(book) if not line.problem]
    for fortune in re.split(r"^%$", "\n".join(said), flags=re.MULTILINE):
        for sentence in _ENDS.split(collapse(_BY.sub("", fortune))):
            if _SENTENCE.fullmatch(sentence) and len(sentence.split()) in WORDS and not sentence.isupper():
                yield sentence


def read_out(
    sentence: Sentence, voice: Voice, folder: Path, *, corpus: str, speaker: str, made_by: str
) -> MonoCut | Reject:
    """The sentence in a voice, as a cut of a FLAC file under `folder`; always of the train split.

    made_by: the program and its version, for `cut.custom`, where `synthetic` tells such cuts from people's speech.
    """
    cut_id = f"{corpus}-{sentence.key}"
    path = folder / AUDIO / f"{sentence.key}.flac"
    try:
        samples, rate = voice(sentence.text)
        if not samples.size or not np.isfinite(samples).all():
            raise AudioError(f"The voice gave {samples.size} samples, expected some, all finite.")
        write_flac(path, np.clip(samples, -1.0, 1.0), rate)
    except AudioError as error:
        return reject(cut_id, corpus, error.reason, str(error))
    cut = file_cut(
        path,
        cut_id=cut_id,
        corpus=corpus,
        split="train",  # what no person said measures nothing
        task="asr",
        license=LICENSE,
        text=sentence.text,
        language="en",
        speaker=speaker,
    )
    if not isinstance(cut, Reject):
        cut.custom |= {"synthetic": made_by, "text_source": f"fortunes/{sentence.book}"}
    return cut
