"""Tar files for tests, member by member."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile


def tone(seconds: float = 0.5, seed: int = 0, *, rate: int = 16000, kind: str = "flac") -> bytes:
    """A file of noise, of its own for each seed."""
    stream = io.BytesIO()
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * rate)).astype(np.float32)
    subtype = {"ogg": "VORBIS", "mp3": "MPEG_LAYER_III"}.get(kind, "PCM_16")
    soundfile.write(stream, noise, rate, format=kind.upper(), subtype=subtype)
    return stream.getvalue()


def write_tar(path: Path, members: Iterable[tuple[str, bytes | str]], mode: str = "w") -> Path:
    """Members as given, names as they are; text that begins with `-> ` is a link."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in members:
            info = tarfile.TarInfo(name)
            if isinstance(data, str) and data.startswith("-> "):
                info.type, info.linkname = tarfile.SYMTYPE, data[3:]
                archive.addfile(info)
                continue
            content = data.encode() if isinstance(data, str) else data
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path
