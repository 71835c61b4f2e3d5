"""What killed writers left: a temporary name says which process made it, and a lock says whether that process lives.

The first five digits of the mark in `.MARK.NAME` are those of one process of this machine, which holds the system's
lock on a file of that name in the folder for temporary files. Where there is no such file (another machine wrote, or
this one was started anew), nothing is known of the writer, and what it left goes when it is LEFT seconds old.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
import shutil
import time
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path

from manifests.disk.alone import lock_place
from manifests.disk.faults import TEMPORARY

try:
    import fcntl
except ImportError:  # a system without such locks
    fcntl = None  # type: ignore[assignment]

COMMIT = ".commit.json"  # see `manifests.switch`: names the files of a mark that count already
LEFT = 24 * 3600.0  # seconds; what a writer has not touched for so long, a killed one left
OF_PROCESS = 5  # digits of a mark that are its process's; the others count
TRIES = 8
_numbers = itertools.count()


def new_mark() -> str:
    """Eight hexadecimal digits for a temporary name that no other living writer has."""
    return f"{_process(os.getpid())}{next(_numbers) % 0x1000:03x}"


def remove(path: Path) -> None:
    """Remove a temporary file or folder, if it is there."""
    with suppress(OSError):  # its name is too long, its folder is a file, ...
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def sweep(folder: Path, *, claimed: bool = False) -> None:
    """Remove what writers that are dead left in a folder; what counts already is kept.

    claimed: the folder is one for output, so what is LEFT seconds old goes, too.
    """
    if getattr(folder, "fs", None) is not None:  # an object store has no temporary files
        return
    with suppress(OSError), os.scandir(folder) as entries:
        marks = [entry.name for entry in entries if TEMPORARY.fullmatch(entry.name)]
        for name in marks:
            path, mark = folder / name, name[1:9]
            with suppress(OSError):
                # In this order: a dead writer commits no more.
                if (_is_dead(mark) or (claimed and _is_old(path))) and _committed(folder) != mark:
                    remove(path)


@cache
def sweep_once(folder: Path) -> None:
    """`sweep`, once in a process: a folder of many files is not listed for each of them."""
    sweep(folder)


@cache
def _process(process: int) -> str:
    """The digits of a process, which are its own from now on; `process`: its number, another one after a fork."""
    mark, place = uuid.uuid4().hex[:OF_PROCESS], lock_place()
    for _ in range(TRIES if place is not None and fcntl is not None else 0):
        path = _lock_path(mark, place)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # open for as long as this process lives
        except OSError:
            break
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # another process's
            os.close(descriptor)
            mark = uuid.uuid4().hex[:OF_PROCESS]
            continue
        except OSError:  # a file system without locks
            os.close(descriptor)
            path.unlink(missing_ok=True)
            break
        atexit.register(_forget, process, path)
        break
    return mark


def _forget(process: int, path: Path) -> None:
    if process == os.getpid():  # not in a fork
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _lock_path(mark: str, place: Path | None) -> Path:
    return (place or Path()) / f"writer-{mark[:OF_PROCESS]}"


def _is_dead(mark: str) -> bool:
    """Whether the process that made a mark is known to be gone."""
    place = lock_place()
    if place is None or fcntl is None:
        return False
    try:
        with _lock_path(mark, place).open(encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:  # no such file, or its process lives
        return False
    return True


def _is_old(path: Path) -> bool:
    inside = path.rglob("*") if path.is_dir() and not path.is_symlink() else ()
    touched = max(float(one.lstat().st_mtime) for one in (path, *inside))
    return time.time() - touched > LEFT


def _committed(folder: Path) -> str | None:
    try:
        mark = json.loads((folder / COMMIT).read_text(encoding="utf-8"))["mark"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return str(mark)
