"""Is a cut's audio still what was prepared? Recipes and imports write down the SHA-256 of each file's bytes.

Other tools' `audio_sha256` may be of something else (of samples, of the file before it was encoded again), and that of
a piece of a long recording (`segment`) is of the piece: these are not compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from manifests.errors import AudioError
from manifests.fingerprint import file_sha256
from manifests.rows import CorpusInfo
from manifests.rows.places import audio_paths

HASHED = " hashed"  # a field of rows on their way to a worker: `audio_sha256` is of the file's bytes
SHOWN = 12  # hex digits in a message


def hashes_files(info: CorpusInfo) -> bool:
    """Was the corpus made by what writes down the SHA-256 of whole files?"""
    settings = info.provenance.get("settings")
    return isinstance(settings, Mapping) and bool(settings.keys() & {"recipe", "imported"})


def changed_audio(row: Mapping[str, Any]) -> str | None:
    """What to say of a row whose one audio file holds other bytes than its `audio_sha256` says; None: it does not."""
    digest = (row.get("custom") or {}).get("audio_sha256") if row.get(HASHED) else None
    paths = audio_paths(row, Path()) if digest else []
    if len(paths) != 1:
        return None
    try:
        found = paths[0].stat()
        now = _sha256(paths[0], found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    except (OSError, ValueError, AudioError):  # that it is missing, or unreadable, is for the pass to say
        return None
    if now == digest:
        return None
    return f"{paths[0]} was changed after it was prepared (SHA-256 {now[:SHOWN]}, expected {str(digest)[:SHOWN]})"


@lru_cache(maxsize=64)
def _sha256(path: Path, *stamp: int) -> str:
    """Of a file as it is with these times: many cuts may be of one long recording."""
    return file_sha256(path)
