"""What a header of fixed-size samples says of the length of its data, against the bytes that are there.

libsndfile reads as far as there are bytes, and never says that a file was cut or that its sizes contradict each other.
Read here: WAV, RF64, W64, AIFF, AU, NIST SPHERE.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

PLACEHOLDER = 0x7FFF0000  # sizes from here on stand for "until the end": what programs write to pipes
_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")  # of every chunk's GUID but the first


@dataclass(frozen=True)
class DataSize:
    """Bytes of a file's samples."""

    declared: int | None  # None: until the end of the file
    held: int  # that are there
    surplus: int  # after them, in the file, which belong to no chunk


@dataclass(frozen=True)
class _Chunk:
    name: bytes
    start: int  # of its content
    size: int  # as declared
    next: int  # where the chunk after it starts


def data_size(path: Path) -> DataSize | None:
    """The size of the samples' bytes; None for formats that are not read here."""
    length = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(1024)
        if head[:4] == b".snd":
            return _of(int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:12], "big"), length)
        if head[:4] == b"NIST":
            return _nist(head, length)
        wide = int.from_bytes(head[28:36], "little") if head[12:16] == b"ds64" else None
        return _chunked(list(_chunks(stream, head, length)), length, wide)


def _of(start: int, declared: int, length: int) -> DataSize:
    """One run of samples at the end of a file."""
    known = None if declared >= PLACEHOLDER and declared > length else declared
    held = length - start if known is None else max(0, min(known, length - start))
    return DataSize(known, held, max(0, length - start - held))


def _nist(head: bytes, length: int) -> DataSize | None:
    found = {name: int(value) for name, value in re.findall(rb"(\w+) -i (\d+)", head)}
    sizes = [found.get(name) for name in (b"sample_count", b"channel_count", b"sample_n_bytes")]
    if None in sizes or b"shorten" in head:
        return None
    count, channels, width = (size or 0 for size in sizes)
    return _of(int(head[8:16]), count * channels * width, length)


def _chunks(stream: BinaryIO, head: bytes, length: int) -> Iterator[_Chunk]:
    """Chunks from the first on; ends with the first that is none. Nothing for a file without chunks."""
    wide = head[:4] == b"riff"  # W64: names of 16 bytes, sizes of 8 that count the chunk's own head
    order: Literal["big", "little"] = "big" if head[:4] == b"FORM" else "little"
    if not wide and head[:4] not in (b"RIFF", b"RF64", b"FORM"):
        return
    position, letters, digits, pad = (40, 16, 8, 8) if wide else (12, 4, 4, 2)
    top = letters + digits
    while position + top <= length:
        stream.seek(position)
        name, size = stream.read(letters), int.from_bytes(stream.read(digits), order) - (top if wide else 0)
        named = name.endswith(_W64_TAIL) if wide else all(32 <= byte < 127 for byte in name)
        if not named or size < 0:
            return
        after = position + top + size
        yield _Chunk(name[:4], position + top, size, after + -after % pad)
        position = after + -after % pad


def _chunked(chunks: list[_Chunk], length: int, wide: int | None) -> DataSize | None:
    place = next((place for place, chunk in enumerate(chunks) if chunk.name in (b"data", b"SSND")), None)
    if place is None:
        return None
    chunk = chunks[place]
    lead = 8 if chunk.name == b"SSND" else 0  # offset and block size come before the samples
    size = wide if wide is not None and chunk.size == 0xFFFFFFFF else chunk.size - lead
    start = chunk.start + lead
    if size >= PLACEHOLDER and size > length and wide is None:
        return DataSize(None, length - start, 0)
    if size < 0:  # an AIFF of unknown length
        return DataSize(None, length - start, 0)
    held = max(0, min(size, length - start))
    end = max([start + held, *(other.next for other in chunks[place:] if other.next <= length)])
    return DataSize(size, held, max(0, length - end))
