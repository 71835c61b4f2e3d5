"""Encoder frames on disk, for epochs to come and runs to come: a folder of bounded size, least recently used out first.

    FOLDER/ab/abcd...frames    32 hex digits that say which sound, which encoder and which speed; see `_pack`
    FOLDER/used                bytes of all of them, never less than there are

What is asked for is content: the audio's fingerprint, the span and channels of it that are heard, the speed, and what
the encoder makes of a sound that is always the same, which tells its weights, precision and code. Several processes and
runs of one machine share a folder: entries appear whole, the counter is written by one process at a time, and an entry
that another one has taken away is one that is not there. A kill leaves a temporary file at most, which the next process
that opens the folder removes. Each entry has a checksum; a damaged one is made anew. Only entries are ever removed.
"""

from __future__ import annotations

import os
import re
import struct
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xxhash

from manifests.audio import CutSound
from manifests.disk.alone import in_turn
from manifests.disk.faults import appending
from manifests.errors import InputError
from manifests.files import claim_folder, temporary_name
from manifests.fingerprint import fingerprint
from manifests.units import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curation.encoders import Encoder

    Frames = NDArray[np.float32]

VERSION = 1  # raise it when the same sound and encoder would give other frames by our own doing
KIND = "a cache of encoder frames"
COUNTER = "used"
LEFT = 0.9  # of the limit is kept when entries go, so that not each new one has to look through the folder
PROBE = 2 * SAMPLE_RATE  # samples of the sound that tells encoders apart
_HEAD = struct.Struct("<8sII16s")  # magic, T, F, checksum of all but itself
_MAGIC = b"swframe1"
_NAME = re.compile(r"[0-9a-f]{32}\.frames")
_FOLDER = re.compile(r"[0-9a-f]{2}")


class Entry(NamedTuple):
    """A file of the cache."""

    used: int  # ns, when it was last asked for
    size: int
    path: str


class FrameCache:
    """Frames by the sound that they are of."""

    def __init__(self, folder: Path, limit: int, encoder: Encoder) -> None:
        """Open a cache, or begin one.

        Args:
            folder: a new or empty one, or one that is a cache already.
            limit: bytes that its entries may take.
            encoder: whose frames are kept.

        Raises:
            OccupiedError: the folder holds something else. Nothing is touched.
            DiskError: it cannot be made.
        """
        self.folder, self.limit = folder.absolute(), limit
        claim_folder(self.folder, KIND)
        self._identity = identity(encoder)
        self._writes = True
        with appending(self.folder / COUNTER), in_turn(self.folder):
            self._make_room(0)

    def of_cut(self, row: Mapping[str, Any], speed: float) -> CachedFrames:
        """Where the frames of a cut at a speed are, or will be. row: of `cuts`, with `audio_sha256`."""
        return CachedFrames(self, _facts(row, speed), speed)

    def key(self, *facts: object) -> str:
        """32 hex digits."""
        return fingerprint(VERSION, self._identity, *facts)[:32]

    def get(self, key: str) -> Frames | None:
        """The frames (T, F) of a key; None: they are not there, or not whole."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        frames = _unpack(data)
        with suppress(OSError):
            if frames is None:
                path.unlink()
            else:
                os.utime(path)
        return frames

    def put(self, key: str, frames: Frames) -> None:
        """Keep frames (T, F). Where the disk takes no more, that is said once, and nothing more is kept."""
        path, data = self._path(key), _pack(frames)
        if not self._writes or len(data) > self.limit * LEFT or path.exists():
            return
        temporary = temporary_name(self.folder / path.name)
        try:
            temporary.write_bytes(data)
            path.parent.mkdir(exist_ok=True)
            with in_turn(self.folder):  # who counts sees all that was counted before
                self._make_room(len(data))
                temporary.replace(path)
        except OSError as error:
            self._writes = False
            print(f"{self.folder}: no more frames are kept ({error}). The training goes on.", file=sys.stderr)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def entries(self) -> Iterator[Entry]:
        """All files of the cache."""
        for folder in _scanned(self.folder):
            if _FOLDER.fullmatch(folder.name) and folder.is_dir(follow_symlinks=False):
                for entry in _scanned(Path(folder.path)):
                    if _NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                        with suppress(OSError):  # another process took it away
                            found = entry.stat(follow_symlinks=False)
                            yield Entry(found.st_mtime_ns, found.st_size, entry.path)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.frames"

    def _make_room(self, size: int) -> None:
        """Count an entry that is about to be written; remove old ones first where there is no room for it.

        Raises:
            OSError: the counter cannot be written.
        """
        used = self._counted()
        if used is None or used + size > self.limit:
            used = self._removed(round(self.limit * LEFT) - size)
        temporary = temporary_name(self.folder / COUNTER)
        temporary.write_text(f"{used + size}\n", encoding="ascii")
        temporary.replace(self.folder / COUNTER)

    def _counted(self) -> int | None:
        try:
            return int((self.folder / COUNTER).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def _removed(self, most: int) -> int:
        """Remove the entries that were not asked for longest, until at most so many bytes are left; how many are."""
        entries = list(self.entries())
        used = sum(entry.size for entry in entries)
        for entry in sorted(entries) if used > most else ():
            if used <= most:
                break
            with suppress(FileNotFoundError):
                Path(entry.path).unlink()
            used -= entry.size
        return used


class CachedFrames:
    """The place of one sound's frames in a cache."""

    def __init__(self, cache: FrameCache, facts: tuple[object, ...] | None, speed: float) -> None:
        """facts: what the sound is; None: only its samples tell."""
        self._cache, self._speed = cache, speed
        self._key = None if facts is None else cache.key(*facts)

    @property
    def known(self) -> bool:
        """Can it be asked for without the sound's samples?"""
        return self._key is not None

    def hear(self, samples: NDArray[np.float32]) -> None:
        """The sound (N,), where only that tells what it is."""
        self._key = self._key or self._cache.key("samples", xxhash.xxh3_128_hexdigest(samples.tobytes()), self._speed)

    def get(self) -> Frames | None:
        """Its frames (T, F), if they are there."""
        return None if self._key is None else self._cache.get(self._key)

    def put(self, frames: Frames) -> None:
        """Keep its frames."""
        if self._key is not None:
            self._cache.put(self._key, frames)


