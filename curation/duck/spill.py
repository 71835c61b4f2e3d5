"""Where DuckDB puts what does not fit into memory."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import tempfile
from functools import cache
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

_OWNER = re.compile(r"(duckdb_temp_\d+_\d+_)owner")  # DuckDB locks it while the process lives


def spill_folder() -> Path:
    """The user's folder for spilled data, without what killed processes left in it.

    All processes of a user share it: DuckDB names its files by process, and removes them at the end.
    """
    folder = _folder(tempfile.gettempdir(), os.getpid())
    _make(folder)  # another process that ended may have removed it
    return folder


@cache
def _folder(parent: str, process: int) -> Path:
    folder = Path(parent) / f"soundwave-duckdb-{_user()}"
    if not _make(folder):  # somebody else's: never write into it
        folder = Path(tempfile.mkdtemp(prefix="soundwave-duckdb-", dir=parent))
    _sweep(folder)
    atexit.register(_remove_empty, folder, process)
    return folder


def _make(folder: Path) -> bool:
    """Make a folder that only its owner can read; whether it is ours. Where none can be made, DuckDB will say so."""
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
    if not folder.is_symlink() and not folder.exists():
        return True
    return not folder.is_symlink() and folder.is_dir() and folder.stat().st_uid == _user()


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def _sweep(folder: Path) -> None:
    """Remove the files of processes that are gone: their lock is free."""
    for path in folder.glob("duckdb_temp_*_owner"):
        match = _OWNER.fullmatch(path.name)
        if match and _is_free(path):
            for other in folder.glob(f"{match[1]}*"):
                other.unlink(missing_ok=True)


def _is_free(path: Path) -> bool:
    if fcntl is None or f"_{os.getpid()}_" in path.name:
        return False
    with contextlib.suppress(OSError), path.open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _remove_empty(folder: Path, process: int) -> None:
    if os.getpid() == process:  # not in a copy of it
        with contextlib.suppress(OSError):
            folder.rmdir()
