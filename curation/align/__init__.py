"""Aligners by name, each imported when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from curation.align.base import AlignedWord, Aligner
from manifests.errors import SettingsError

if TYPE_CHECKING:
    from curation.align.ctc_aligner import CTCAligner

__all__ = ["AlignedWord", "Aligner", "load_aligner"]

BACKENDS = ("pocketsphinx", "hf-ctc", "torchaudio", "whisperx")


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
