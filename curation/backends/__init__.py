"""Aligners by name, each imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from manifests.errors import SettingsError
from manifests.units import Seconds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curation.text import Word

BACKENDS = ("pocketsphinx",)


@dataclass(frozen=True)
class AlignedWord:
    """Where a transcript's word was said."""

    position: int  # in the list of words that was to be aligned
    start: Seconds  # from the start of the cut
    end: Seconds
    score: float  # mean log-likelihood per frame, 0 at best; comparable within one backend


class Aligner(Protocol):
    """A forced aligner: it puts a transcript as given on the clip's time axis."""

    name: str
    version: str  # changes when the same input would give other times

    def check(self) -> None:
        """Raise MissingPackageError, saying what to install, when the backend cannot run here."""

    def speaks(self, language: str) -> bool:
        """Is there a model for this ISO 639-1 code?"""

    def align(self, samples: NDArray[np.float32], words: Sequence[Word]) -> list[AlignedWord]:
        """Times of the words that have a reading, in order; `samples` (N,) is 16 kHz mono.

        Raises:
            curation.passes.base.Rejected: the clip cannot be aligned; says why.
        """


def load_aligner(name: str) -> Aligner:
    """The aligner `name`; models are loaded with its first use.

    Raises:
        SettingsError: no such backend.
    """
    if name not in BACKENDS:
        raise SettingsError(f"No aligner is called {name!r}, expected one of: {', '.join(BACKENDS)}.")
    return cast("Aligner", importlib.import_module(f"curation.backends.{name}").Backend())
