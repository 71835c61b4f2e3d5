"""How long other people's SQL may run, and how much memory it may take."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from curation.duck.messages import short
from manifests.errors import QueryError, SettingsError

try:
    import resource
except ImportError:  # not a POSIX system
    resource = None  # type: ignore[assignment]

UNITS = {"KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
GIGABYTE = UNITS["GB"]
SPILL = 8  # times the memory may be spilled to disk
SLACK = GIGABYTE  # bytes for what DuckDB does not count: strings in flight, Python, Arrow
GRACE = 10.0  # seconds after which what cannot be interrupted is given up
BEYOND_LIMITS = (duckdb.InterruptException, duckdb.OutOfMemoryException)  # what DuckDB raises then
TICK = 0.1  # seconds between interruptions


@dataclass(frozen=True)
class Limits:
    """What one statement may use."""

    seconds: float = 600.0
    memory: int = 4 * GIGABYTE
    """Bytes that DuckDB may take before it spills to disk, up to SPILL times as much."""
    give_up: Callable[[str], object] | None = None
    """Called with a message, from another thread, when a statement goes on although it was interrupted."""

    def __post_init__(self) -> None:
        """Refuse limits that are none."""
        if not 0 < self.seconds < threading.TIMEOUT_MAX:
            most = f"{threading.TIMEOUT_MAX:.0f}"
            raise SettingsError(f"The setting `seconds` is {self.seconds:g}, expected more than 0, less than {most}.")
        if not 8_000_000 <= self.memory < 1 << 62:
            raise SettingsError(f"The setting `memory` is {self.memory:,} bytes, expected at least 8MB.")

    @property
    def spill(self) -> int:
        """Bytes on disk."""
        return self.memory * SPILL


def memory_bytes(text: str) -> int:
    """Bytes of `4GB`, `500 MB` or `1.5GiB`.

    Raises:
        SettingsError: something else.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]i?B)\s*", text, re.IGNORECASE | re.ASCII)
    units = {name.lower(): size for name, size in UNITS.items()}
    if not match or match[2].lower() not in units:
        raise SettingsError(f"The setting `memory` is {text!r}, expected a number and a unit: 500MB, 4GB.")
    return int(float(match[1]) * units[match[2].lower()])


@contextmanager
def limited(con: duckdb.DuckDBPyConnection, limits: Limits, *, where: str) -> Iterator[None]:
    """Run other people's SQL within limits, and say its errors; `where` names it.

    DuckDB does not count every byte: while this is open, the process gets no more than the limit and SLACK on top of
    what it has (on Linux).

    Raises:
        QueryError: in place of DuckDB's errors; also when the time or memory is used up.
    """
    clock = _Clock(con, limits, where)
    try:
        with clock, _HEAP.held(limits.memory + SLACK):
            yield
    except (duckdb.OutOfMemoryException, MemoryError) as error:
        raise QueryError(
            f"{where}: it needs more than {_size(limits.memory)} of memory, or {_size(limits.spill)} on disk. Ask for "
            "less at once, or give more with the setting `memory`."
        ) from error
    except duckdb.Error as error:
        raise QueryError(clock.message if clock.is_late else f"{where}: {short(error)}") from error
    except (ValueError, OverflowError, NotImplementedError) as error:  # of Python or Arrow, when it takes a value over
        raise QueryError(
            f"{where}: a value of the result cannot be taken over ({error}). Cast it: CAST(x AS VARCHAR)."
        ) from error


def _size(count: int) -> str:
    return f"{count / GIGABYTE:g} GB" if count >= GIGABYTE else f"{count / UNITS['MB']:g} MB"


class _Clock:
    """Interrupts a connection when the time is up, until it gives in."""

    def __init__(self, con: duckdb.DuckDBPyConnection, limits: Limits, where: str) -> None:
        self._con = con
        self._limits = limits
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.is_late = False
        self.message = (
            f"{where}: stopped after {limits.seconds:g} s. Ask for less, or give it more time with the setting "
            "`seconds`."
        )

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        if self._done.wait(self._limits.seconds):
            return
        self.is_late = True
        end = time.monotonic() + GRACE
        while True:  # an interruption between two statements does not count
            self._con.interrupt()
            if self._done.wait(TICK):
                return
            if self._limits.give_up is not None and time.monotonic() > end:
                self._limits.give_up(self.message)
                return


class _Heap:
    """The process's limit of private memory, lowered while any statement runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before = (0, 0)

    @contextmanager
    def held(self, more: int) -> Iterator[None]:
        """Let the process take `more` bytes on top of what it has; nothing where the system cannot say what it has."""
        with self._lock:
            self._users += 1
            if self._users == 1 and resource is not None:
                self._before = resource.getrlimit(resource.RLIMIT_DATA)
                self._lower(more)
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0 and resource is not None:
                    resource.setrlimit(resource.RLIMIT_DATA, self._before)

    def _lower(self, more: int) -> None:
        taken = _private_memory()
        soft, hard = self._before
        if taken is None or (soft != resource.RLIM_INFINITY and soft <= taken + more):
            return
        if hard == resource.RLIM_INFINITY or taken + more <= hard:
            resource.setrlimit(resource.RLIMIT_DATA, (taken + more, hard))


def _private_memory() -> int | None:
    """Bytes that RLIMIT_DATA counts; None where the system does not say."""
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return None
    match = re.search(r"^VmData:\s+(\d+) kB", text, re.MULTILINE)
    return int(match[1]) << 10 if match else None


_HEAP = _Heap()
