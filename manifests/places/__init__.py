"""Audio that is no file of its own: a member of a tar, or an object in a store, read where it lies.

    s3://BUCKET/KEY                        an object
    tar:PATH#OFFSET+BYTES=MEMBER           bytes of a tar on disk, which its header calls MEMBER (percent-encoded)
    tar:s3://BUCKET/KEY#OFFSET+BYTES=...   the same of a tar in a store

A manifest's row names such a place as a source of type `place` (Lhotse's own types are `file`, `url` and others). Only
`soundwave catalog import --in-place` writes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple, cast
from urllib.parse import quote, unquote

from manifests.errors import AudioError, InputError
from manifests.places.held import HeldSound, hold
from manifests.places.stores import Container, container_of, is_store

PLACE = "place"  # type of a source in a manifest's row
MOST = 1 << 53  # bytes: numbers in addresses are exact
_MEMBER = re.compile(r"tar:(?P<tar>.+)#(?P<offset>[0-9]{1,16})\+(?P<size>[0-9]{1,16})=(?P<member>[^#]*)", re.DOTALL)


class PlaceStat(NamedTuple):
    """What is asked of `Path.stat()`; another content has other numbers."""

    st_size: int
    st_mtime_ns: int
    st_ctime_ns: int
    st_ino: int


@dataclass(frozen=True)
class SoundPlace:
    """Such a place. It has of `pathlib.Path` what readers of audio use, and stands where they expect one."""

    container: str
    """Path of a tar, or address of an object."""
    offset: int = 0
    size: int | None = None
    """Bytes; None: all of the object."""
    member: str = ""
    """Name in the tar; "": it is no tar."""

    def __str__(self) -> str:
        if self.size is None:
            return self.container
        return f"tar:{self.container}#{self.offset}+{self.size}={quote(self.member)}"

    @property
    def name(self) -> str:
        """The file's name."""
        return PurePosixPath(self.member or self.container).name

    @property
    def suffix(self) -> str:
        """The end of its name."""
        return PurePosixPath(self.name).suffix

    @property
    def source(self) -> Container:
        """What holds it."""
        return container_of(self.container)

    def absolute(self) -> SoundPlace:
        """Itself."""
        return self

    def is_file(self) -> bool:
        """Whether what holds it is there.

        Raises:
            AudioError: a store that does not answer.
        """
        return self.source.exists()

    def stat(self) -> PlaceStat:
        """Its size, and times that change with what holds it.

        Raises:
            FileNotFoundError: it is not there.
            AudioError: a store that does not answer.
        """
        found = self.source.stat()
        return PlaceStat(found.size if self.size is None else self.size, found.changed, found.changed, found.inode)

    def hold(self) -> HeldSound:
        """Its bytes: in memory, or of a large one as they are asked for.

        Raises:
            AudioError: it is missing, its tar is another one, or its store does not answer.
        """
        return hold(str(self), self.source, self.offset, self.size, self.member)

    def open(self, mode: str = "rb") -> BinaryIO:
        """A stream of its bytes. Raises AudioError as `hold`."""
        assert mode == "rb"
        return self.hold().open()


def is_place(text: str) -> bool:
    """Whether a text is the address of a place, and no path."""
    return is_store(text) or _MEMBER.fullmatch(text) is not None


def as_sound(text: str) -> Path:
    """The place of an address, to be used as the path of a file is; of any other text the path."""
    if (found := _MEMBER.fullmatch(text)) is not None:
        offset, size = int(found["offset"]), int(found["size"])
        if max(offset, size) > MOST:
            raise InputError(f"{text[:200]}: expected numbers up to {MOST:,}.")
        return cast(Path, SoundPlace(found["tar"], offset, size, unquote(found["member"])))
    return cast(Path, SoundPlace(text)) if is_store(text) else Path(text)


def place_of_member(tar: Path, name: str, offset: int, size: int) -> Path:
    """A member of a tar on disk, or of one in a store (a path of `universal_pathlib`)."""
    return cast(Path, SoundPlace(str(tar.absolute()), offset, size, name))


def need_plain_tar(tar: Path) -> Path:
    """`tar`, where its members can be read where they lie.

    Raises:
        InputError: it is packed.
    """
    with tar.open("rb") as stream:
        head = stream.read(6)
    packed = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18")
    if head.startswith(packed):
        raise InputError(
            f"{tar} is packed, so none of its members can be read without all that comes before it. Unpack it to a "
            "plain .tar first, or import it without the setting `in_place`, which copies its audio out."
        )
    return tar


@contextmanager
def reachable(path: Path) -> Iterator[Path]:
    """A path as decoders read it: a file as it is; of a place its bytes, fetched once for all that the block reads.

    Raises:
        AudioError: as `SoundPlace.hold`, also where it happened later and a decoder took it for the sound's end.
    """
    place: Any = path
    if not isinstance(place, SoundPlace):
        yield path
        return
    held: Any = place.hold()
    try:
        yield held
    except (AudioError, OSError, RuntimeError, ValueError) as error:
        if held.failed is not None:
            raise held.failed from error
        raise
    if held.failed is not None:
        raise held.failed
