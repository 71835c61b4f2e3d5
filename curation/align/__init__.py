"""Aligners by name, each imported when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from manifests.errors import SettingsError
from manifests.units import Seconds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curation.align.ctc_aligner import CTCAligner
    from curation.text import Word

BACKENDS = ("pocketsphinx", "hf-ctc", "torchaudio", "whisperx")


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
            curation.passes.base.Rejected: the clip cannot be aligned; says why.
        """


def load_aligner(name: str, model: str | None = None, calibration: Path | None = None) -> Aligner:
    """The aligner `name`; models are loaded with its first use.

    model: which weights, for backends that have a choice; calibration: a file that `soundwave calibrate` wrote.

    Raises:
        SettingsError: no such backend, an option that it does not have, a calibration of another model.
        MissingFileError, MissingPackageError: the calibration, or what the backend needs, is not there.
    """
    if name not in BACKENDS:
        raise SettingsError(f"No aligner is called {name!r}, expected one of: {', '.join(BACKENDS)}.")
    if name == "pocketsphinx":
        if model or calibration:
            option = "model" if model else "calibration"
            raise SettingsError(f"The aligner `{name}` has no {option} to choose. Leave --{option} out.")
        from curation.align.pocketsphinx import Backend

        return Backend()
    if name == "whisperx":
        if calibration:
            raise SettingsError(f"The aligner `{name}` has no calibration to choose. Leave --calibration out.")
        from curation.align.whisperx import aligner as whisperx

        return whisperx(model)
    if name == "hf-ctc":
        from curation.align.hf_ctc import aligner
    else:
        from curation.align.torchaudio_ctc import aligner
    return calibrated(aligner(model), calibration)


def calibrated(aligner: CTCAligner, calibration: Path | None) -> CTCAligner:
    """`aligner` with the calibration in a file, if one is named. Raises as `load_aligner`."""
    if calibration is not None:
        from curation.align.calibration import Calibration

        learned = Calibration.load(calibration)
        learned.check(aligner.name, aligner.loader.version)
        aligner.calibration = learned
    return aligner
