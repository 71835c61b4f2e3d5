"""What a CTC model gives an aligner: emissions for chosen tokens, spelling, windows over long clips, spikes."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from curation.ctc import WILDCARD
from curation.text import Word, normal_form
from curation.text.forms import POINTS
from manifests.errors import InputError
from manifests.units import SAMPLE_RATE, Seconds

WINDOW: Seconds = 30.0  # of audio that goes through a model at once; longer clips are cut
MARGIN: Seconds = 2.0  # heard on both sides of a window and thrown away
NO_WORD = -1  # as the position of speech that the transcript lacks


class CTCModel(Protocol):
    """A CTC model as the aligner needs it. T frames, C tokens, all times in 16 kHz samples."""

    @property
    def frame(self) -> Seconds:
        """From one frame to the next."""

    @property
    def separator(self) -> int | None:
        """The token between words, if the vocabulary has one."""

    def speaks(self, language: str) -> bool:
        """Was it trained on this ISO 639-1 code?"""

    def spell(self, spoken: str) -> list[int]:
        """Token ids of one spoken word; WILDCARD for what the vocabulary lacks."""

    def emit(self, samples: NDArray[np.float32], tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """Log-probabilities (T, 2 + C) of `samples` (N,): the blank, each of `tokens` (C,), the best non-blank."""


@runtime_checkable
class KnowsLeastScore(Protocol):
    """A CTC model whose scores were measured on recordings with their own texts and with others."""

    @property
    def least_score(self) -> float:
        """Words that score less on average are not said there."""


class Loader(Protocol):
    """How to get a model: small enough to be sent to another process, which then loads the model itself."""

    @property
    def name(self) -> str:
        """The backend's name."""

    @property
    def version(self) -> str:
        """Changes when the same input would give other times: names the weights. Cheap: nothing is loaded."""

    def __call__(self) -> CTCModel:
        """The model, loaded once per process."""


@dataclass(frozen=True)
class Spikes:
    """Where a word's tokens were heard."""

    position: int  # in the list of words, or NO_WORD
    spoken: str  # the words of the reading that was heard, joined
    first: Seconds  # where its first token's frames begin
    last: Seconds  # where its last token's frames end
    score: float  # mean log-probability over its tokens' frames
    wildcard: bool = False  # some of it could not be spelled


@runtime_checkable
class SpikeAligner(Protocol):
    """An aligner that is made of a CTC model, so that it can be calibrated, and its model can hear long recordings."""

    @property
    def name(self) -> str:
        """As in the `backend` column."""

    @property
    def loader(self) -> Loader:
        """Its model."""

    def spikes(self, samples: NDArray[np.float32], words: Sequence[Word]) -> list[Spikes]:
        """Where each word's tokens are heard in `samples` (N,), 16 kHz mono. Raises Rejected."""


def pick_columns(
    log_probs: NDArray[np.float32], blank: int, tokens: NDArray[np.int64], others: Sequence[int] = ()
) -> NDArray[np.float32]:
    """(T, V) log-probabilities of a small vocabulary -> (T, 2 + C), as `CTCModel.emit` returns them.

    others: ids that are neither speech nor blank (padding, the space between words): no wildcard.
    """
    spoken = np.setdiff1d(np.arange(log_probs.shape[1]), [blank, *others])
    best = log_probs[:, spoken].max(axis=1, keepdims=True)
    return np.ascontiguousarray(np.concatenate([log_probs[:, [blank]], log_probs[:, tokens], best], axis=1), np.float32)


def in_windows(
    run: Callable[[NDArray[np.float32]], NDArray[np.float32]], samples: NDArray[np.float32], stride: int
) -> NDArray[np.float32]:
    """Frames (T, V) of a clip of any length: `run` sees WINDOW seconds at once, and MARGIN more on both sides.

    stride: samples from frame to frame. Memory grows with the frames kept, not with what the model needs for them.
    """
    size, margin = (int(seconds * SAMPLE_RATE) // stride for seconds in (WINDOW, MARGIN))
    if len(samples) <= (size + 2 * margin) * stride:
        return run(samples)
    parts = []
    count = -(-len(samples) // stride)  # frames, but for what the model's last convolution leaves out
    for first in range(0, count, size):
        start = max(0, first - margin)
        last = first + size >= count - margin
        frames = run(samples[start * stride :] if last else samples[start * stride : (first + size + margin) * stride])
        parts.append(frames[first - start :] if last else frames[first - start : first - start + size])
        if last:
            break
    return np.concatenate(parts)


def letter_ids(vocabulary: dict[str, int], *, where: str) -> Callable[[str], list[int]]:
    """A `spell` for letters: as written, in the other case, in parts, without accents; or the wildcard.

    Parts: Korean syllables in Jamo, letters and their accents as two tokens.

    Raises:
        InputError: the vocabulary spells no letters (phonemes, word pieces).
    """
    letters = {token: number for token, number in vocabulary.items() if len(token) == 1}
    if sum(token.isalpha() for token in letters) < 5:
        some = ", ".join(sorted(vocabulary)[:8])
        raise InputError(f"{where}: the vocabulary holds no letters ({some}, ...). Expected a CTC model that spells.")

    def spell(spoken: str) -> list[int]:
        ids: list[int] = []
        for letter in normal_form(spoken):
            found = _letter(letter, letters)
            if not found and POINTS.fullmatch(letter):  # Arabic and Hebrew are mostly written without
                continue
            if found or not ids or ids[-1] != WILDCARD:  # one wildcard for a run of what cannot be spelled
                ids += found or [WILDCARD]
        return ids

    return spell


def _letter(letter: str, letters: dict[str, int]) -> list[int]:
    for form in (letter, letter.upper(), letter.lower()):
        if form in letters:
            return [letters[form]]
    parts = unicodedata.normalize("NFKD", letter)
    for spelling in (parts, [part for part in parts if not unicodedata.combining(part)]):
        if spelling and list(spelling) != [letter] and all(found := [_letter(part, letters) for part in spelling]):
            return [number for part in found for number in part]
    return []
