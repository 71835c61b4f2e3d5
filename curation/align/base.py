"""What an aligner is, and what it says of a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from curation.text import Word
from manifests.units import Seconds


@dataclass(frozen=True)
class AlignedWord:
    """Where a transcript's word was said."""

    position: int  # in the list of words that was to be aligned
    start: Seconds  # from the start of the cut
    end: Seconds
    score: float  # mean log-likelihood per frame, 0 at best; comparable within one backend
    wildcard: bool = False  # some of it could not be spelled: its time is where the wildcard went


class Aligner(Protocol):
    """A forced aligner: it puts a transcript as given on the clip's time axis."""

    @property
    def name(self) -> str:
        """As in the `backend` column."""

    @property
    def version(self) -> str:
        """Changes when the same input would give other times."""

    @property
    def least_score(self) -> float:
        """A clip whose words score less on average does not say its transcript."""

    def check(self) -> None:
        """Raise MissingPackageError, saying what to install, when the backend cannot run here."""

    def speaks(self, language: str) -> bool:
        """Is there a model for this ISO 639-1 code?"""

    def align(self, samples: NDArray[np.float32], words: Sequence[Word]) -> list[AlignedWord]:
        """Times of the words that have a reading, in order; `samples` (N,) is 16 kHz mono.

        Raises:
            manifests.errors.Rejected: the clip cannot be aligned; says why.
        """
