"""One process at a time at work in a folder, where two would mix their lines.

The lock is the system's own on a file in the folder for temporary files, so it ends with its process, however that
ends, and needs nothing of network disks. It holds on one machine: two machines must not train one run.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import IO

from manifests.errors import OccupiedError

try:
    import fcntl
except ImportError:  # a system without such locks
    fcntl = None  # type: ignore[assignment]


@contextmanager
def alone(folder: Path, doing: str) -> Iterator[None]:
    """Work in `folder` as the only process of this machine that does.

    Args:
        folder: it need not be there.
        doing: what is done, for the message: "trains this run".

    Raises:
        OccupiedError: another process is at work there. Nothing is touched.
    """
    stream = _lock_file(folder)
    if fcntl is None or stream is None:
        yield
        return
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            who = stream.read(20).strip()
            raise OccupiedError(
                f"{folder}: another process ({who}) {doing}. Nothing was touched. Wait until it has ended; then the "
                "same command goes on from what is there."
            ) from None
        except OSError:  # a file system without locks: as without this file
            pass
        else:
            with suppress(OSError):  # a full disk: the lock holds all the same
                stream.truncate(0)
                stream.write(f"{os.getpid()}\n")
                stream.flush()
        yield


@contextmanager
def in_turn(folder: Path) -> Iterator[None]:
    """Work in `folder` while no other process of this machine, and no other thread, is in such a block for it."""
    stream = _lock_file(folder / "in-turn")
    if fcntl is None or stream is None:
        yield
        return
    with stream:
        with suppress(OSError):  # a file system without locks: as without this file
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _lock_file(folder: Path) -> IO[str] | None:
    """The file that stands for a folder; None where there can be none, or its place is another user's."""
    name, place = sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:32], lock_place()
    try:
        return None if place is None else (place / name).open("a+", encoding="utf-8")
    except OSError:
        return None


def lock_place() -> Path | None:
    """The folder of this user's locks on this machine; None where there can be none, or it is another user's."""
    try:
        place = Path(tempfile.gettempdir()) / f"soundwave-locks-{os.getuid() if hasattr(os, 'getuid') else 0}"
        place.mkdir(mode=0o700, exist_ok=True)
        foreign = hasattr(os, "getuid") and (place.is_symlink() or place.stat().st_uid != os.getuid())
    except OSError:
        return None
    return None if foreign else place
