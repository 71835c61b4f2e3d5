"""The bytes of a sound that is no file of its own, for decoders: all of them in memory, or a window of blocks."""

from __future__ import annotations

import io
import tarfile
from collections import OrderedDict
from pathlib import PurePosixPath
from typing import Any, BinaryIO, NamedTuple, cast

from manifests.errors import AudioError
from manifests.places.stores import Container
from manifests.reasons import Reason

HEADER = 512  # bytes before a member, which say its name and size
CUT_OFF = 60  # letters: a name of so many in a header may be part of a longer one, which stands before it
IN_MEMORY = 8 << 20  # bytes: a sound of no more is fetched at once
BLOCK = 1 << 19  # bytes of a longer one at a time
BLOCKS = 16  # of them are kept


class HeldStat(NamedTuple):
    """What decoders ask of `Path.stat()`."""

    st_size: int


class Extent(NamedTuple):
    """Where bytes are."""

    source: Container
    offset: int
    size: int


class HeldSound:
    """A sound's bytes under its address. It has of `pathlib.Path` what decoders use."""

    def __init__(self, address: str, extent: Extent, first: bytes, *, name: str) -> None:
        """first: bytes from its beginning on."""
        self.address, self.name, self.size = address, name, extent.size
        self._source, self._offset, self._first = extent.source, extent.offset, first
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self.failed: AudioError | None = None
        """What went wrong while a decoder read it."""

    def __str__(self) -> str:
        return self.address

    @property
    def suffix(self) -> str:
        """The end of its name."""
        return f".{self.name.rpartition('.')[2]}" if "." in self.name.strip(".") else ""

    @property
    def parked(self) -> bool:
        """Is all of it in memory?"""
        return len(self._first) == self.size

    def is_file(self) -> bool:
        """It is there."""
        return True

    def stat(self) -> HeldStat:
        """Its size."""
        return HeldStat(self.size)

    def absolute(self) -> HeldSound:
        """Itself."""
        return self

    def open(self, mode: str = "rb") -> BinaryIO:
        """A stream of it, from its beginning."""
        assert mode == "rb"
        return io.BytesIO(self._first) if self.parked else cast(BinaryIO, cast(Any, _Ranges(self)))

    def read_bytes(self) -> bytes:
        """All of it. Raises AudioError as `hold`."""
        return self._first if self.parked else self._read(0, self.size)

    def read(self, start: int, count: int) -> bytes:
        """Up to `count` bytes from `start` on; nothing where they cannot be had, which `failed` then says."""
        if start + count <= len(self._first):
            return self._first[start : start + count]
        number, skipped = divmod(start, BLOCK)
        try:
            return self._block(number)[skipped : skipped + count]
        except AudioError as error:
            self.failed = error
            return b""

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            self._blocks[number] = self._read(number * BLOCK, min(self.size, (number + 1) * BLOCK))
            while len(self._blocks) > BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _read(self, start: int, end: int) -> bytes:
        found = fetch(self.address, self._source, self._offset + start, self._offset + end)
        if len(found) < end - start:
            raise _short(self.address, self._source.stat().size)
        return found


class _Ranges(io.RawIOBase):
    """A HeldSound as a stream. It raises nothing where bytes are missing: decoders would print that and go on."""

    def __init__(self, held: HeldSound) -> None:
        self._held, self._at = held, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._held.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """All that was asked for, where it is there: libsndfile takes less for the end."""
        left = self._held.size - self._at
        size = left if size < 0 else min(size, left)
        parts = []
        while size > 0 and (part := self._held.read(self._at, size)):
            parts.append(part)
            self._at += len(part)
            size -= len(part)
        return b"".join(parts)

    def readinto(self, buffer: Any, /) -> int:
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)


def hold(address: str, source: Container, offset: int, size: int | None, member: str) -> HeldSound:
    """Fetch a sound, or the beginning of a long one.

    Args:
        address: for messages.
        source: what holds it.
        offset: its first byte there.
        size: bytes; None: to the end.
        member: its name in a tar; "": it is in none.

    Raises:
        AudioError: it is missing, its tar is another one now, or its store does not answer.
    """
    lead = HEADER if size is not None else 0
    if offset < lead:
        raise _other(address, offset)
    most = IN_MEMORY if size is None else min(size, IN_MEMORY)
    found = fetch(address, source, offset - lead, offset + most)
    first = found[lead:]
    if size is not None:
        if not _is_header_of(found[:lead], member, size):
            raise _other(address, offset)
        if len(first) < most or (size > most and source.stat().size < offset + size):
            raise _short(address, source.stat().size)
    elif len(first) < most:
        size = len(first)
    else:
        size = source.stat().size
    return HeldSound(address, Extent(source, offset, size), first, name=member or address.rpartition("/")[2])


def fetch(address: str, source: Container, start: int, end: int) -> bytes:
    """Bytes [start, end) of what holds a sound, fewer at its end.

    Raises:
        AudioError: it is missing or cannot be read.
    """
    try:
        return source.read(start, end)
    except FileNotFoundError as error:
        raise AudioError(f"No such audio: {address}.", Reason.audio_missing) from error
    except OSError as error:  # no right to read it, a disk that fails, an empty object
        raise AudioError(f"{address} cannot be read ({error}).", Reason.audio_unreadable) from error


def _is_header_of(block: bytes, member: str, size: int) -> bool:
    """Whether a tar's header says this size, and this name as far as a header holds one."""
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    said = str(PurePosixPath(info.name))
    names = (member, member.encode("ascii", "replace").decode())  # writers put names of other letters before it
    return info.size == size and any(
        said == name or (len(said) >= CUT_OFF and (name.startswith(said) or name.endswith(said))) for name in names
    )


def _other(address: str, offset: int) -> AudioError:
    return AudioError(
        f"{address}: its tar is not the one that was imported: no header of this member stands before byte {offset:,}. "
        "Put the old one back, or import it again.",
        Reason.audio_unreadable,
    )


def _short(address: str, size: int) -> AudioError:
    return AudioError(f"{address}: it is cut off, what holds it ends at byte {size:,}.", Reason.audio_unreadable)
