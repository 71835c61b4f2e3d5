"""PocketSphinx, an HMM with CMUdict: English, nothing to download.

Each transcript word is one word of the grammar whenever it has several readings (a number, a symbol): its
readings are alternative pronunciations, and the audio decides. A second pass aligns phones inside the words
found, which gives scores per frame and tells an alignment that was squeezed through from one that fits.
Source: Huggins-Daines et al., "PocketSphinx", 2006.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from curation.align.base import AlignedWord
from curation.align.pronounce import pronounce
from curation.text import Reading, Word
from manifests.errors import Rejected
from manifests.reasons import Reason
from manifests.settings.makers import Maker, Needs
from manifests.units import SAMPLE_RATE

NEEDS = Needs(("pocketsphinx",), 'uv pip install "pocketsphinx==5.1.1"')
FRAME = 0.01  # seconds
LEAST_FRAMES = 3  # of a phone: it has three states
# Scores come in steps of log(1.0001), shifted right by 10 bits.
SCORE_UNIT = 1024 * float(np.log(1.0001))
# On 120 asterisk clips every true transcript scored above -3, 73 % of the foreign ones that could be aligned at all
# below -3.5 (and 29 % could not be).
LEAST_SCORE = -3.5
WIDE = {"beam": 1e-120, "pbeam": 1e-120, "wbeam": 1e-90}  # for clips that the usual beams lose


class PocketSphinx:
    """An `Aligner`; see the module."""

    name = "pocketsphinx"
    version = "5.1.1-1"
    least_score = LEAST_SCORE

    def check(self) -> None:
        """Raise MissingPackageError when PocketSphinx is not installed."""
        NEEDS.check("The aligner `pocketsphinx`")

    def speaks(self, language: str) -> bool:
        """English only: the wheel carries one model."""
        return language.partition("-")[0].lower() == "en"

    def align(self, samples: NDArray[np.float32], words: Sequence[Word]) -> list[AlignedWord]:
        """Times of the words that have a reading. Raises Rejected."""
        engine = _engine(wide=False)
        grammar, owners = engine.grammar(words)
        frames = int(len(samples) / SAMPLE_RATE / FRAME)
        least = sum(LEAST_FRAMES * engine.fewest_phones(name) for name in grammar)
        if least > frames:
            detail = f"{len(grammar)} words need {least * FRAME:.2f} s at least, the clip has {frames * FRAME:.2f} s"
            raise Rejected(Reason.transcript_too_long, detail)
        pcm = (np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()
        segments = engine.force(grammar, pcm)
        if segments is None:
            patient = _engine(wide=True)
            patient.grammar(words)
            segments = patient.force(grammar, pcm)
        if segments is None:
            raise Rejected(Reason.aligner_failed, "no path through the transcript, with wide beams either")
        return _merge(segments, owners)


class NoOptions(BaseModel):
    """PocketSphinx has none: one model comes with it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


ALIGNER = Maker(NoOptions, lambda _: PocketSphinx(), NEEDS)

Segment = tuple[int, int, int]  # first frame, frames, score


@cache
def _engine(*, wide: bool) -> _Engine:
    """This process's decoder: loading it takes about 0.1 s."""
    return _Engine(WIDE if wide else {})


class _Engine:
    """A decoder, and which words of its dictionary are ours."""

    def __init__(self, beams: Mapping[str, float]) -> None:
        """A decoder with these beam widths (probabilities, by PocketSphinx's names), or its own."""
        from pocketsphinx import Decoder

        self._decoder: Any = Decoder(
            lm=None, samprate=float(SAMPLE_RATE), loglevel="FATAL", bestpath=False, **dict(beams)
        )
        self._added: set[str] = set()

    def grammar(self, words: Sequence[Word]) -> tuple[list[str], list[int]]:
        """The words as the dictionary has them, adding those it lacks, and which of `words` each is of."""
        names: list[str] = []
        owners: list[int] = []
        for position, word in enumerate(words):
            if word.flag == "unknown":
                raise Rejected(Reason.oov_word, f"nobody can say {word.text!r}")
            single = len(word.readings) == 1
            found = [self._word(spoken) for spoken in word.spoken] if single else self._alternatives(word.readings)
            names += found
            owners += [position] * len(found)
        if not names:
            raise Rejected(Reason.empty_text, "the transcript has nothing to say")
        return names, owners

    def fewest_phones(self, name: str) -> int:
        """Phones of the shortest pronunciation."""
        found = [str(self._decoder.lookup_word(name))]
        while other := self._decoder.lookup_word(f"{name}({len(found) + 1})"):
            found.append(str(other))
        return min(len(phones.split()) for phones in found)

    def force(self, grammar: Sequence[str], pcm: bytes) -> list[Segment] | None:
        """The grammar's words in the clip, or None when the search lost its way."""
        decoder = self._decoder
        try:
            decoder.set_align_text(" ".join(grammar))
            self._decode(pcm)
            if decoder.hyp() is None:
                return None
            decoder.set_alignment()
            self._decode(pcm)
            alignment = decoder.get_alignment()
        except RuntimeError:
            return None
        found = [] if alignment is None else [w for w in alignment if not w.name.startswith(("<", "[", "("))]
        if [word.name.partition("(")[0] for word in found] != list(grammar):
            return None
        return [(word.start, word.duration, word.score) for word in found]

    def _decode(self, pcm: bytes) -> None:
        self._decoder.start_utt()
        try:
            self._decoder.process_raw(pcm, full_utt=True)
        finally:
            self._decoder.end_utt()

    def _word(self, spoken: str) -> str:
        if self._decoder.lookup_word(spoken) is None:
            self._add(spoken, self._phones(spoken))
        return spoken

    def _alternatives(self, readings: Sequence[Reading]) -> list[str]:
        """One dictionary word with the readings as its pronunciations, named by what it stands for."""
        if not readings:
            return []
        name = "_" + hashlib.sha256(repr(readings).encode()).hexdigest()[:12]
        if self._decoder.lookup_word(name) is None:
            for number, reading in enumerate(readings, 1):
                phones = " ".join(self._phones(spoken) for spoken in reading)
                self._add(name if number == 1 else f"{name}({number})", phones)
        return [name]

    def _add(self, name: str, phones: str) -> None:
        self._decoder.add_word(name, phones, True)
        self._added.add(name)

    def _phones(self, spoken: str) -> str:
        phones = pronounce(spoken, self._published)
        if phones is None:
            raise Rejected(Reason.oov_word, f"no pronunciation for {spoken!r}")
        return phones

    def _published(self, word: str) -> str | None:
        """The dictionary as it came: what was added before must not shape a later word."""
        found: str | None = None if word in self._added or not word else self._decoder.lookup_word(word)
        return found


def _merge(segments: Sequence[Segment], owners: Sequence[int]) -> list[AlignedWord]:
    """Segments of one transcript word become one."""
    merged: list[AlignedWord] = []
    for position in dict.fromkeys(owners):
        parts = [segment for segment, owner in zip(segments, owners, strict=True) if owner == position]
        frames = sum(length for _, length, _ in parts)
        score = SCORE_UNIT * sum(score for _, _, score in parts) / max(frames, 1)
        last = parts[-1]
        merged.append(AlignedWord(position, parts[0][0] * FRAME, (last[0] + last[1]) * FRAME, score))
    return merged
