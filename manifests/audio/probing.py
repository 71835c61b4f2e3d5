"""How lengths are probed, and what that cost: settings and tally of one command.

with probing(decode=True) as cost:
    ...                             # audio_facts, also in threads that run in a copy of this context
cost.decoded, cost.seconds
"""

from __future__ import annotations

import contextvars
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, TypeVar

from manifests.units import Seconds

Item = TypeVar("Item")
Result = TypeVar("Result")


class Measurer(Protocol):
    """Another way than threads to measure many files: processes, or a cluster (`curation.passes.measure`)."""

    def submit(self, number: int, paths: Sequence[Path], folder: Path) -> None:
        """Have the files of a window measured, and what is found written in `folder` under its number."""

    def full(self) -> bool:
        """Whether the next window should wait for one that is in hand."""

    def wait(self, number: int) -> None:
        """Until the window with this number is written."""


@dataclass
class Probing:
    """Whether every file is decoded whole, and what was done so far."""

    decode: bool = False
    measurer: Measurer | None = None  # None: threads of this process
    files: int = 0
    decoded: int = 0  # of them: decoded whole
    seconds: Seconds = 0.0  # that decoding took, summed over threads
    lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def add(self, seconds: Seconds | None) -> None:
        """One more file; None: its header was enough."""
        with self.lock:
            self.files += 1
            self.decoded += seconds is not None
            self.seconds += seconds or 0.0

    def add_all(self, files: int, decoded: int, seconds: Seconds) -> None:
        """What another process did."""
        with self.lock:
            self.files += files
            self.decoded += decoded
            self.seconds += seconds

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Decode one file in this block, broken ones included."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(time.perf_counter() - start)

    def row(self) -> dict[str, Any]:
        """For a command's summary: files, decoded, seconds, and the text that says so."""
        some = f"{self.decoded:,} of {self.files:,} files decoded whole to find their lengths ({self.seconds:.1f} s)"
        rest = "" if self.decoded == self.files else "; the others' samples were counted by their bytes"
        return {
            "files": self.files,
            "decoded": self.decoded,
            "seconds": round(self.seconds, 3),
            "text": some + rest,
        }


_CURRENT: contextvars.ContextVar[Probing] = contextvars.ContextVar("probing")


def current_probing() -> Probing:
    """The probing of this context; outside of any, one that nobody reads."""
    return _CURRENT.get(None) or Probing()


@contextmanager
def probing(*, decode: bool = False, measurer: Measurer | None = None) -> Iterator[Probing]:
    """Probe files in this block, and in threads started with `map_in_context`, this way; gives the tally.

    decode: decode every file whole, also those whose bytes say how long they are.
    measurer: of the items of recipes and imports; None: threads of this process.
    """
    token = _CURRENT.set(Probing(decode, measurer))
    try:
        yield _CURRENT.get()
    finally:
        _CURRENT.reset(token)


def threads() -> int:
    """How many threads read audio at once: they wait for the disk, and decoding releases the interpreter lock."""
    return min(8, max(2, os.cpu_count() or 1))


def map_in_context(pool: Executor, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """`pool.map(work, items)` for a pool of threads that know this block's `probing`."""
    jobs = [(contextvars.copy_context(), item) for item in items]
    return pool.map(lambda job: job[0].run(work, job[1]), jobs)
