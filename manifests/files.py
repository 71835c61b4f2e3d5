"""Files that are whole or absent: write to a temporary name, then rename."""

from __future__ import annotations

import gzip
import io
import json
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from manifests.errors import ManifestError, MissingFileError


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; rename it over `target` if the block succeeds.

    The temporary name keeps the suffixes, since writers choose their format by them. A killed
    process leaves only a hidden temporary file, never half a target.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{uuid.uuid4().hex[:8]}.{target.name}")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        MissingFileError: no such file, or a file of 0 bytes.
        ManifestError: not JSON.
    """
    need_file(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ManifestError(f"{path} is not valid JSON ({error}). Delete it and run the step again.") from error


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write rows as JSON lines (gzip when the name ends in .gz), atomically; return their number."""
    count = 0
    with atomic_path(path) as temporary, open_text(temporary, "w") as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a JSONL(.gz) file.

    Raises:
        MissingFileError: no such file.
        ManifestError: a line that is not a JSON object, with its number.
    """
    need_file(path)
    with open_text(path, "r") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ManifestError(f"{path}:{number}: not valid JSON ({error}).") from error
            if not isinstance(row, dict):
                raise ManifestError(f"{path}:{number}: found {type(row).__name__}, expected one JSON object a line.")
            yield row


@contextmanager
def open_text(path: Path, mode: str) -> Iterator[Any]:
    """Open a text file, through gzip when its name ends in .gz (mtime 0: same rows, same bytes)."""
    if path.suffix != ".gz":
        with path.open(mode, encoding="utf-8") as stream:
            yield stream
        return
    if mode == "r":
        with gzip.open(path, "rt", encoding="utf-8") as stream:
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


def need_folder(path: Path, *, what: str = "folder", hint: str = "") -> Path:
    """`path` if it is a folder, else `MissingFileError`."""
    if not path.is_dir():
        raise MissingFileError(f"No such {what}: {path}. {hint}".strip())
    return path


def cache_dir() -> Path:
    """Where downloads and converted models live: `$SOUNDWAVE_CACHE`, else `~/.cache/soundwave`."""
    named = os.environ.get("SOUNDWAVE_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "soundwave"
