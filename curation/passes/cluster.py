"""Where Dask's workers come from: processes of this machine, or a scheduler that is running somewhere."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import pickle
import shutil
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from manifests.errors import InputError
from manifests.units import Seconds

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

PATIENCE: Seconds = 10.0  # until a scheduler answers
SCRATCH = "soundwave-"  # prefix of the folders for Dask's own files
NEW: Seconds = 60.0  # younger folders may not be locked yet
OWNER = "owner"  # a file in such a folder that is locked for as long as its driver lives
TRIM, DASKS_TRIM = "MALLOC_TRIM_THRESHOLD_", "65536"  # of freed memory, from when on it goes back; as Dask sets it
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
NOISY = ("distributed", "tornado", "asyncio")  # loggers that tell in pages what an error here says in a sentence


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def remote_client(address: str) -> Iterator[Client]:
    """A client of the scheduler at `address`.

    Raises:
        InputError: none answers there.
    """
    import distributed

    with _quiet(), warnings.catch_warnings():
        # Versions are compared by `members`, which says what to do.
        warnings.simplefilter("ignore", distributed.versions.VersionMismatchWarning)
        _need_scheduler(address)
        try:
            client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            raise _no_scheduler(address, str(error)) from error
        with interrupts_kept(), client:
            yield client


def _need_scheduler(address: str) -> None:
    """Raise InputError unless a scheduler answers: a client would wait for ever for a server that says nothing."""
    with ThreadPoolExecutor(1) as thread:  # of its own: the caller's may have a running loop, as in a notebook
        try:
            kind = thread.submit(asyncio.run, _kind_at(address)).result()
        except TimeoutError as error:
            raise _no_scheduler(address, f"no answer in {PATIENCE:g} s") from error
        except Exception as error:  # whatever a server of another kind, or an address that is none, brings about
            raise _no_scheduler(address, str(error) or type(error).__name__) from error
    if kind != "Scheduler":
        raise _no_scheduler(address, f"a {kind.lower()} of Dask answers")


async def _kind_at(address: str) -> str:
    from distributed import Security, rpc

    security = Security().get_connection_args("client")

    async def ask() -> str:
        async with rpc(address, timeout=PATIENCE, connection_args=security) as server:
            return str((await server.identity())["type"])

    return await asyncio.wait_for(ask(), PATIENCE)


def _no_scheduler(address: str, found: str) -> InputError:
    return InputError(
        f"No Dask scheduler answers at {address} ({' '.join(found.split())}). Expected an address such as "
        "tcp://HOST:8786 of a running one, or leave the setting `dask` out to use this machine."
    )


@contextmanager
def local_client(workers: int, *, resources: Mapping[str, float] | None = None) -> Iterator[Client]:
    """A client of `workers` new processes on this machine, which end with it; each has `resources`.

    When a process dies while it starts, all start again, half as many: memory may be short.

    Raises:
        InputError: they die while they start, however few.
    """
    import dask
    from distributed import Client

    settings = {
        "distributed.scheduler.allowed-failures": 1,  # a shard that kills two workers runs isolated
        "distributed.admin.large-graph-warning-threshold": "1GB",
        # One process a core: more threads inside each would only take turns.
        **{f"distributed.nanny.pre-spawn-environ.{name}": "1" for name in ONE_THREAD},
        # Not Dask's 64 KB: memory would go back after each large array and come again page by page. Of what workers
        # start, a training would take 1.2 times as long, and an evaluation twice.
        f"distributed.nanny.pre-spawn-environ.{TRIM}": None,
    }
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        stack.enter_context(interrupts_kept())
        scratch = stack.enter_context(_scratch())
        stack.enter_context(dask.config.set(settings))
        stack.enter_context(_environment_kept(dask.config.get("distributed.nanny.pre-spawn-environ")))
        cluster = stack.enter_context(_started(workers, scratch, resources))
        yield stack.enter_context(Client(cluster, set_as_default=False))


@contextmanager
def _environment_kept(names: Iterable[str]) -> Iterator[None]:
    """Undo what Dask does to this process's environment: what it sets for workers, all later children would have."""
    before = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _started(workers: int, scratch: str, resources: Mapping[str, float] | None) -> LocalCluster:
    from distributed import LocalCluster

    tries = [workers, max(1, workers // 2), 1]
    for number in tries:
        try:
            return LocalCluster(
                n_workers=number,
                threads_per_worker=1,
                processes=True,
                memory_limit=None,
                dashboard_address="127.0.0.1:0",  # None: port 8787 of all addresses, and a warning where that is taken
                local_directory=scratch,
                silence_logs=logging.CRITICAL,
                **({"resources": dict(resources)} if resources else {}),
            )
        except RuntimeError:
            say("A worker process died while it started; starting again.")
    raise InputError(
        f"Worker processes die while they start, in {len(tries)} attempts with {workers} to 1 of them. Memory may be "
        "short. With 0 as `workers` everything runs in this process, which shows the cause."
    )


@dataclass(frozen=True)
class _Call:
    """A call that happens when this is read from its pickled form."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.function, self.arguments


def submit_to(
    client: Client,
    workers: Sequence[str] | None,
    key: str,
    function: Callable[..., Any],
    *arguments: Any,
    resources: Mapping[str, float] | None = None,
) -> Future:
    """Have one of some workers of a cluster (None: of all) call a function of ours; it takes `resources` of the worker.

    It travels as bytes that only the worker reads: a scheduler, which reads what it passes on, may lack this project.
    """
    from distributed.protocol.pickle import dumps

    call = dumps(_Call(function, arguments))
    where = None if workers is None else list(workers)
    return client.submit(
        pickle.loads, call, key=key, workers=where, resources=dict(resources or {}) or None, pure=False
    )


_interrupted = threading.Event()


@contextmanager
def interrupts_kept() -> Iterator[None]:
    """Ctrl-C is noted for `raise_interrupt` too: Python drops an exception that a callback raises.

    Dask has one that runs at each full collection of garbage, which is when a signal of that long moment arrives.
    """
    previous = signal.getsignal(signal.SIGINT)
    if not callable(previous) or threading.current_thread() is not threading.main_thread():
        yield
        return

    def note(number: int, frame: FrameType | None) -> None:
        _interrupted.set()
        previous(number, frame)

    _interrupted.clear()
    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def raise_interrupt() -> None:
    """Raise KeyboardInterrupt if Ctrl-C was pressed and has ended nothing: called where one waits for workers."""
    if threading.current_thread() is threading.main_thread() and _interrupted.is_set():
        _interrupted.clear()
        raise KeyboardInterrupt


def say(line: str) -> None:
    """A line about workers on standard error."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing from the loggers of Dask and of what it is built on."""
    known = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in NOISY]
    levels = {name: logging.getLogger(name).level for name in {*known, *NOISY}}
    for name in levels:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def _scratch() -> Iterator[str]:
    """A folder for Dask's own files. Folders that killed drivers left are removed."""
    for owner in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*/{OWNER}"):
        # An error says that its driver lives, or that it is another user's.
        with suppress(OSError), owner.open("rb") as held:
            if time.time() - owner.stat().st_mtime > NEW:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(owner.parent, ignore_errors=True)
    with (
        tempfile.TemporaryDirectory(prefix=SCRATCH, ignore_cleanup_errors=True) as folder,
        (Path(folder) / OWNER).open("wb") as held,
    ):
        fcntl.flock(held, fcntl.LOCK_EX)
        yield folder
