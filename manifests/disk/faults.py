"""What the operating system refuses while a file is written: no space, a quota, a limit, a read-only folder.

Every library says it in its own way: an OSError with or without a file name, DuckDB and Arrow in their own classes,
safetensors in words, NumPy and libsndfile without a reason. `disk_error` makes one sentence of all of them.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from manifests.errors import DiskError, SoundwaveError

AGAIN = "run the same command again"
ROOM = f"Make room there, or name another place for the output, and {AGAIN}."
PLACE = "Name another place for the output."
ADVICE = {
    errno.ENOSPC: ROOM,
    errno.EDQUOT: ROOM,
    errno.EFBIG: f"Raise the limit (`ulimit -f`, or the file system's own), or name another place, and {AGAIN}.",
    errno.EROFS: PLACE,
    errno.EIO: f"The disk or the way to it fails: see the system's log, then {AGAIN}.",
    errno.ENAMETOOLONG: "Give it a shorter name.",
    errno.EMFILE: f"Raise the limit of open files (`ulimit -n`), and {AGAIN}.",
    errno.ENFILE: f"Too many files are open on this machine: close some programs, and {AGAIN}.",
}
# These come with a file name, which says whether it is the output's.
OF_PATHS = dict.fromkeys((errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST), PLACE)
PROBE = 1 << 16  # bytes written to learn why a library could not write
_NUMBER = re.compile(r"\(os error (\d+)\)|errno\W{1,6}(\d+)", re.IGNORECASE)
_NAMED = re.compile(r'file \\?"([^"\\]+)')  # DuckDB: Could not write file "PATH"
TEMPORARY = re.compile(r"\.[0-9a-f]{8}\.(.+)")  # see `files.atomic_write`
NEW, WHOLE = ".soundwave-new", ".soundwave-whole"  # what is to take a folder's place: see `manifests.switch`
MADE = "made"  # a temporary folder, what is in which will be beside it
_TAKING = re.compile(rf"\.(.+)(?:{NEW}|{WHOLE})")


def fault_number(error: BaseException | None) -> int | None:
    """The errno of ADVICE that an error, or what it was raised from, tells: in a field or in words."""
    for one in _chain(error):
        number = getattr(one, "errno", None)
        if isinstance(one, OSError) and number is not None:
            return number if number in ADVICE else None
        text = str(one)
        numbers = [int(found[1] or found[2]) for found in _NUMBER.finditer(text)]
        numbers += [number for number in ADVICE if os.strerror(number) in text]
        if known := [number for number in numbers if number in ADVICE]:
            return known[0]
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def disk_error(error: Exception, target: Path, temporary: Path) -> DiskError | None:
    """The error to raise for `error`, which was raised while `target` was written under the name `temporary`.

    None: it is not about writing this file.
    """
    if isinstance(error, SoundwaveError):
        return None
    name = getattr(error, "filename", None)
    own = name is None or Path(str(name)).name in (temporary.name, target.name) or Path(str(name)) == target.parent
    number = error.errno if isinstance(error, OSError) and error.errno in OF_PATHS else fault_number(error)
    if number in OF_PATHS and (name is None or not own):
        return None
    if number is None and isinstance(error, RuntimeError | OSError) and getattr(error, "errno", None) is None:
        number = _probe(temporary)
    if number is None or not own:
        return None
    written = _NAMED.search(str(error))
    elsewhere = Path(written[1]) if written and Path(written[1]).name != temporary.name else None
    return said(number, target, elsewhere=elsewhere)


@contextmanager
def appending(target: Path) -> Iterator[None]:
    """Say of what the system refuses in the block that it is about the file `target`, which grows.

    Raises:
        DiskError: it does.
    """
    try:
        yield
    except OSError as error:
        if found := disk_error(error, target, target):
            raise found from error
        raise


def said(number: int, target: Path, *, elsewhere: Path | None = None) -> DiskError:
    """What happened to `target`, why, what is kept and what to do.

    elsewhere: the file that could not be written on its behalf, where that is another one.
    """
    target = final_name(target)
    place = (elsewhere or target).parent
    what = f"{target} could not be written: {os.strerror(number)}"
    what += f" ({elsewhere} is full of what does not fit in memory)" if elsewhere else ""
    free = f" {_free(place)}" if number in (errno.ENOSPC, errno.EDQUOT) else ""
    kept = "What was there is as it was" if os.path.lexists(target) else "Nothing of it is left there"
    return DiskError(f"{what}.{free} {kept}. {(ADVICE | OF_PATHS)[number]}")


def final_name(path: Path) -> Path:
    """The path that what is written under a temporary name, or in a temporary folder, will have."""
    return Path(*(name for part in path.parts if (name := _final_part(part))))


def _final_part(part: str) -> str | None:
    while found := TEMPORARY.fullmatch(part) or _TAKING.fullmatch(part):
        part = found[1]
        if part == MADE:
            return None
    return part


def _free(folder: Path) -> str:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        return f"{shutil.disk_usage(folder).free / 1e6:,.1f} MB are free in {folder}."
    except OSError:
        return f"How much is free in {folder} is not known."


def _probe(temporary: Path) -> int | None:
    """Why nothing more can be written to a file whose writer did not say it; None: it can."""
    try:
        with temporary.open("ab") as stream:
            stream.write(b"\0" * PROBE)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        return error.errno if error.errno in ADVICE else None
    return None
