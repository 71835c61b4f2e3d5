"""Every error the project raises on purpose.

SoundwaveError
└── InputError              bad input or use: the command line prints it and exits with 2
    ├── MissingFileError    a path that should exist does not
    ├── ManifestError       a manifest row breaks the contract
    │   └── DamagedError    a file is not what was written
    ├── AudioError          audio that cannot be read; carries a reject reason
    │   ├── BadCutError     the same of a cut that training draws: its sound or its stored frames
    │   └── StoreError      a store does not answer: that says nothing of the audio in it
    ├── SettingsError       a settings file or option with a wrong key or value
    ├── QueryError          SQL that does not run, or returns the wrong columns
    ├── MixtureError        a mixture that cannot be had from the catalog
    ├── StaleError          an artefact whose inputs have changed since it was made
    ├── OccupiedError       a place for output that holds something else; nothing in it was touched
    ├── DiskError           the system does not let an output be written: no space, a quota, a limit, read-only
    ├── NonFiniteError      a loss or gradient of a training that is not finite
    ├── DownloadError       a package or corpus that could not be fetched
    └── MissingPackageError an optional package that is not installed
Rejected                     one item of a pass: it becomes a reject row, never the end of a run

A message says what was found, where, what was expected and what to do.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from manifests.reasons import Reason

MOST_SAID = 300  # characters that a message takes over from a library


class SoundwaveError(Exception):
    """Root of the tree."""


class InputError(SoundwaveError):
    """Bad input or use."""


class MissingFileError(InputError):
    """A path that should exist does not."""


class ManifestError(InputError):
    """A manifest row breaks the contract."""


class DamagedError(ManifestError):
    """A file is not what was written: half of it is there, a bit is another, it was exchanged for another."""


class AudioError(InputError):
    """Audio that cannot be read.

    `reason` is the reject code (see `manifests.reasons`); `decoded` are the seconds of what was asked for that did
    decode, where that is known.
    """

    def __init__(self, message: str, reason: str = "audio_unreadable", decoded: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.decoded = decoded

    def __reduce__(self) -> tuple[type[AudioError], tuple[str, str, float | None]]:
        """Keep the reason when a worker process sends the error back."""
        return type(self), (str(self), self.reason, self.decoded)


class BadCutError(AudioError):
    """A cut whose sound, or stored frames, cannot be read or encoded; `cut_id` says which."""

    def __init__(self, message: str, reason: str, cut_id: str) -> None:
        super().__init__(message, reason)
        self.cut_id = cut_id

    def __reduce__(self) -> tuple[type[BadCutError], tuple[str, str, str]]:  # type: ignore[override]
        """Keep the cut when a worker process sends the error back."""
        return type(self), (str(self), self.reason, self.cut_id)


class StoreError(AudioError):
    """A store that holds audio does not answer, however often it is asked. No reject: it may answer tomorrow."""


class SettingsError(InputError):
    """A settings file or option with a wrong key or value."""


class QueryError(InputError):
    """SQL that does not run, or returns the wrong columns."""


class MixtureError(InputError):
    """A mixture that cannot be had from the catalog."""


class StaleError(InputError):
    """An artefact whose inputs have changed since it was made."""


class OccupiedError(InputError):
    """A place for output that holds something else. Nothing in it was touched.

    `movable`: it is of the same kind (another run, another plan), so that it can be moved aside.
    """

    def __init__(self, message: str, *, movable: bool = False) -> None:
        super().__init__(message)
        self.movable = movable


class DiskError(InputError):
    """The system does not let an output be written: no space, a quota, a limit (`manifests.disk.faults`)."""


class NonFiniteError(InputError):
    """A loss or gradient of a training that is not finite."""


class DownloadError(InputError):
    """A package or corpus that could not be fetched."""


class MissingPackageError(InputError):
    """An optional package that is not installed."""


class Rejected(Exception):
    """Raised while one cut is labelled: it becomes a reject row with this reason."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@contextmanager
def reading(path: Path, what: str, *, go_on: str = "") -> Iterator[None]:
    """In this block a library reads `path`, and does nothing else: whatever it raises is told in our words.

    Libraries have dozens of exceptions for a file that is damaged or not theirs, bare ones among them (IndexError,
    UnicodeDecodeError, RecursionError), and most do not name the file.

    Args:
        path: the file.
        what: it is expected to be, with its article: "a Parquet file".
        go_on: what to do.

    Raises:
        ManifestError: `path` cannot be read as `what`.
        InputError, FileNotFoundError, PermissionError: as the block raises them.
    """
    try:
        yield
    except (InputError, FileNotFoundError, PermissionError):
        raise
    except Exception as error:
        said = str(error).strip().partition("\n")[0][:MOST_SAID] or type(error).__name__
        raise ManifestError(f"{path} is damaged, or not {what} ({said}). {go_on}".strip()) from error


def require(module: str, *, used_for: str, install: str) -> ModuleType:
    """Import `module`, or raise `MissingPackageError` saying what needs it and what to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingPackageError(
            f"{used_for} needs the Python package `{module.partition('.')[0]}`, which cannot be imported here "
            f"({error}). Install it with: {install}"
        ) from error
