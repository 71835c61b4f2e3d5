"""Audio in archives: the members of tar files, and the names by which a user says several of them at once."""

from __future__ import annotations

import gzip
import itertools
import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from manifests.audio.endings import ENDINGS
from manifests.errors import SettingsError
from manifests.lines import BLOCK, PACKINGS, open_bytes

TAR = re.compile(r"(?P<stem>.+)\.(tar|tgz|tar\.(gz|bz2|xz|zst|lz4))", re.IGNORECASE)
MOST = 100_000  # names that a pattern may stand for
LARGEST = 1 << 31  # bytes of a member: it is in memory when it is read
_END, _NOTHING = (getattr(tarfile, name) for name in ("EOFHeaderError", "EmptyHeaderError"))
_GZIP = b"\x1f\x8b"
_BRACES = re.compile(r"(?:\{|_OP_)([^{}]*?)(?:\}|_CL_)")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")


@dataclass(frozen=True)
class Member:
    """A file in an archive, or what is wrong there."""

    name: str  # without `./` before it; "" where it is the archive that can be read no further
    data: bytes = b""  # empty where it was not asked for
    problem: str = ""
    size: int = 0  # bytes
    offset: int = 0  # of its first byte in the archive, where that is not packed


class _Archive(tarfile.TarFile):
    """A tar file that says why it ended."""

    ended: type[Exception] | None = None


class _Header(tarfile.TarInfo):
    """A header whose faults are told: `tarfile` ends an archive at a damaged one, as if that were all."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> _Header:
        """The next header."""
        try:
            return super().fromtarfile(archive)
        except Exception as error:
            cast(_Archive, archive).ended = type(error)
            raise


def members(path: Path, wanted: Callable[[str, int], bool]) -> Iterator[Member]:
    """The files in a tar, one after another, packed or not; the data of those that are `wanted` by name and size.

    Folders and hidden files do not count. What cannot be had (a link, a name that leads out of the archive, the rest of
    a damaged archive) is a member with a problem.
    """
    ended: type[Exception] | None = None
    goes_on = False
    try:
        with _opened(path) as archive:
            while (info := archive.next()) is not None:
                cast(Any, archive).members.clear()  # it would keep every header
                if not info.isdir() and not _hidden(info.name):
                    yield _member(archive, info, wanted)
            ended = archive.ended
            goes_on = ended is _END and any(map(any, iter(partial(cast(Any, archive).fileobj.read, BLOCK), b"")))
    except Exception as error:  # whatever a damaged archive makes its readers raise
        said = str(error)[:200] or type(error).__name__
        yield Member("", problem=f"{path.name} can be read no further ({said}): it is damaged, or was cut short")
        return
    if goes_on:
        yield Member("", problem=f"{path.name} goes on after the mark of its end: tars that were joined, or damage")
    elif ended is not _END:
        what = "has no mark of its end" if ended is _NOTHING else "is damaged"
        yield Member("", problem=f"{path.name} {what} after its last file that can be read: it may have been cut short")


@contextmanager
def _opened(path: Path) -> Iterator[_Archive]:
    with open_bytes(path) as stream:
        packed = path.suffix.lower() in PACKINGS
        raw: IO[bytes] = stream
        if not packed and _starts(stream) == _GZIP:
            raw, packed = cast(IO[bytes], gzip.GzipFile(fileobj=stream)), True
        archive: Any = _Archive.open(fileobj=raw, mode="r|" if packed else "r:", tarinfo=_Header)
        with archive:
            yield archive


def _starts(stream: IO[bytes]) -> bytes:
    head = stream.read(2)
    stream.seek(0)
    return head


def _hidden(name: str) -> bool:
    """Files that are no part of a data set: of a system (`.DS_Store`), or about the archive (`__url__`)."""
    last = PurePosixPath(name).name
    return last.startswith(".") or (last.startswith("__") and last.endswith("__"))


def _member(archive: tarfile.TarFile, info: tarfile.TarInfo, wanted: Callable[[str, int], bool]) -> Member:
    shown = info.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    name = str(PurePosixPath(info.name))
    if shown != info.name or any(ord(letter) < 32 for letter in name):
        return Member(shown, problem=f"{shown!r} is no name of a file")
    if name.startswith("/") or ".." in PurePosixPath(name).parts:
        return Member(name, problem=f"the name {name!r} leads out of the archive, expected one inside it")
    if not info.isfile():
        return Member(name, problem=f"{name} is a link or a device, expected a file")
    if not wanted(name, info.size):
        return Member(name, size=info.size, offset=info.offset_data)
    if info.size > LARGEST:
        return Member(name, problem=f"{name} has {info.size:,} bytes, expected at most {LARGEST:,}")
    stream = archive.extractfile(info)
    return Member(name, stream.read() if stream is not None else b"", size=info.size, offset=info.offset_data)


def found_in(folder: Path, fits: Callable[[str], bool]) -> list[tuple[Path, PurePosixPath]]:
    """Files below a folder whose names fit, sorted, each with its path from there on; hidden ones do not count."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if fits(path.name)):
        inside = PurePosixPath(str(path).removeprefix(str(folder)).lstrip("/"))
        if not any(part.startswith(".") for part in inside.parts):
            found.append((path, inside))
    return found


def is_audio(name: str) -> bool:
    """Whether a member's name is one of sound."""
    return PurePosixPath(name).suffix.lower() in ENDINGS


def expand(pattern: str) -> list[str]:
    """The names that a pattern stands for: `audio_{0..7}.tar`, `audio__OP_0..7_CL_.tar`, `{train,dev}.tar`.

    Raises:
        SettingsError: more than MOST.
    """
    pieces = _BRACES.split(pattern)
    choices = [[piece] if n % 2 == 0 else _choices(piece, pattern) for n, piece in enumerate(pieces)]
    count = 1
    for found in choices:
        count *= len(found)
    if count > MOST:
        raise SettingsError(f"{pattern} stands for {count:,} names, expected at most {MOST:,}.")
    return ["".join(parts) for parts in itertools.product(*choices)]


def _choices(piece: str, pattern: str) -> list[str]:
    numbers = _RANGE.fullmatch(piece)
    if numbers is None:
        return piece.split(",") if "," in piece else [f"{{{piece}}}"]
    first, last = numbers.groups()
    if len(first) > 18 or len(last) > 18 or int(last) - int(first) >= MOST:
        raise SettingsError(f"{pattern} stands for more than {MOST:,} names.")
    width = len(first) if first.startswith("0") else 0
    return [f"{number:0{width}}" for number in range(int(first), int(last) + 1)]
