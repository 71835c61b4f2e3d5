"""Files that are whole or absent, and folders that are ours or left alone.

A file is written under a temporary name, then renamed. A folder for output is claimed first (`claim_folder`): it is
new, empty, or one that the same command made before.
"""

from __future__ import annotations

import codecs
import errno
import gzip
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from manifests.disk.faults import NEW, TEMPORARY, WHOLE, disk_error
from manifests.disk.left import new_mark, remove, sweep, sweep_once
from manifests.errors import ManifestError, MissingFileError, OccupiedError
from manifests.lines.jsonl import parse_once, rows

MARK = ".soundwave"  # a file in a folder for output: which kind of output it was made for
LARGEST_TEXT = 1 << 20  # bytes of a file that is written by hand
LINE_FEED = b"\n"
NAMED = 3  # entries of a folder that a message names
LONGEST = 240  # bytes of a name that still has room for what makes it a temporary one
_ASIDE = re.compile(rf".+\.old-[0-9]+|\..+({NEW}|{WHOLE})")


@contextmanager
def atomic_write(target: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; it becomes `target` if the block succeeds: all of it, or nothing.

    The temporary name keeps the suffixes, since writers choose their format by them. On disk the bytes are sent to the
    disk before the file is renamed, so that a name never stands for less than was written, even after a power cut; a
    killed process leaves only a hidden temporary file. To an object store (a path of `curation.storage.resolve`) it is
    sent when it is complete, and appears there when all of it has arrived.

    Raises:
        DiskError: the system does not let it be written. What was there stays.
    """
    store = getattr(target, "fs", None)
    if store is not None:
        with tempfile.TemporaryDirectory(prefix="soundwave-") as folder:
            temporary = Path(folder) / target.name
            yield temporary
            store.put_file(str(temporary), str(target))
        return
    temporary = temporary_name(target)
    sweep_once(target.parent)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        sync(temporary)
        temporary.replace(target)
    except Exception as error:
        if found := disk_error(error, target, temporary):
            raise found from error
        raise
    finally:
        remove(temporary)


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder; it becomes `target` (new, or an empty folder) if the block succeeds.

    Where another process has made it meanwhile, that one's stays.

    Raises:
        DiskError: as `atomic_write`.
    """
    temporary = temporary_name(target)
    sweep_once(target.parent)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        for path in temporary.rglob("*"):
            if path.is_file():
                sync(path)
        _put(temporary, target)
    except Exception as error:
        if found := disk_error(error, target, temporary / "probe"):
            raise found from error
        raise
    finally:
        remove(temporary)


def _put(folder: Path, target: Path) -> None:
    try:
        folder.replace(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def temporary_name(target: Path) -> Path:
    """A hidden name beside `target` that no other writer has; it keeps the suffixes."""
    end = target.name if len(os.fsencode(target.name)) <= LONGEST else target.name[-20:]
    return target.with_name(f".{new_mark()}.{end}")


def sync(path: Path) -> None:
    """Wait until a file's bytes are on the disk; some file systems tell only then that there is no space."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems that cannot
            raise
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def copy_file(source: Path, target: Path) -> None:
    """Copy a file's bytes atomically."""
    with atomic_write(target) as temporary:
        shutil.copyfile(source, temporary)


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        MissingFileError: no such file, or a file of 0 bytes.
        ManifestError: not JSON, or an object that has a key twice.
    """
    need_file(path)
    try:
        return parse_once(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ManifestError(f"{path} is not valid JSON ({error}). Delete it and run the step again.") from error


def read_object(path: Path, *keys: str) -> dict[str, Any]:
    """The JSON object in a file, with `keys` in it.

    Raises:
        MissingFileError: no such file, or a file of 0 bytes.
        ManifestError: no JSON, another value, or no such key.
    """
    value = read_json(path)
    found = value if isinstance(value, dict) else {}
    if missing := [key for key in keys if key not in found]:
        raise ManifestError(f"{path} has no `{missing[0]}`. Delete it and run the step again.")
    if not isinstance(value, dict):
        raise ManifestError(f"{path} holds no JSON object. Delete it and run the step again.")
    return found


def read_text(path: Path, *, most: int = LARGEST_TEXT) -> str:
    """The text of a file that people write by hand: settings, SQL. A byte-order mark before it is no part of it.

    Raises:
        MissingFileError: no such file, or a file of 0 bytes.
        ManifestError: not UTF-8, larger than `most` bytes, or with NUL characters in it.
    """
    size = need_file(path).stat().st_size
    if size > most:
        raise ManifestError(f"{path} has {size:,} bytes, expected at most {most:,}. It is not a file of this kind.")
    data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        place = f"byte 0x{data[error.start]:02x} in line {data.count(LINE_FEED, 0, error.start) + 1}"
        raise ManifestError(f"{path} is not UTF-8 ({place}). Convert it, e.g. with iconv.") from error
    if "\0" in text:
        raise ManifestError(f"{path} has a NUL character in line {text.count(chr(10), 0, text.index(chr(0))) + 1}.")
    return text


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write rows as JSON lines (gzip when the name ends in .gz), atomically; return their number."""
    return write_lines(path, (json.dumps(row, ensure_ascii=False) for row in rows))


def write_lines(path: Path, lines: Iterable[str]) -> int:
    """Write lines (through gzip when the name ends in .gz), atomically; return their number."""
    count = 0
    with atomic_write(path) as temporary, _open_to_write(temporary) as stream:
        for line in lines:
            stream.write(line + "\n")
            count += 1
    return count


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a JSONL(.gz) file.

    Raises:
        MissingFileError: no such file.
        ManifestError: a line that is not a JSON object, with its number.
    """
    for number, row in rows(need_file(path)):
        if isinstance(row, str):
            raise ManifestError(f"{path}:{number}: {row}.")
        yield row


@contextmanager
def _open_to_write(path: Path) -> Iterator[Any]:
    """Open a text file for writing, through gzip when its name ends in .gz (mtime 0: same rows, same bytes)."""
    if path.suffix != ".gz":
        with path.open("w", encoding="utf-8", newline="\n") as stream:
            yield stream
        return
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as packed,
        io.TextIOWrapper(packed, encoding="utf-8") as stream,
    ):
        yield stream


def need_file(path: Path, *, what: str = "file", hint: str = "") -> Path:
    """`path` if it is a file with something in it (a 0-byte file is a missing file), else `MissingFileError`."""
    if not path.is_file():
        raise MissingFileError(f"No such {what}: {path}. {hint}".strip())
    if path.stat().st_size == 0:
        raise MissingFileError(f"{path} is empty (0 bytes). Delete it and make it again. {hint}".strip())
    return path


def has_file(path: Path) -> bool:
    """Whether there is a file of this name; False for names that no file can have (too long, with a NUL in it)."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def need_folder(path: Path, *, what: str = "folder", hint: str = "") -> Path:
    """`path` if it is a folder, else `MissingFileError`."""
    if not path.is_dir():
        raise MissingFileError(f"No such {what}: {path}. {hint}".strip())
    return path


def cache_dir() -> Path:
    """Where downloads and converted models live: `$SOUNDWAVE_CACHE`, else `~/.cache/soundwave`."""
    named = os.environ.get("SOUNDWAVE_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "soundwave"


def claim_folder(folder: Path, kind: str, *, known: Iterable[str] = ()) -> None:
    """Take a folder for output: a new or empty one, or one that was made for the same kind of output before.

    Args:
        folder: it is made, and marked with a file MARK that names the kind.
        kind: what is written there, with its article: "a catalog".
        known: patterns (as of `Path.glob`) of files that such a folder holds, for folders without a mark: those that
            earlier versions made.

    Raises:
        OccupiedError: a file is there, or a folder with other files in it. Nothing is touched.
    """
    held = contents(folder, kind)
    if held and not _was_made_for(folder, kind, known):
        raise OccupiedError(f"{folder} is not {kind}, but it holds {listed(held)}. Nothing was touched. {_ELSEWHERE}")
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder, claimed=True)
    if not (folder / MARK).is_file():
        write_text(folder / MARK, f"{kind}\n")


_ELSEWHERE = "Name another folder for the output."


def _was_made_for(folder: Path, kind: str, known: Iterable[str]) -> bool:
    mark = folder / MARK
    if mark.is_file():
        return mark.read_bytes().strip() == kind.encode()
    return any(any(True for _ in folder.glob(pattern)) for pattern in known)


def contents(folder: Path, kind: str) -> list[Path]:
    """What a folder for output holds already, sorted; temporary files of killed writers do not count.

    Raises:
        OccupiedError: a file is there.
    """
    if folder.is_dir():
        return sorted(path for path in folder.iterdir() if not TEMPORARY.fullmatch(path.name))
    if folder.exists():
        raise OccupiedError(f"{folder} is a file, expected a folder for {kind}. Nothing was touched. {_ELSEWHERE}")
    return []


def listed(paths: list[Path]) -> str:
    """A few names, and how many more there are."""
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return ", ".join(path.name for path in paths[:NAMED]) + more


def claim_file(target: Path, kind: str, *, ours: Callable[[Path], bool]) -> None:
    """Take a file for output: a new one, or one that holds the same kind of output.

    Args:
        target: the file.
        kind: what is written there, with its article: "a calibration".
        ours: whether a file that is there holds such output; errors of reading it mean no.

    Raises:
        OccupiedError: a folder is there, or a file of another kind. Nothing is touched.
    """
    if not target.exists():
        return
    try:
        fits = target.is_file() and (target.stat().st_size == 0 or ours(target))
    except Exception:  # whatever a reader says of a file that is not its own
        fits = False
    if not fits:
        raise OccupiedError(f"{target} is there already and is not {kind}. Nothing was touched. Name another file.")


def new_file(target: Path, *, force: bool) -> Path:
    """`target`, where nothing is lost by writing it: it is new, or `force` says to replace it.

    Raises:
        OccupiedError: something is there. Nothing is touched.
    """
    if target.is_dir() or (target.exists() and not force):
        how = "Name another file." if target.is_dir() else "Name another file, or replace it with the setting `force`."
        raise OccupiedError(f"{target} is there already. Nothing was touched. {how}")
    return target


def move_aside(path: Path) -> Path:
    """Give a folder or file the first free name of PATH.old-1, PATH.old-2, ...; return it."""
    path = path.resolve()
    number = 1
    while (target := path.with_name(f"{path.name}.old-{number}")).exists():
        number += 1
    return path.rename(target)


def is_aside(path: Path) -> bool:
    """Whether its name says that it is kept, and counts no more (see `move_aside`), or does not count yet."""
    return _ASIDE.fullmatch(path.name) is not None
