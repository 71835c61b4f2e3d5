"""A speech recogniser as a CTC model: what it heard, as letters in time. For long recordings without a CTC checkpoint.

The recogniser writes a transcript of each stretch, an aligner gives its words times, and the letters of each word are
spread over the word. The path of the whole text through these letters is a search for where text and recogniser agree:
a word that was heard wrongly costs a little and moves nothing. Embedded default: Moonshine tiny-en hears, PocketSphinx
says when; English.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from curation.align import load_aligner
from curation.align.base import Aligner
from curation.ctc import WILDCARD
from curation.encoders.moonshine import model_files, transcribe
from curation.text import normalise
from manifests.errors import Rejected
from manifests.units import SAMPLE_RATE, Seconds

STRIDE = 320  # samples from frame to frame
LETTERS = "abcdefghijklmnopqrstuvwxyz'"
SPLIT: tuple[Seconds, Seconds] = (6.0, 10.0)  # a stretch that is transcribed at once ends at the quietest place between
QUIET = 10 ** (-60 / 20)  # no sample above -60 dBFS: nothing to hear
# Probabilities of a frame: of the letter that was heard, of the blank then, and of every other letter. The last one is
# above 0, so that a word that was heard wrongly costs, but not everything.
LETTER, BLANK, FLOOR = 0.75, 0.2, 1e-4
# Of the pieces of a recording's own text 98 % score above it, of unrelated texts as long as the recording's 0 to 16 %
# (docs/alignment.md).
LEAST_SCORE = -1.0

Transcribe = Callable[[Sequence[NDArray[np.float32]]], list[str]]


class RecogniserModel:
    """A `CTCModel` from a recogniser and an aligner. T frames, C tokens."""

    separator: int | None = None
    frame: Seconds = STRIDE / SAMPLE_RATE
    least_score: float = LEAST_SCORE

    def __init__(self, transcribe: Transcribe, aligner: Aligner, language: str = "en") -> None:
        """transcribe: clips (N,) at 16 kHz -> their texts."""
        self._transcribe, self._aligner, self._language = transcribe, aligner, language

    @classmethod
    def embedded(cls) -> RecogniserModel:
        """Moonshine and PocketSphinx.

        Raises:
            MissingPackageError: one of them is not installed.
        """
        model_files()
        aligner = load_aligner("pocketsphinx")
        aligner.check()
        return cls(transcribe, aligner)

    def speaks(self, language: str) -> bool:
        """The language that it was made for."""
        return language.partition("-")[0].lower() == self._language

    def spell(self, spoken: str) -> list[int]:
        """Letters' numbers; a wildcard for each run of others."""
        ids: list[int] = []
        for letter in spoken.lower():
            found = LETTERS.find(letter)
            if found >= 0 or not ids or ids[-1] != WILDCARD:
                ids.append(found if found >= 0 else WILDCARD)
        return ids

    def emit(self, samples: NDArray[np.float32], tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """Log-probabilities (T, 2 + C); see `CTCModel`."""
        frames = -(-len(samples) // STRIDE)
        chances = np.full((frames, 1 + len(LETTERS)), FLOOR, np.float32)  # blank, letters
        chances[:, 0] = 1.0 - FLOOR * len(LETTERS)
        for first, last in _stretches(samples):
            self._hear(samples[first:last], first / SAMPLE_RATE, chances)
        log_probs = np.log(chances)
        return np.concatenate(
            [log_probs[:, :1], log_probs[:, 1 + tokens], log_probs[:, 1:].max(axis=1, keepdims=True)], axis=1
        )

    def _hear(self, samples: NDArray[np.float32], offset: Seconds, chances: NDArray[np.float32]) -> None:
        if not len(samples) or float(np.abs(samples).max()) < QUIET:
            return
        words = normalise(self._transcribe([samples])[0], self._language)
        if not any(word.readings for word in words):
            return
        try:
            times = [
                (words[found.position].spoken, found.start, found.end) for found in self._aligner.align(samples, words)
            ]
        except Rejected:  # heard, but not when: the words share the stretch
            said = [word.spoken for word in words if word.readings]
            edges = np.linspace(0.0, len(samples) / SAMPLE_RATE, len(said) + 1)
            times = list(zip(said, edges[:-1].tolist(), edges[1:].tolist(), strict=True))
        for spoken, start, end in times:
            ids = [number for number in self.spell("".join(spoken)) if number != WILDCARD]
            _spread(chances, ids, round((offset + start) / self.frame), round((offset + end) / self.frame))


def _spread(chances: NDArray[np.float32], ids: Sequence[int], first: int, last: int) -> None:
    """Letters one after the other over the frames [first, last); the last frame of each is left to the blank."""
    last = min(last, len(chances))
    if last <= first or not ids:
        return
    edges = np.linspace(first, last, len(ids) + 1).astype(int)
    for letter, left, right in zip(ids, edges[:-1], edges[1:], strict=True):
        heard = slice(left, max(left + 1, right - 1))
        chances[heard] = FLOOR
        chances[heard, 0] = BLANK
        chances[heard, 1 + letter] = LETTER


def _stretches(samples: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Spans (samples) that end where it is quietest, so that few words are cut in two."""
    least, most = (round(seconds * SAMPLE_RATE) for seconds in SPLIT)
    hop = SAMPLE_RATE // 20
    spans, first = [], 0
    while len(samples) - first > most:
        part = samples[first + least : first + most].astype(np.float64)
        power = (part[: len(part) // hop * hop].reshape(-1, hop) ** 2).sum(axis=1)
        last = first + least + int(power.argmin()) * hop + hop // 2
        spans.append((first, last))
        first = last
    return [*spans, (first, len(samples))]
