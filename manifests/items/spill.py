"""Lines that do not fit into memory: kept on disk in their order, or sorted in runs that are merged."""

from __future__ import annotations

import gzip
import heapq
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

MOST = 1 << 24  # characters in hand
FAN = 64  # runs that are merged at once

Key = list[Any]  # text, then numbers
Line = tuple[Key, str]


class Spill:
    """Lines with a head each (a JSON value), in the order in which they come."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._stream: IO[str] | None = None

    def add(self, head: Any, text: str = "") -> None:
        """One more line; `text` has no line feed, as JSON has none."""
        if self._stream is None:
            self._stream = _written(self._path)
        self._stream.write(f"{json.dumps(head)}\t{text}\n")

    def close(self) -> None:
        """All lines are there."""
        if self._stream is not None:
            self._stream.close()

    def __iter__(self) -> Iterator[tuple[Any, str]]:
        return _lines(self._path) if self._path.is_file() else iter(())


class Sorter:
    """Lines that come out in the order of their keys, with MOST characters in memory."""

    def __init__(self, folder: Path, *, most: int = MOST) -> None:
        self._folder, self._most = folder, most
        self._held: list[Line] = []
        self._size = 0
        self._runs: list[Path] = []
        self._written = 0

    def add(self, key: Key, text: str) -> None:
        """One more line. No two keys are equal."""
        self._held.append((key, text))
        self._size += len(text) + 200
        if self._size > self._most:
            self._flush()

    def __iter__(self) -> Iterator[Line]:
        """The lines, sorted; once."""
        if not self._runs:
            self._held.sort()
            yield from self._held
            return
        self._flush()
        while len(self._runs) > FAN:
            self._runs = [*self._runs[FAN:], self._merged(self._runs[:FAN])]
        yield from heapq.merge(*map(_lines, self._runs))

    def _flush(self) -> None:
        self._held.sort()
        self._runs.append(self._run(self._held))
        self._held, self._size = [], 0

    def _merged(self, runs: list[Path]) -> Path:
        merged = self._run(heapq.merge(*map(_lines, runs)))
        for path in runs:
            path.unlink()
        return merged

    def _run(self, lines: Iterable[Line]) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{self._written:06}.gz"
        self._written += 1
        with _written(path) as stream:
            for key, text in lines:
                stream.write(f"{json.dumps(key)}\t{text}\n")
        return path


def _written(path: Path) -> IO[str]:
    return gzip.open(path, "wt", compresslevel=1, encoding="utf-8", newline="\n")


def _lines(path: Path) -> Iterator[tuple[Any, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as stream:
        for line in stream:
            head, _, text = line.partition("\t")  # JSON writes a tab in a text as \\t
            yield json.loads(head), text.removesuffix("\n")
