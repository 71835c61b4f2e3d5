"""A pool of workers for labelling passes: a Dask cluster, this machine's processes, or this process alone."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from curation.passes.isolation import label_isolated
from curation.passes.shards import Counts, LabelPass, Row, finished, label_good, write_shard
from manifests.errors import InputError
from manifests.units import Seconds

if TYPE_CHECKING:
    from distributed import Client, Future

IN_FLIGHT = 3  # shards per worker that the driver has handed out at any time
PATIENCE = "10s"  # until a scheduler answers
MOMENT: Seconds = 2.0  # between looks at whether workers live
SCRATCH = "soundwave-"  # prefix of the folders for Dask's own files
NEW: Seconds = 60.0  # younger folders may not be locked yet
OWNER = "owner"  # a file in such a folder that is locked for as long as its driver lives
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def label_rows(job: LabelPass, packed: bytes, key: str, folder: Path) -> Counts:
    """Label one shard and write it. The only thing that goes back is its counts."""
    rows = unpack(packed)
    if counts := finished(folder, key):  # another worker was quicker, or this one was thought dead
        return counts
    return write_shard(job, rows, key, folder, label_good(job, rows))


def pack(rows: list[Row]) -> bytes:
    """Rows as they travel to a worker."""
    return zlib.compress(json.dumps(rows).encode(), level=1)


def unpack(packed: bytes) -> list[Row]:
    """The inverse of `pack`."""
    rows: list[Row] = json.loads(zlib.decompress(packed))
    return rows


@dataclass
class _Shard:
    job: LabelPass
    packed: bytes
    key: str
    folder: Path
    losses: int = 0  # clusters that died while it was in flight

    def isolated(self) -> Counts:
        return label_isolated(self.job, unpack(self.packed), self.key, self.folder)


class WorkerPool:
    """Workers for several passes and corpora. They start with the first shard that needs them."""

    def __init__(self, *, workers: int | None = None, dask: str | None = None) -> None:
        """`workers` processes (None: one per core; 0: run in this process), or the cluster at `dask`."""
        self._workers = _cores() if workers is None else workers
        self._address = dask
        self._stack = ExitStack()
        self._client: Client | None = None
        self._ready: list[Counts] = []
        self._pending: dict[Future, _Shard] = {}

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        for future in self._pending:
            future.cancel()
        self._pending.clear()
        self._stack.close()

    def submit(self, job: LabelPass, rows: list[Row], key: str, folder: Path) -> None:
        """Have one shard labelled and written."""
        if self._workers == 0 and self._address is None:
            self._ready.append(label_rows(job, pack(rows), key, folder))
            return
        self._send(_Shard(job, pack(rows), key, folder))

    def busy(self) -> bool:
        """Is there a result still to take?"""
        return bool(self._ready or self._pending)

    def full(self) -> bool:
        """Should the driver take a result before it hands out more?"""
        return bool(self._ready) or len(self._pending) >= IN_FLIGHT * max(self._width(), 1)

    def next(self) -> Counts:
        """Counts of the next finished shard, in any order."""
        if self._ready or self._client is None:
            return self._ready.pop()
        from distributed.scheduler import KilledWorker

        while not self._ready:
            done = self._done()
            try:
                counts: Counts | None = done.result(timeout=MOMENT) if done else None
            except KilledWorker:
                return self._pending.pop(done).isolated()
            except TimeoutError:  # its worker died with the counts: Dask has it done again, if there are workers left
                if done is None or done.status == "error":
                    raise
                counts = None
            if counts is not None:
                del self._pending[done]
                return counts
            if not self._alive():
                self._revive()
        return self._ready.pop()

    def _send(self, shard: _Shard) -> None:
        if self._client is None:
            self._client = self._stack.enter_context(_client(self._workers, self._address))
        name = f"label-{shard.key}-{shard.losses}"
        future = self._client.submit(label_rows, shard.job, shard.packed, shard.key, shard.folder, key=name)
        self._pending[future] = shard

    def _done(self) -> Future | None:
        """A finished future, or None after a moment."""
        from distributed import wait

        if self._client is None:
            return None
        with self._client.as_current(), suppress(TimeoutError):
            return next(iter(wait(list(self._pending), timeout=MOMENT, return_when="FIRST_COMPLETED").done))
        return None

    def _alive(self) -> bool:
        """Is a local worker process alive? Dask restarts those that die, but not those that die as they start."""
        cluster = self._client.cluster if self._client else None
        return cluster is None or any(nanny.is_alive() for nanny in cluster.workers.values())

    def _revive(self) -> None:
        """Hand the shards in flight to new workers; those that have lost two clusters run isolated."""
        lost = list(self._pending.values())
        self._pending.clear()
        self._stack.close()
        self._client = None
        for shard in lost:
            shard.losses += 1
            if shard.losses < 2:
                self._send(shard)
            else:
                self._ready.append(shard.isolated())

    def _width(self) -> int:
        if self._client is None or self._address is None:
            return self._workers
        return len(self._client.scheduler_info(n_workers=-1)["workers"])


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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


@contextmanager
def _client(workers: int, address: str | None) -> Iterator[Client]:
    import dask
    from distributed import Client, LocalCluster

    if address is not None:
        try:
            client = Client(address, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            raise InputError(
                f"No Dask scheduler answers at {address} ({error}). Expected an address such as "
                "tcp://HOST:8786 of a running one, or leave the setting `dask` out to use this machine."
            ) from error
        with client:
            yield client
        return
    quiet = {
        "distributed.scheduler.allowed-failures": 1,  # a shard that kills two workers runs isolated
        "distributed.admin.large-graph-warning-threshold": "1GB",
        # One process a core: more threads inside each would only take turns.
        **{f"distributed.nanny.pre-spawn-environ.{name}": "1" for name in ONE_THREAD},
    }
    with (
        _scratch() as scratch,
        dask.config.set(quiet),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=None,
            dashboard_address=None,
            local_directory=scratch,
            silence_logs=50,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client
