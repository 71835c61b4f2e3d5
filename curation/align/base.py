"""What an aligner is, what some aligners can do beyond that, and what they say of a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from curation.text import Word
from manifests.reasons import Reason
from manifests.units import Seconds

UNHEARD = (Reason.low_score, Reason.aligner_failed, Reason.transcript_too_long)
"""Reasons for which a clip does not say its words."""
Untranscribed = Literal["none", "ends", "words"]
"""Where there may be speech that the transcript lacks: nowhere, at the ends of the clip, or between words too."""


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


@dataclass(frozen=True)
class Transcript:
    """What was said in a clip, and when."""

    text: str
    language: str  # ISO 639-1, given or detected
    words: Sequence[Word]  # of the text
    found: Sequence[AlignedWord]  # their times; `position` counts `words`


@runtime_checkable
class Transcribes(Protocol):
    """An aligner that can write the transcript of a clip which has none."""

    def transcribe(self, samples: NDArray[np.float32], language: str | None = None) -> Transcript:
        """Words and times of a clip (N,), 16 kHz mono, of any length. language: None to have it detected.

        Raises:
            manifests.errors.Rejected: no speech is heard, or in a language that has no aligner.
        """


@runtime_checkable
class AlignsUntranscribed(Protocol):
    """An aligner with a wildcard for speech that the transcript lacks."""

    def align_untranscribed(
        self, samples: NDArray[np.float32], words: Sequence[Word], where: Untranscribed
    ) -> tuple[list[AlignedWord], list[tuple[Seconds, Seconds]]]:
        """As `Aligner.align`, and the spans of speech that the transcript lacks, looked for where `where` says."""
