"""Files are what was written: their sizes and checksums, records that carry their own, and what has been checked.

What makes an artefact writes down each file's size and checksum (xxh3, 128 bits: it finds damage, it does not hold off
an attacker) in the record that says what the artefact is: catalog.json, a shard's marker, corpus.json, run.json. Such a
record is sealed: its key SEAL is the checksum of the rest. What is older than this opens as before.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import xxhash

from manifests.errors import DamagedError, InputError
from manifests.files import need_file, read_json, write_json
from manifests.fingerprint import canonical_json

SEAL = "seal"  # a record's key for the checksum of all its other keys
CHECKED = ".checked.json"  # beside files: which were read whole and found as written
TICK = (
    20_000_000  # ns; file systems keep times to some milliseconds, so a file as young as this may still change unseen
)
SHOWN = 12  # hex digits of a checksum in a message


class Written(NamedTuple):
    """What a file was when it was written."""

    bytes: int
    xxh3_128: str | None  # 32 hex digits; None: made before there were checksums

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return self._asdict()

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Written:
        """The inverse of `row`.

        Raises:
            KeyError, ValueError: it is no such row.
        """
        size, digest = row["bytes"], row.get("xxh3_128")
        if type(size) is not int or not isinstance(digest, str | None):
            raise ValueError(f"bytes is {size!r}, xxh3_128 {digest!r}")
        return cls(size, digest)


def files_of(place: Path, rows: Any, *, go_on: str) -> dict[str, Written]:
    """A record of files as it is in JSON: name -> what the file was.

    Raises:
        DamagedError: it is something else. place: the JSON file.
    """
    try:
        return {str(name): Written.of(row) for name, row in rows.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"{place} is not what was written. {go_on}") from error


def checksum(path: Path) -> str:
    """32 hex digits (xxh3, 128 bits) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, xxhash.xxh3_128).hexdigest()


def written(path: Path) -> Written:
    """What is to be written down of a file."""
    return Written(path.stat().st_size, checksum(path))


def problem(path: Path, record: Written, *, whole: bool = True) -> str | None:
    """What is wrong with a file; None: it is what was written.

    Args:
        path: the file.
        record: what it was.
        whole: read it to its end; without it only its size counts.
    """
    if not path.is_file():
        return f"is missing (it had {record.bytes:,} bytes)"
    size = path.stat().st_size
    if size != record.bytes:
        return f"has {size:,} bytes, expected {record.bytes:,}"
    if whole and record.xxh3_128 is not None and (found := checksum(path)) != record.xxh3_128:
        return f"is not what was written: found checksum {found[:SHOWN]}, expected {record.xxh3_128[:SHOWN]}"
    return None


def need_written(path: Path, record: Written, *, go_on: str) -> None:
    """Read a file to its end.

    Raises:
        DamagedError: it is not what was written; go_on: what to do.
    """
    if (said := problem(path, record)) is not None:
        raise DamagedError(f"{path} {said}. {go_on}")


class Checked:
    """Which files of a folder were read whole and found as written: they are not read again until they change.

    A file counts as unchanged while its size, inode and times stand still, the time of the last change of any kind
    (ctime) among them, which programs cannot set back; on an object store, while its size and ETag do. Only what makes
    or verifies an artefact writes this down. Damage below the file system (a disk that returns other bytes) moves
    none of these: `soundwave catalog verify` finds it.
    """

    def __init__(self, folder: Path, *, afresh: bool = False) -> None:
        """afresh: forget what was checked before."""
        self._folder = folder
        self._known: dict[str, Any] = {} if afresh else _known(folder / CHECKED)
        self._dirty = False

    def problem(self, name: str, record: Written) -> str | None:
        """What is wrong with a file of the folder; None: it is what was written."""
        path = self._folder / name
        if self._known.get(name) == [*_stamp(path), record.xxh3_128]:
            return None
        return problem(path, record, whole=not _is_remote(path) or name in self._known)

    def check(self, records: Mapping[str, Written]) -> dict[str, str]:
        """Read what is not known yet; name -> what is wrong. Then `save` writes down what is whole."""
        wrong: dict[str, str] = {}
        for name, record in records.items():
            path = self._folder / name
            _settle(path)
            mark = [*_stamp(path), record.xxh3_128]
            if self._known.get(name) == mark:
                continue
            if (said := problem(path, record, whole=not _is_remote(path))) is not None:
                wrong[name] = said
            elif [*_stamp(path), record.xxh3_128] == mark:
                self._known[name] = mark
                self._dirty = True
        return wrong

    def save(self, names: Mapping[str, Any]) -> None:
        """Write down what is known of the files `names`. Where that cannot be, they are read again next time."""
        kept = {name: mark for name, mark in self._known.items() if name in names}
        if not self._dirty and len(kept) == len(self._known):
            return
        try:
            write_json(self._folder / CHECKED, kept)
        except OSError:
            return


def _known(path: Path) -> dict[str, Any]:
    try:
        value = read_json(path)
    except (InputError, OSError):
        return {}
    return dict(value) if isinstance(value, dict) else {}


def _is_remote(path: Path) -> bool:
    return getattr(path, "fs", None) is not None


def _stamp(path: Path) -> list[Any]:
    """What changes when a file does; empty: there is none."""
    try:
        if _is_remote(path):
            facts = path.fs.info(str(path))  # type: ignore[attr-defined]
            return [facts.get("size"), facts.get("ETag")]
        found = path.stat()
    except OSError:
        return []
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _settle(path: Path) -> None:
    """Wait until a change of the file would show in its times."""
    if not _is_remote(path) and path.is_file():
        young = path.stat().st_ctime_ns + TICK - time.time_ns()
        if 0 < young <= TICK:
            time.sleep(young / 1e9)


def sealed(value: Mapping[str, Any]) -> dict[str, Any]:
    """A record with its seal."""
    rest = {key: item for key, item in value.items() if key != SEAL}
    text = canonical_json(json.loads(canonical_json(rest)))  # of what is read back
    return rest | {SEAL: xxhash.xxh3_128_hexdigest(text.encode("utf-8", "surrogatepass"))}


def write_sealed(path: Path, value: Mapping[str, Any]) -> None:
    """Write a record as JSON, sealed, atomically."""
    write_json(path, sealed(value))


def read_sealed(path: Path, *, go_on: str) -> Any:
    """A record as it was written, without its seal; one without a seal as it is.

    Args:
        path: the JSON file.
        go_on: what to do when it is damaged.

    Raises:
        MissingFileError: no such file, or one of 0 bytes.
        DamagedError: no JSON, or its seal is of another record.
    """
    need_file(path, hint=go_on)
    try:
        value = read_json(path)
    except InputError as error:
        raise DamagedError(f"{path} is not valid JSON, or not whole. {go_on}") from error
    if isinstance(value, dict) and SEAL in value:
        if sealed(value)[SEAL] != value[SEAL]:
            on_purpose = f"If it was changed on purpose, delete its key `{SEAL}`."
            raise DamagedError(
                f"{path} is not what was written: its content does not fit its seal. {go_on} {on_purpose}"
            )
        del value[SEAL]
    return value