def identity(encoder: Encoder) -> str:
    """What tells an encoder: its name, and what it makes of a sound that is always the same."""
    sound = np.random.default_rng(0).standard_normal(PROBE).astype(np.float32) * np.float32(0.1)
    (frames,) = encoder.encode([sound])
    found = np.ascontiguousarray(frames, dtype=np.float32)
    return fingerprint(encoder.name, found.shape, xxhash.xxh3_128_hexdigest(found.tobytes()))


def _facts(row: Mapping[str, Any], speed: float) -> tuple[object, ...] | None:
    """What is heard; None: the row does not tell."""
    if not row["audio_sha256"]:
        return None
    facts: list[object] = [*(row[name] for name in ("corpus", "audio_sha256", "start", "duration")), speed]
    if row["decoding"]:
        try:
            sound = CutSound.of_catalog(row)
        except InputError:
            return None
        channels = [file.channels for file in sound.files]
        facts += [channels, sound.channels, sound.mode, sound.transforms, sound.rate]
    return tuple(facts)


def _pack(frames: Frames) -> bytes:
    """32 bytes of head, then the frames row by row as float32, least significant byte first."""
    rows = np.ascontiguousarray(frames, dtype="<f4")
    (count, width), body = rows.shape, rows.tobytes()
    return _HEAD.pack(_MAGIC, count, width, _checksum(count, width, body)) + body


def _unpack(data: bytes) -> Frames | None:
    if len(data) < _HEAD.size:
        return None
    magic, count, width, digest = _HEAD.unpack_from(data)
    body = memoryview(data)[_HEAD.size :]
    if magic != _MAGIC or len(body) != 4 * count * width or digest != _checksum(count, width, body):
        return None
    rows = np.frombuffer(body, "<f4").reshape(count, width)
    return rows.astype(np.float32)  # a copy that may be written to


def _checksum(count: int, width: int, body: bytes | memoryview) -> bytes:
    state = xxhash.xxh3_128(struct.pack("<II", count, width))
    state.update(body)
    return state.digest()


def _scanned(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
