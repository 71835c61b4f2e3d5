"""Where DuckDB puts what does not fit into memory: a folder a process, that only its user can read."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a POSIX system: nobody tells whether a folder is in use, and none is swept
    fcntl = None  # type: ignore[assignment]

PREFIX = "soundwave-duckdb-"
_OURS = re.compile(rf"{PREFIX}\d+-\w{{8}}")


def spill_folder() -> Path:
    """This process's folder for spilled data. It goes when the process ends; those of killed processes go now."""
    return _folder(tempfile.gettempdir(), os.getpid())


@cache
def _folder(parent: str, process: int) -> Path:
    for dead in _unused(Path(parent)):
        shutil.rmtree(dead, ignore_errors=True)
    try:
        folder = _make(parent, process)
    except OSError:  # a full disk: most queries need no folder, and DuckDB says so where one does
        return Path(parent) / f"{PREFIX}{process}"
    atexit.register(_remove, folder, process)
    return folder


def _make(parent: str, process: int) -> Path:
    """A folder that this process holds locked while it lives."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{process}-", dir=parent))
        if _lock(folder) is not None and folder.is_dir():  # not swept before it was locked
            return folder


def _lock(folder: Path) -> int | None:
    """Lock a folder; None if another process holds it. The lock goes with the descriptor, however the process ends."""
    descriptor = os.open(folder, os.O_RDONLY) if fcntl is not None else -1
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _unused(parent: Path) -> Iterator[Path]:
    """Folders of this user's processes that are gone."""
    for folder in parent.glob(f"{PREFIX}*") if fcntl is not None else ():
        with contextlib.suppress(OSError):
            ours = _OURS.fullmatch(folder.name) and not folder.is_symlink() and folder.stat().st_uid == os.getuid()
            descriptor = _lock(folder) if ours else None
            if descriptor is not None:
                yield folder
                os.close(descriptor)


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # not in a copy of it
        shutil.rmtree(folder, ignore_errors=True)
