"""Audio that lies inside what is imported: copied out, as files of the corpus, or left where it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from pathlib import Path

from curation.interchange.archives import Member
from manifests.files import atomic_write
from manifests.places import as_sound, is_place, need_plain_tar, place_of_member

_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")  # of a file's name in a dataset
_MAGIC = ((b"RIFF", ".wav"), (b"fLaC", ".flac"), (b"OggS", ".ogg"), (b"ID3", ".mp3"), (b"\xff", ".mp3"))


_in_place: ContextVar[bool] = ContextVar("in_place", default=False)


@contextmanager
def left_in_place(*, wanted: bool = True) -> Iterator[None]:
    """In this block imports copy no audio: rows name the bytes of a tar, or the object in a store, that hold it."""
    token = _in_place.set(wanted)
    try:
        yield
    finally:
        _in_place.reset(token)


def in_place() -> bool:
    """Whether audio stays where it is."""
    return _in_place.get()


def need_readable(tars: Iterable[Path]) -> None:
    """Refuse tars of which no member can be read by itself, where audio stays where it is.

    Raises:
        InputError: one is packed.
    """
    for tar in tars if in_place() else ():
        need_plain_tar(tar)


def address_of(name: str) -> Path | None:
    """The place that a row names by its address, where audio stays where it is; None of paths."""
    return as_sound(name) if in_place() and is_place(name) else None


def member_audio(tar: Path, member: Member, folder: Path) -> Path:
    """A member's sound: its place in the tar, or a file in `folder`."""
    if in_place():
        return place_of_member(tar, member.name, member.offset, member.size)
    return stored_audio(member.data, member.name, folder)


def stored_audio(data: bytes, name: str, folder: Path) -> Path:
    """Write a file's bytes to `folder` under their hash, byte for byte; the suffix is that of `name`."""
    suffix = Path(name).suffix
    if not _SUFFIX.fullmatch(suffix):  # none, or none that a file here should have
        suffix = next((ending for magic, ending in _MAGIC if data.startswith(magic)), ".wav")
    path = folder / f"{sha256(data).hexdigest()[:24]}{suffix}"
    if not path.is_file():
        with atomic_write(path) as temporary:
            temporary.write_bytes(data)
    return path
