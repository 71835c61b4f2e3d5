"""The contract: what a row is (schema, units, reasons), how it is read, written, checked and fingerprinted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.fingerprint import VERSION
from manifests.lazy import lazy_names

if TYPE_CHECKING:
    from manifests.audio import read_audio
    from manifests.errors import (
        AudioError,
        DownloadError,
        InputError,
        ManifestError,
        MissingFileError,
        MissingPackageError,
        MixtureError,
        NonFiniteError,
        OccupiedError,
        QueryError,
        SettingsError,
        SoundwaveError,
        StaleError,
    )
    from manifests.fingerprint import file_sha256, stable_split
    from manifests.ontology import is_a, sounds_of
    from manifests.reasons import Reason
    from manifests.rows import CorpusInfo, Reject, TextRow, cut_rows, read_corpus, speech_cut, write_corpus
    from manifests.rows.validate import validate_rows
    from manifests.runs import RunInfo, final_model, read_run
    from manifests.units import SAMPLE_RATE, Hours, Seconds

__version__ = VERSION

__all__ = [
    "SAMPLE_RATE",
    "AudioError",
    "CorpusInfo",
    "DownloadError",
    "Hours",
    "InputError",
    "ManifestError",
    "MissingFileError",
    "MissingPackageError",
    "MixtureError",
    "NonFiniteError",
    "OccupiedError",
    "QueryError",
    "Reason",
    "Reject",
    "RunInfo",
    "Seconds",
    "SettingsError",
    "SoundwaveError",
    "StaleError",
    "TextRow",
    "cut_rows",
    "file_sha256",
    "final_model",
    "is_a",
    "read_audio",
    "read_corpus",
    "read_run",
    "sounds_of",
    "speech_cut",
    "stable_split",
    "validate_rows",
    "write_corpus",
]

_HOMES = {
    "audio": ["read_audio"],
    "errors": [name for name in __all__ if name.endswith("Error")],
    "fingerprint": ["file_sha256", "stable_split"],
    "ontology": ["is_a", "sounds_of"],
    "reasons": ["Reason"],
    "rows": ["CorpusInfo", "Reject", "TextRow", "cut_rows", "read_corpus", "speech_cut", "write_corpus"],
    "runs": ["RunInfo", "final_model", "read_run"],
    "units": ["Hours", "SAMPLE_RATE", "Seconds"],
    "rows.validate": ["validate_rows"],
}
__getattr__ = lazy_names(__name__, {name: f"manifests.{home}" for home, names in _HOMES.items() for name in names})
