"""Lines of text files, the one way that manifests, tables of corpora and imports are read.

Only a line feed ends a line, alone or after a carriage return: whatever else looks like an end (U+2028, U+0085, a
vertical tab, a form feed, a lone carriage return) belongs to the text. A byte-order mark before a line is no part of
it. A line that is no UTF-8, or that is longer than LONGEST, keeps its number and says what is wrong with it.

Files are unpacked by the ends of their names: .gz (of any number of members), .bz2, .xz, .zst, .lz4.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from manifests.errors import ManifestError

BLOCK = 1 << 20  # bytes read at a time
LONGEST = 16 << 20  # bytes of a line; what is longer is not kept in memory
PACKINGS = (".gz", ".bz2", ".xz", ".zst", ".lz4")
_BOM = b"\xef\xbb\xbf"
_WIDE = (b"\xff\xfe", b"\xfe\xff")  # byte-order marks of UTF-16 and UTF-32
_ARROW = {".zst": "zstd", ".lz4": "lz4"}


@dataclass(frozen=True)
class Line:
    """One line."""

    number: int  # from 1
    text: str  # without its end; empty where `problem` says why it cannot be had
    problem: str = ""


@dataclass(frozen=True)
class Block:
    """Some lines in a row, as bytes that are UTF-8."""

    first: int  # the first line's number
    data: bytes  # the lines with their ends
    bounds: NDArray[np.int32]  # line i is data[bounds[i] : bounds[i + 1]]
    problems: dict[int, str] = field(default_factory=dict)  # of lines that cannot be read; they are empty in `data`

    def __len__(self) -> int:
        """Lines."""
        return len(self.bounds) - 1

    def text(self, index: int) -> str:
        """A line without its end."""
        line = self.data[self.bounds[index] : self.bounds[index + 1]]
        return line.removesuffix(b"\n").removesuffix(b"\r").decode()


def lines(path: Path) -> Iterator[Line]:
    """The lines of a file, empty ones included.

    Raises:
        ManifestError: UTF-16 or UTF-32, or packed data that cannot be unpacked to their end.
    """
    for block in blocks(path):
        for index in range(len(block)):
            yield Line(block.first + index, block.text(index), block.problems.get(index, ""))


def texts(path: Path) -> Iterator[str]:
    """The lines of a file whose every line must be readable.

    Raises:
        ManifestError: as `lines`, and a line that is no UTF-8 or too long.
    """
    for line in lines(path):
        if line.problem:
            raise ManifestError(f"{path}:{line.number}: {line.problem}.")
        yield line.text


def split_lines(text: str) -> list[str]:
    """The lines of a text in memory, by the rules of this module."""
    found = [line.removesuffix("\r").removeprefix("\ufeff") for line in text.split("\n")]
    return found if found[-1] else found[:-1]


def blocks(path: Path) -> Iterator[Block]:
    """The lines of a file in blocks of about BLOCK bytes: memory does not grow with the file or with a line.

    Raises:
        ManifestError: as `lines`.
    """
    number, rest, skipped = 1, b"", 0
    for chunk in _chunks(path):
        end = chunk.rfind(b"\n") + 1
        if end:
            block = _block(number, b"".join((rest, memoryview(chunk)[:end])), skipped)
            yield block
            number, rest, skipped = number + len(block), chunk[end:], 0
        elif skipped or len(rest) + len(chunk) > LONGEST:
            rest, skipped = b"", skipped + len(rest) + len(chunk)
        else:
            rest += chunk
    if rest or skipped:
        yield _block(number, rest, skipped)


def _chunks(path: Path) -> Iterator[bytes]:
    done = 0
    try:
        with open_bytes(path) as stream:
            while chunk := stream.read(BLOCK):
                if not done and chunk.startswith(_WIDE):
                    raise ManifestError(f"{path} is UTF-16 or UTF-32, expected UTF-8. Convert it, e.g. with iconv.")
                yield chunk
                done += len(chunk)
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ManifestError(
            f"{path} can be read no further than {done:,} bytes of text ({error or type(error).__name__}): it was cut "
            "short or is damaged. Nothing of it is used. Copy or make it again."
        ) from error


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, unpacked by the end of its name."""
    with path.open("rb") as raw:
        if path.suffix == ".gz":
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield cast(IO[bytes], unpacked)
        elif path.suffix == ".bz2":
            with bz2.BZ2File(raw) as file:
                yield cast(IO[bytes], file)
        elif path.suffix == ".xz":
            with lzma.LZMAFile(raw) as archive:
                yield cast(IO[bytes], archive)
        elif path.suffix in _ARROW:
            import pyarrow as pa

            with pa.CompressedInputStream(raw, _ARROW[path.suffix]) as stream:
                yield cast(Any, stream)
        else:
            yield raw


def _block(first: int, data: bytes, skipped: int) -> Block:
    """The lines of `data`; before it lie `skipped` bytes of its first line, which were not kept."""
    ends = _ends(data)
    problems: dict[int, str] = {}
    for index in np.flatnonzero(np.diff(ends, prepend=0) > LONGEST).tolist():
        problems[index] = _too_long(int(ends[index] - (ends[index - 1] if index else 0)))
    if skipped:
        problems[0] = _too_long(skipped + int(ends[0] if len(ends) else 0))
    clean = not problems
    if clean and not data.isascii():
        try:
            data.decode()
            clean = not data.startswith(_BOM) and b"\n" + _BOM not in data
        except UnicodeDecodeError:
            clean = False
    if not clean:
        data, ends = _mended(data, ends, problems)
    return Block(first, data, np.concatenate([[0], ends]).astype(np.int32), problems)


def _ends(data: bytes) -> NDArray[np.int64]:
    """Where each line ends, its line feed included."""
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == 10) + 1
    return ends if data.endswith(b"\n") else np.append(ends, len(data))


def _mended(data: bytes, ends: NDArray[np.int64], problems: dict[int, str]) -> tuple[bytes, NDArray[np.int64]]:
    """The lines without byte-order marks, empty where they cannot be read; `problems` gets what is wrong with them."""
    kept = []
    start = 0
    for index, end in enumerate(ends.tolist()):
        line = data[start:end].removeprefix(_BOM)
        start = end
        try:
            line.decode()
        except UnicodeDecodeError as error:
            problems.setdefault(index, f"not UTF-8: byte 0x{line[error.start]:02x} at {error.start}")
        kept.append(b"\n" if index in problems else line)
    return b"".join(kept), np.cumsum([len(line) for line in kept])


def _too_long(size: int) -> str:
    return f"the line has {size / (1 << 20):.1f} MB, expected at most {LONGEST >> 20} MB"
