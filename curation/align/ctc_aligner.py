"""What all CTC aligners share: emissions -> tokens -> words, with a wildcard for what the vocabulary lacks.

A backend gives a `CTCModel` (samples -> log-probabilities, word -> token ids); the rest is here. A word with several
readings (a number, a symbol) gets the one whose best path is the likeliest. A word that nobody can spell is put where
the wildcard goes; its `Word.flag` is `unknown`. Uncalibrated, a word reaches from the first frame of its first
token to the last frame of its last one, as in torchaudio and WhisperX; `curation.align.calibration` turns such
spikes into edges.

Speech that the transcript lacks would push its words aside. A second wildcard takes it on request: at the ends, or
between words too. It costs UNTRANSCRIBED_COST more per frame than the likeliest token, blank included, so that silence
and transcribed speech are dearer through it; places where it found next to nothing are closed again and the rest is
aligned once more. So a clip whose transcript is complete gets the words and times that it gets without.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from curation.align.base import AlignedWord, Untranscribed
from curation.align.calibration import Calibration
from curation.align.ctc_model import NO_WORD, CTCModel, Loader, Spikes
from curation.ctc import WILDCARD, Alignment, AlignmentError, forced_align, forced_align_batch
from curation.text import Reading, Word
from manifests.errors import Rejected
from manifests.reasons import Reason
from manifests.units import Seconds

# A stage-I run on 96 held-out prompts: 98 % of the true transcripts score above it, 85 % of foreign ones below (and
# 11 % more cannot be aligned). Other checkpoints have other scores: the pass `align` has the option `least_score`.
LEAST_SCORE = -5.0

UNTRANSCRIBED_COST = 1.0  # nats a frame
SHORTEST_UNTRANSCRIBED: Seconds = 0.15  # less is no speech
ANYTHING = -2  # as its token


class CTCOptions(BaseModel):
    """Options of aligners that are CTC models."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    model: str | None = None
    """Which weights."""
    calibration: Path | None = None
    """A file that `soundwave calibrate` wrote for these weights."""


class CTCAligner:
    """An `Aligner` from a CTC model, calibrated or not. It is a `SpikeAligner` and `AlignsUntranscribed` as well."""

    least_score = LEAST_SCORE

    def __init__(self, loader: Loader, calibration: Calibration | None = None) -> None:
        """Loads nothing yet."""
        self.loader, self.calibration = loader, calibration
        self.name = loader.name

    @classmethod
    def from_options(cls, loader: Loader, options: CTCOptions) -> CTCAligner:
        """The aligner of a model, with the calibration that the options name.

        Raises:
            MissingFileError, SettingsError: no such calibration, or one of another model.
        """
        if options.calibration is None:
            return cls(loader)
        learned = Calibration.load(options.calibration)
        learned.check(loader.name, loader.version)
        return cls(loader, learned)

    @property
    def version(self) -> str:
        """Model and calibration."""
        return self.loader.version + (f"+{self.calibration.fingerprint}" if self.calibration else "")

    def check(self) -> None:
        """Load the model.

        Raises:
            MissingPackageError, InputError: it cannot be loaded here; says why.
        """
        self.loader()

    def speaks(self, language: str) -> bool:
        """Is there a model for this ISO 639-1 code?"""
        return self.loader().speaks(language.partition("-")[0].lower())

    def align(self, samples: NDArray[np.float32], words: Sequence[Word]) -> list[AlignedWord]:
        """Times of the words that have something to say. Raises Rejected."""
        return self.align_untranscribed(samples, words, "none")[0]

    def align_untranscribed(
        self, samples: NDArray[np.float32], words: Sequence[Word], where: Untranscribed
    ) -> tuple[list[AlignedWord], list[tuple[Seconds, Seconds]]]:
        """The same, and the spans of speech that the transcript lacks, looked for where `where` says."""
        spikes = self.spikes(samples, words, where)
        if self.calibration is not None:
            edges = self.calibration.edges(spikes, samples)
        else:
            edges = [(spike.first, spike.last) for spike in spikes]
        both = list(zip(spikes, edges, strict=True))
        found = [
            AlignedWord(spike.position, start, end, spike.score, spike.wildcard)
            for spike, (start, end) in both
            if spike.position != NO_WORD
        ]
        return found, [span for spike, span in both if spike.position == NO_WORD]

    def spikes(
        self, samples: NDArray[np.float32], words: Sequence[Word], untranscribed: Untranscribed = "none"
    ) -> list[Spikes]:
        """Where each word's tokens are heard in `samples` (N,) 16 kHz, and speech without words. Raises Rejected."""
        model = self.loader()
        choices = [_choices(model, position, word) for position, word in enumerate(words)]
        choices = [choice for choice in choices if choice]
        if not choices:
            raise Rejected(Reason.empty_text, "the transcript has nothing to say")
        known = sorted({token for choice in choices for said in choice for token in said.tokens if token != WILDCARD})
        tokens = np.array([*known, *([] if model.separator is None else [model.separator])], dtype=np.int64)
        columns = {WILDCARD: WILDCARD, **{int(token): column for column, token in enumerate(tokens, 1)}}
        between = None if model.separator is None else columns[model.separator]
        clip = _Emissions(model.emit(samples, tokens), columns, between, model.frame)
        if untranscribed == "none":
            return clip.align(choices)
        return clip.align_untranscribed(
            choices, range(0, len(choices) + 1, len(choices) if untranscribed == "ends" else 1)
        )


