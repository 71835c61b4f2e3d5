"""Which files are meant where folders are named beside files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from manifests.audio.endings import ENDINGS
from manifests.errors import InputError

# Files of a folder that are taken for sound though they do not decode: by name (ENDINGS), or by how they begin.
BEGINNINGS = (b"fLaC", b"OggS", b"ID3", b"RF64", b"riff", b".snd", b"caff")


def named_files(places: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """Files, and all files in the folders among `places` and in their folders, in the order of their names.

    With each: whether a folder gave it. Hidden files and folders, and folders behind links, are left out.

    Raises:
        InputError: a folder without any file.
        OSError: a folder that may not be read.
    """
    for place in places:
        if not place.is_dir():
            yield place, False
            continue
        found = sorted(_inside(place))
        if not found:
            raise InputError(f"{place} holds no files, expected audio.")
        yield from ((path, True) for path in found)


def _inside(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise error

    for root, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(root) / name for name in names if not name.startswith("."))


def seems_sound(path: Path) -> bool:
    """Whether a file that does not decode is meant to be sound."""
    if path.suffix.lower() in ENDINGS:
        return True
    try:
        with path.open("rb") as stream:
            head = stream.read(12)
    except OSError:
        return True  # nobody can tell: it is said
    return head.startswith(BEGINNINGS) or (head[:4] == b"RIFF" and head[8:] == b"WAVE")
