"""The frames of an MPEG audio file (MP3, MP2), from header to header: whether anything is missing between them.

FFmpeg looks for the next header where it finds none, and goes on as if nothing were amiss: all later samples stand at
the wrong time. Here each frame must end where the next begins, or at a tag, or at the end of the file.
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from manifests.errors import AudioError
from manifests.units import Seconds

Data: TypeAlias = mmap.mmap | bytes

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # MPEG 1, 2, 2.5; Hz
_KBITS = {  # (MPEG 1?, layer) -> by the header's number; 0 is any rate, which the header does not say
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_LONGEST_LYRICS = 1 << 16


@dataclass(frozen=True)
class Frame:
    """One frame, as its header says."""

    size: int  # bytes
    samples: int  # per channel
    rate: int  # Hz


@dataclass
class Frames:
    """All frames of a file."""

    starts: list[int] = field(default_factory=list)  # byte where each begins
    seconds: Seconds = 0.0  # of all frames
    gaps: list[tuple[int, int, Seconds]] = field(default_factory=list)  # bytes [from, to) that are none; at what time
    whole: bool = True  # False: a frame does not say how long it is, so that nothing is known of those after it

    def has(self, place: int) -> bool:
        """Whether a frame begins at this byte."""
        index = bisect_left(self.starts, place)
        return index < len(self.starts) and self.starts[index] == place


@contextmanager
def _bytes_of(path: Path) -> Iterator[Data]:
    if not hasattr(path, "__fspath__"):  # a place that is no file, whose bytes are in memory
        yield path.read_bytes()
        return
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


def mpeg_frames(path: Path) -> Frames:
    """The frames of a file; tags before, between and after them do not count, nor do zeros before the first."""
    found = Frames()
    with _bytes_of(path) as data:
        last = 0  # size of the last frame
        place = _after_zeros(data, _after_tag(data, 0))
        while place < len(data) and found.whole:
            frame = _frame(data, place)
            if frame is not None and frame.size == 0:
                found.whole = False
            elif frame is not None and _goes_on(data, place + frame.size):
                found.starts.append(place)
                found.seconds += frame.samples / frame.rate
                place, last = place + frame.size, frame.size
            elif (after := _after_tag(data, place)) > place:
                place = after
            else:
                after = _next(data, place + 1)
                missing = after < len(data) or after - place >= last  # the rest of a frame at the end is usual
                if missing and not _is_ape(data, place, after):
                    found.gaps.append((place, after, found.seconds))
                place = after
    return found


def need_whole_mpeg(path: Path) -> Seconds | None:
    """Length of all frames; None where their headers do not tell.

    Raises:
        AudioError: something that is neither a frame nor a tag stands between frames, or after them.
    """
    found = mpeg_frames(path)
    if found.gaps:
        start, end, seconds = found.gaps[0]
        raise AudioError(
            f"{path} is damaged: the {end - start:,} bytes from byte {start:,} on (after {seconds:.2f} s) are no frame "
            "of MPEG audio, so audio is missing. Get the file anew, or write what is left: ffmpeg -i IN.mp3 OUT.flac"
        )
    return found.seconds if found.whole and found.starts else None


def _frame(data: Data, place: int) -> Frame | None:
    """The frame whose header stands there, of 0 bytes where the header does not tell; None: there is no header."""
    if place + 4 > len(data) or data[place] != 0xFF or data[place + 1] & 0xE0 != 0xE0:
        return None
    version, layer = data[place + 1] >> 3 & 3, 4 - (data[place + 1] >> 1 & 3)
    kbits, rate = data[place + 2] >> 4, data[place + 2] >> 2 & 3
    if version == 1 or layer == 4 or kbits == 15 or rate == 3:
        return None
    hertz, first = _RATES[version][rate], version == 3
    bits, padding = 1000 * _KBITS[first, layer][kbits], data[place + 2] >> 1 & 1
    samples = 384 if layer == 1 else 1152 if first or layer == 2 else 576
    if not bits:
        return Frame(0, samples, hertz)
    size = (12 * bits // hertz + padding) * 4 if layer == 1 else samples // 8 * bits // hertz + padding
    return Frame(size, samples, hertz)


def _goes_on(data: Data, place: int) -> bool:
    """Whether a frame, a tag or the end of the file is there."""
    return place >= len(data) - 3 or _frame(data, place) is not None or _after_tag(data, place) > place


def _next(data: Data, place: int) -> int:
    """Where the next frame or tag begins, at `place` or after it: one that something follows; else the file's end."""
    for found in _marks(data, place):
        frame = _frame(data, found)
        if frame is not None and frame.size and found + frame.size <= len(data) and _goes_on(data, found + frame.size):
            return found
        if frame is None and _after_tag(data, found) > found:
            return found
    return len(data)


def _marks(data: Data, place: int) -> Iterator[int]:
    """Where a frame or tag may begin, in order."""
    nearest = {mark: data.find(mark, place) for mark in (b"\xff", b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN")}
    while left := {mark: found for mark, found in nearest.items() if found >= 0}:
        mark, found = min(left.items(), key=lambda pair: pair[1])
        yield found
        nearest[mark] = data.find(mark, found + 1)


def _after_tag(data: Data, place: int) -> int:
    """Where a tag that begins at `place` ends; `place` if there is none."""
    head = data[place : place + 32]
    if head.startswith(b"ID3") and len(head) >= 10 and all(byte < 0x80 for byte in head[6:10]):
        size = sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        return _after_zeros(data, place + 10 + size + (10 if head[5] & 0x10 else 0))
    if head.startswith(b"TAG"):
        return place + (227 if head.startswith(b"TAG+") else 128)
    if head.startswith(b"APETAGEX"):
        header = int.from_bytes(head[20:24], "little") & 1 << 29
        return place + 32 + (int.from_bytes(head[12:16], "little") if header else 0)
    if head.startswith(b"LYRICSBEGIN"):
        ends = [data.find(mark, place, place + _LONGEST_LYRICS) for mark in (b"LYRICS200", b"LYRICSEND")]
        return max(ends) + 9 if max(ends) >= 0 else place
    return place


def _is_ape(data: Data, place: int, end: int) -> bool:
    """Whether [place, end) are the items of an APE tag without a header, whose footer follows."""
    foot = data[end : end + 16]
    return foot.startswith(b"APETAGEX") and end - place == int.from_bytes(foot[12:16], "little") - 32


def _after_zeros(data: Data, place: int) -> int:
    """Past the padding that follows an ID3 tag."""
    if place == 0:
        return place
    while place < len(data) and data[place] == 0:
        place += 1
    return place