@dataclass(frozen=True)
class _Said:
    """One way to say one word."""

    position: int
    spoken: str
    tokens: tuple[int, ...]


def _choices(model: CTCModel, position: int, word: Word) -> list[_Said]:
    """Ways to spell a word, the likeliest first; none for punctuation, the wildcard for what cannot be said."""
    if word.flag == "unknown":
        return [_Said(position, "*", (WILDCARD,))]
    spelled = [(reading, _tokens(model, reading)) for reading in word.readings]
    found = [_Said(position, " ".join(reading), tokens) for reading, tokens in spelled if tokens]
    return list({said.tokens: said for said in reversed(found)}.values())[::-1]


def _tokens(model: CTCModel, reading: Reading) -> tuple[int, ...]:
    tokens: list[int] = []
    for number, spoken in enumerate(reading):
        if number and model.separator is not None:
            tokens.append(model.separator)
        tokens += model.spell(spoken)
    return tuple(tokens)


@dataclass(frozen=True)
class _Emissions:
    """A clip's emissions, and how to write words as targets for them."""

    scores: NDArray[np.float32]  # (T, 2 + C): see CTCModel.emit
    columns: dict[int, int]  # token id -> column
    between: int | None  # column of the separator
    frame: Seconds

    def align(self, choices: Sequence[Sequence[_Said]]) -> list[Spikes]:
        """Where each word's tokens are heard, in the best of its readings. Raises Rejected."""
        said, path = self.best_readings(choices)
        return list(self._spikes(said, path))

    def align_untranscribed(self, choices: Sequence[Sequence[_Said]], gaps: Iterable[int]) -> list[Spikes]:
        """The same, and speech in the gaps: gap n is before word n, or after the last. Raises Rejected."""
        anything = self.scores.max(axis=1, keepdims=True) - np.float32(UNTRANSCRIBED_COST)
        emissions = np.concatenate([self.scores, anything], axis=1)
        best, last = emissions.shape[1] - 2, emissions.shape[1] - 1
        opened = replace(self, scores=emissions, columns={**self.columns, WILDCARD: best, ANYTHING: last})
        try:
            found = opened.align(_open(choices, gaps))
        except Rejected:  # maybe for want of a frame for each gap
            return self.align(choices)
        used: list[int] = []
        words = 0
        for spike in found:
            if spike.position != NO_WORD:
                words += 1
            elif spike.last - spike.first >= SHORTEST_UNTRANSCRIBED:
                used.append(words)
        return opened.align(_open(choices, used))

    def targets(self, said: Iterable[_Said]) -> tuple[NDArray[np.int64], list[int]]:
        """Columns of the words' tokens, separators behind words, and where each word begins among them."""
        targets: list[int] = []
        places: list[int] = []
        after_word = False
        for word in said:
            if after_word and self.between is not None:
                targets.append(self.between)
            places.append(len(targets))
            targets += [self.columns[token] for token in word.tokens]
            after_word = word.position != NO_WORD
        return np.array(targets, dtype=np.int64), places

    def best_readings(self, choices: Sequence[Sequence[_Said]]) -> tuple[list[_Said], Alignment]:
        """Word by word from the left, the reading whose path through the whole clip is the likeliest. Raises Rejected.

        The first try takes the shortest readings, so that a clip is only refused when no reading fits.
        """
        chosen = [min(choice, key=lambda said: len(said.tokens)) for choice in choices]
        try:
            path = forced_align(self.scores, self.targets(chosen)[0])
        except AlignmentError as error:
            raise Rejected(error.reason, str(error)) from error
        for number, choice in enumerate(choices):
            tries = [[*chosen[:number], other, *chosen[number + 1 :]] for other in choice if other != chosen[number]]
            targets = [self.targets(said)[0] for said in tries]
            found = forced_align_batch([self.scores] * len(tries), targets, errors="return")
            for said, other in zip(tries, found, strict=True):
                if isinstance(other, Alignment) and other.score > path.score:
                    chosen, path = said, other
        return chosen, path

    def _spikes(self, said: Sequence[_Said], path: Alignment) -> Iterable[Spikes]:
        """Words from token spans."""
        for word, at in zip(said, self.targets(said)[1], strict=True):
            part = slice(at, at + len(word.tokens))
            starts, ends, scores = path.starts[part], path.ends[part], path.token_scores[part]
            score = float(np.average(scores.astype(np.float64), weights=ends - starts))
            first, last = float(starts[0]) * self.frame, float(ends[-1]) * self.frame
            yield Spikes(word.position, word.spoken, first, last, score, wildcard=WILDCARD in word.tokens)


def _open(choices: Sequence[Sequence[_Said]], gaps: Iterable[int]) -> list[Sequence[_Said]]:
    """The choices with something unknown in the gaps."""
    opened: list[Sequence[_Said]] = list(choices)
    for gap in sorted(gaps, reverse=True):
        opened.insert(gap, [_Said(NO_WORD, "", (ANYTHING,))])
    return opened
