"""Commands as processes on the workers of a Dask cluster: one at a time each, their output in files that all see."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.passes.cluster import DASKS_TRIM, ONE_THREAD, TRIM, local_client, remote_client, submit_to
from curation.passes.members import Members, Workplace
from manifests.units import Seconds

if TYPE_CHECKING:
    from distributed import Client, Future

HERE = "processes"  # in place of an address: workers of this machine
POLL: Seconds = 0.2  # how often a worker looks whether its process has ended, or nobody wants it any more
GRACE: Seconds = 10.0  # how long a process that was asked to stop may take


def _environment() -> dict[str, str]:
    """Of a command on a worker: one thread, and memory as it was before Dask set anything (see `local_client`)."""
    kept = {name: value for name, value in os.environ.items() if (name, value) != (TRIM, DASKS_TRIM)}
    return {**kept, **dict.fromkeys(ONE_THREAD, "1")}


@dataclass(frozen=True)
class RemoteCommand:
    """A process that a worker starts."""

    command: tuple[str, ...]
    log: str
    """Where its standard error goes, and its output unless `stdout` says otherwise; is appended to."""
    stdout: str | None = None
    folder: str | None = None
    """Where it runs: paths that are relative here are so there."""

    def run(self) -> int:
        """Start it, wait for it, and give its code. It is stopped when nobody waits for it any more."""
        from distributed import get_worker

        worker = get_worker()
        task = worker.get_current_task()
        Path(self.log).parent.mkdir(parents=True, exist_ok=True)
        with Path(self.log).open("ab") as log, Path(self.stdout or os.devnull).open("wb") as answer:
            process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                stdin=subprocess.PIPE,  # held open: a process of ours ends when the worker does
                stdout=answer if self.stdout else log,
                stderr=log,
                env=_environment(),
                start_new_session=True,
            )
            try:
                while (code := process.poll()) is None:
                    if not wanted(worker, task):
                        return -signal.SIGTERM
                    time.sleep(POLL)
                return code
            finally:
                _end(process)


@dataclass(frozen=True)
class Trains:
    """Work that any worker with this project can do; its files are checked by `Workplace`."""

    def check(self) -> None:
        """Nothing else is needed."""


class RemoteProcess:
    """A command on a cluster."""

    def __init__(self, future: Future) -> None:
        """future: of its code."""
        self._future = future
        self.code: int | None = None

    def settle(self) -> None:
        """Take its code, once the future is done; a worker that died, and the one after it, is code 1."""
        try:
            self.code = int(self._future.result())
        except Exception:  # whatever ended it: its log says more
            self.code = 1

    def stop(self) -> None:
        """Cancel it, if it goes on."""
        if self.code is None:
            with suppress(Exception):
                self._future.cancel()

    def close(self) -> None:
        """Let go of its result."""
        with suppress(Exception):
            self._future.release()


class ProcessCluster:
    """Workers that run commands."""

    def __init__(self, client: Client, members: Members | None, resources: Mapping[str, float]) -> None:
        """members: of a remote cluster; resources: of a worker, that each command takes."""
        self._client, self._members, self._resources = client, members, dict(resources)
        self._count = 0

    def start(self, name: str, command: RemoteCommand, ended: Callable[[], Any]) -> RemoteProcess:
        """Start a command on a worker; `ended` is called, in another thread, when it has ended.

        Raises:
            InputError: no worker can take it.
        """
        self._count += 1
        workers = None if self._members is None else self._members.look()
        key = f"{name}-{os.getpid()}-{self._count}"
        future = submit_to(self._client, workers, key, command.run, resources=self._resources)
        process = RemoteProcess(future)

        def settle(_: Future) -> None:
            process.settle()
            ended()

        future.add_done_callback(settle)
        return process

    def width(self) -> int:
        """How many commands go at once."""
        return max(1, len(self._client.nthreads()))


@contextmanager
def process_cluster(
    address: str, folder: Path, files: Sequence[Path], *, workers: int, resources: Mapping[str, float]
) -> Iterator[ProcessCluster]:
    """The workers of the scheduler at `address`, or `workers` new ones of this machine where it is `processes`.

    Args:
        address: as above.
        folder: that all commands write to: each worker must see it.
        files: that they read.
        workers: of this machine.
        resources: of a worker, that each command takes.

    Raises:
        InputError: no scheduler answers, or a worker is unlike this process or does not see the folder and files.
    """
    if address == HERE:
        with local_client(workers, resources=resources) as client:
            yield ProcessCluster(client, None, resources)
        return
    with remote_client(address) as client:
        members = Members(client, address)
        members.require(Workplace(Trains(), folder, tuple(str(path) for path in files)))
        yield ProcessCluster(client, members, resources)


def wanted(worker: Any, key: str) -> bool:
    """Does anybody wait for what a worker's task gives?"""
    task = worker.state.tasks.get(key)
    return task is not None and task.state in {"executing", "long-running"}


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
