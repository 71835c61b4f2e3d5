"""Audio facts of a corpus's files by the workers of the passes, while `prepare` or an import reads it.

A window of files is a shard: its worker writes what it measured in the folder where threads of one process would, and
sends back a number. A file that kills the process that reads it is found alone, and is said to be unreadable.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from curation.passes.isolation import spawning
from curation.passes.shards import Counts, Row
from curation.passes.workers import WorkerPool
from manifests.audio import current_probing, probing
from manifests.errors import AudioError
from manifests.items.measure import Cost, MeasuredFile, measure, stamp, write_measured
from manifests.places import as_sound

DIED = "the process that read this file died, several times"


@dataclass(frozen=True)
class Measure:
    """Work on files instead of cuts: rows name one file each."""

    decode: bool

    def check(self) -> None:
        """It runs everywhere."""

    def make_shard(self, rows: list[Row], key: str, folder: Path) -> Counts:
        """Measure the files, and write what was found."""
        with probing(decode=self.decode) as cost:
            found = [measure(as_sound(row["id"])) for row in rows]
            write_measured(folder, _number(key), found, Cost(cost.files, cost.decoded, cost.seconds))
        return _counts(key, rows)

    def make_isolated(self, rows: list[Row], key: str, folder: Path) -> Counts:
        """The same, each file in a process that it may kill."""
        found = []
        executor = spawning()
        try:
            for row in rows:
                path = as_sound(row["id"])
                try:
                    found.append(executor.submit(_measured, path, self.decode).result())
                except BrokenProcessPool:
                    executor.shutdown()
                    executor = spawning()
                    found.append(MeasuredFile(path, stamp(path), AudioError(f"{path}: {DIED}.")))
        finally:
            executor.shutdown()
        with probing(decode=self.decode):
            write_measured(folder, _number(key), found, Cost(files=len(found)))
        return _counts(key, rows)


def _measured(path: Path, decode: bool) -> MeasuredFile:
    with probing(decode=decode):
        return measure(path)


class MeasuringPool:
    """Files measured by a pool of workers; see `manifests.audio.probing.Measurer`."""

    def __init__(self, pool: WorkerPool) -> None:
        """pool: whose workers see the same files at the same paths."""
        self._pool = pool
        self._run = uuid.uuid4().hex[:8]  # no two corpora or commands have the same names of shards
        self._done: set[int] = set()
        self._times = 0

    def submit(self, number: int, paths: Sequence[Path], folder: Path) -> None:
        """Have the files of a window measured."""
        rows = [{"id": str(path), "recording": {"sources": [{"type": "file", "source": str(path)}]}} for path in paths]
        folder.mkdir(parents=True, exist_ok=True)  # workers of other machines look for it
        self._done.discard(number)
        self._times += 1
        key = f"{self._run}-{self._times}-{number:06}"
        self._pool.submit(Measure(current_probing().decode), rows, key, folder.absolute())

    def full(self) -> bool:
        """Whether the next window should wait."""
        return self._pool.full()

    def wait(self, number: int) -> None:
        """Until the window is written."""
        while number not in self._done:
            self._done.add(self._pool.next().cuts)


@contextmanager
def measuring(workers: int | None, dask: str | None) -> Iterator[MeasuringPool | None]:
    """Processes, or a cluster, to measure with; None where neither is asked for: threads do it.

    Raises:
        InputError: as `WorkerPool`.
    """
    if not workers and dask is None:
        yield None
        return
    with WorkerPool(workers=workers, dask=dask) as pool:
        yield MeasuringPool(pool)


def _counts(key: str, rows: list[Row]) -> Counts:
    """What goes back: the window's number in place of cuts."""
    return Counts(_number(key), len(rows), 0, 0.0, {})


def _number(key: str) -> int:
    return int(key.rpartition("-")[2])
