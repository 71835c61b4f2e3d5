"""Several files that change together: a reader finds the old ones or the new ones, whenever the writer is killed.

    with switched(folder) as switch:
        write_json(switch.path("a.json"), ...)      # FOLDER/.MARK.a.json
        write_json(switch.path("b.json"), ...)      # FOLDER/.MARK.b.json

All is written beside what it replaces. Then FOLDER/.commit.json appears, with the names: from here on the new files
count. They are renamed, and .commit.json goes. What a killed process left to do there the next reader or writer does
(`settle`), one at a time, so the files that a name stands for are never of two results.

A whole folder that is kept when another one takes its place (`replaced`, or `new_place` and `take_place`): the new one
is made in .FOLDER.soundwave-new. When it is whole it is .FOLDER.soundwave-whole: from here on it counts. FOLDER becomes
FOLDER.old-N, and the new one takes its name.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from manifests.disk.faults import MADE, NEW, WHOLE
from manifests.disk.left import COMMIT, new_mark, remove, sweep
from manifests.errors import OccupiedError, StaleError
from manifests.files import move_aside, sync, write_json

try:
    import fcntl
except ImportError:  # a system without such locks
    fcntl = None  # type: ignore[assignment]

_MARK = re.compile(r"[0-9a-f]{8}")


class Switch:
    """New files and folders of a folder, under the names that they have until they count."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = new_mark()
        self._gone: list[str] = []

    def path(self, name: str) -> Path:
        """Where to write what will be FOLDER/NAME: a file, or a whole folder."""
        return self.folder / f".{self.mark}.{name}"

    @property
    def made(self) -> Path:
        """A folder to work in: what is in it when the files are switched will be in FOLDER."""
        return self.path(MADE)

    def drop(self, name: str) -> None:
        """FOLDER/NAME goes when the new files come, if none of them has this name."""
        self._gone.append(name)

    def record(self) -> dict[str, Any]:
        """What `settle` is to do, once what was `made` has its own names."""
        for path in self.made.iterdir() if self.made.is_dir() else ():
            path.replace(self.path(path.name))
        remove(self.made)
        start = f".{self.mark}."
        names = [path.name.removeprefix(start) for path in self.folder.glob(f"{start}*")]
        return {"mark": self.mark, "names": sorted(names), "gone": sorted(set(self._gone) - set(names))}


@contextmanager
def switched(folder: Path) -> Iterator[Switch]:
    """Yield a Switch of `folder` (which is there); its files take their names together if the block succeeds."""
    settle(folder)
    sweep(folder)
    switch = Switch(folder)
    try:
        yield switch
        _commit(switch)
    finally:
        if (_read(folder / COMMIT) or {}).get("mark") != switch.mark:  # else they count: the next one takes them
            for path in folder.glob(f".{switch.mark}.*"):
                remove(path)


def new_place(folder: Path) -> Path:
    """Where the folder is made that is to take the place of `folder`: see `take_place`."""
    return _beside(folder, NEW)


def take_place(folder: Path) -> Path | None:
    """What was made in `new_place(folder)` is whole: it becomes `folder`.

    Returns:
        What the folder that was there is called now; None: none was.
    """
    made, parent = new_place(folder), Path(os.path.realpath(folder)).parent
    for path in made.rglob("*"):
        if path.is_file():
            sync(path)
    with _one_at_a_time(parent):
        _end_taking(folder)  # what another process left
        made.rename(_beside(folder, WHOLE))
        return _end_taking(folder)


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """Yield a new folder to write to; it takes the place of `folder` if the block succeeds, which becomes FOLDER.old-N.

    One process at a time may do this for a folder: what another one has made in the same place is removed.
    """
    made = new_place(folder)
    remove(made)
    made.mkdir(parents=True)
    try:
        yield made
    except BaseException:
        remove(made)
        raise
    take_place(folder)


def _beside(folder: Path, end: str) -> Path:
    place = Path(os.path.realpath(folder))
    return place.with_name(f".{place.name}{end}")


def _end_taking(folder: Path) -> Path | None:
    """What is whole, if it is there, becomes FOLDER; where FOLDER is now."""
    whole = _beside(folder, WHOLE)
    if not whole.is_dir():
        return None
    place = Path(os.path.realpath(folder))
    old = move_aside(place) if os.path.lexists(place) else None
    whole.rename(place)
    return old


def settle(folder: Path) -> None:
    """Finish what a killed process began to switch in `folder`, if there is such a thing.

    Raises:
        StaleError: the folder cannot be written to.
    """
    if getattr(folder, "fs", None) is not None:
        return
    path, place = folder / COMMIT, Path(os.path.realpath(folder))
    taking = _beside(folder, WHOLE).is_dir()
    if not taking and (not path.is_file() or _read(path) is None):
        return
    try:
        if taking:
            with _one_at_a_time(place.parent):
                _end_taking(folder)
        if not path.is_file():
            return
        with _one_at_a_time(folder):
            if (record := _read(path)) is not None:  # another process may have done it
                _take_all(folder, record)
                path.unlink(missing_ok=True)
    except OSError as error:
        raise StaleError(
            f"{folder}: a command was killed while its result took its place, and that cannot be finished here "
            f"({error.strerror}: {error.filename}). Make the folder writable and run the same command again."
        ) from error


def settle_inside(root: Path) -> None:
    """`settle` every folder in `root`."""
    if getattr(root, "fs", None) is None:
        for path in root.glob(f".*{WHOLE}"):
            settle(path.with_name(path.name[1:].removesuffix(WHOLE)))
        for path in root.glob(f"*/{COMMIT}"):
            settle(path.parent)


def _commit(switch: Switch) -> None:
    record, target = switch.record(), switch.folder / COMMIT
    ready = switch.path(COMMIT)
    write_json(ready, record)
    while True:
        try:
            os.link(ready, target)  # fails if another process is about to switch: its files come first
            break
        except FileExistsError:
            settle(switch.folder)
            if target.exists() and _read(target) is None:
                raise OccupiedError(f"{target} is none of ours. Nothing was touched. Remove it.") from None
        except OSError:  # a file system without links
            ready.replace(target)
            break
    settle(switch.folder)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold the system's lock on `folder`: it ends with its process, however that ends."""
    descriptor = os.open(folder, os.O_RDONLY) if fcntl is not None else None
    try:
        with suppress(OSError):  # a file system without locks
            if descriptor is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _take_all(folder: Path, record: dict[str, Any]) -> None:
    for name in record["names"]:
        _take(folder, record["mark"], name)
    for name in record["gone"]:
        remove(folder / name)
    remove(folder / f".{record['mark']}.{COMMIT}")  # the record's first name, where its writer was killed


def _take(folder: Path, mark: str, name: str) -> None:
    """Give a new file or folder its name, if a killed process has not done so."""
    new, target, old = folder / f".{mark}.{name}", folder / name, folder / f".{mark}.old.{name}"
    with suppress(FileNotFoundError):
        if new.is_dir() and target.is_dir():
            target.rename(old)
        new.replace(target)
    remove(old)


def _read(path: Path) -> dict[str, Any] | None:
    """The record, if it is one of ours: what it names is in its own folder."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        names = [*value["names"], *value["gone"]]
        fits = _MARK.fullmatch(value["mark"]) and all(name == Path(name).name not in ("", "..") for name in names)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return value if fits else None
