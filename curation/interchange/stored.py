"""Audio that lies inside what is imported, as files of the corpus."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

from manifests.files import atomic_write

_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")  # of a file's name in a dataset
_MAGIC = ((b"RIFF", ".wav"), (b"fLaC", ".flac"), (b"OggS", ".ogg"), (b"ID3", ".mp3"), (b"\xff", ".mp3"))


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
