"""A pool of workers for labelling passes: a Dask cluster, this machine's processes, or this process alone."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from curation.passes.cluster import cores, local_client, raise_interrupt, remote_client, submit_to
from curation.passes.isolation import label_isolated
from curation.passes.members import Members, Workplace
from curation.passes.shards import REASON, REFUSED, Counts, LabelPass, Row, Work, finished, label_good, write_shard
from manifests.errors import InputError
from manifests.reasons import Reason
from manifests.rows.unchanged import changed_audio
from manifests.units import Seconds

if TYPE_CHECKING:
    from distributed import Client, Future

IN_FLIGHT = 3  # shards per worker that the driver has handed out at any time
MOMENT: Seconds = 2.0  # between looks at whether workers live
LOSSES_LOCAL, LOSSES_REMOTE = 2, 4  # times that all workers of a shard died; then it runs isolated
_ONE_SHARD = threading.Lock()  # of a process: models and decoders are shared by its threads, and not made for that


@runtime_checkable
class OwnShards(Work, Protocol):
    """Work that writes its shards itself: it makes no labels."""

    def make_shard(self, rows: list[Row], key: str, folder: Path) -> Counts:
        """Do the shard's work and write what it gave."""

    def make_isolated(self, rows: list[Row], key: str, folder: Path) -> Counts:
        """The same, where a row may kill its process."""


def label_rows(job: LabelPass | OwnShards, packed: bytes, key: str, folder: Path) -> Counts:
    """Label one shard and write it. The only thing that goes back is its counts."""
    rows = unpack(packed)
    with _ONE_SHARD:
        if isinstance(job, OwnShards):
            return job.make_shard(rows, key, folder)
        if counts := finished(folder, key):  # another worker was quicker, or this one was thought dead
            return counts
        return write_shard(job, rows, key, folder, label_good(job, rows))


def label_there(job: LabelPass | OwnShards, packed: bytes, key: str, folder: Path) -> Counts:
    """`label_rows` on another machine, which is named where it fails.

    Raises:
        InputError: the pass cannot run there, or the labels cannot be written.
    """
    from distributed import get_worker

    try:
        return label_rows(job, packed, key, folder)
    except OSError as error:
        said = f"{error.strerror or error}: {error.filename or folder}"
    except InputError as error:
        said = str(error)
    raise InputError(f"The worker {get_worker().address} says: {said}")


def pack(rows: list[Row]) -> bytes:
    """Rows as they travel to a worker."""
    return zlib.compress(json.dumps(rows).encode(), level=1)


def unpack(packed: bytes) -> list[Row]:
    """The inverse of `pack`."""
    return [_unless_changed(row) for row in json.loads(zlib.decompress(packed))]


def _unless_changed(row: Row) -> Row:
    """The row; one that stands for a reject if its audio is not what was prepared."""
    said = None if REFUSED in row else changed_audio(row)
    return row if said is None else {**row, REFUSED: said, REASON: str(Reason.audio_changed)}


@dataclass
class _Shard:
    job: LabelPass | OwnShards
    packed: bytes
    key: str
    folder: Path
    losses: int = 0  # times that all workers that might have it died
    workers: frozenset[str] = frozenset()  # that might have it, of a remote cluster

    def isolated(self) -> Counts:
        if isinstance(self.job, OwnShards):
            return self.job.make_isolated(unpack(self.packed), self.key, self.folder)
        return label_isolated(self.job, unpack(self.packed), self.key, self.folder)


class WorkerPool:
    """Workers for several passes and corpora. They start with the first shard that needs them."""

    def __init__(self, *, workers: int | None = None, dask: str | None = None) -> None:
        """`workers` processes (None: one per core; 0: run in this process), or the cluster at `dask`."""
        self._workers = cores() if workers is None else workers
        self._address = dask
        self._stack = ExitStack()
        self._client: Client | None = None
        self._members: Members | None = None  # of a remote cluster
        self._ready: list[Counts] = []
        self._pending: dict[Future, _Shard] = {}

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Exception):  # the scheduler may be gone, and with it what is cancelled here
            for future in self._pending:
                future.cancel()
        self._pending.clear()
        self._stack.close()

    def submit(self, job: LabelPass | OwnShards, rows: list[Row], key: str, folder: Path) -> None:
        """Have one shard labelled and written.

        Raises:
            InputError: no scheduler answers, or a worker of its cluster cannot do it.
        """
        if self._workers == 0 and self._address is None:
            self._ready.append(label_rows(job, pack(rows), key, folder))
            return
        self._open()
        if self._members is not None:
            with self._talking():
                self._members.require(Workplace.of(job, folder, rows))
        self._send(_Shard(job, pack(rows), key, folder))

    def busy(self) -> bool:
        """Is there a result still to take?"""
        return bool(self._ready or self._pending)

    def full(self) -> bool:
        """Should the driver take a result before it hands out more?"""
        width = len(self._members.usable()) if self._members else self._workers
        return bool(self._ready) or len(self._pending) >= IN_FLIGHT * max(width, 1)

    def next(self) -> Counts:
        """Counts of the next finished shard, in any order.

        Raises:
            InputError: the scheduler or all workers of a remote cluster are gone, or a worker cannot go on.
        """
        while not self._ready:
            raise_interrupt()
            done = self._done()
            counts = self._result(done) if done else None
            if counts is not None:
                return counts
            self._tend()
        return self._ready.pop()

    def _open(self) -> None:
        if self._client is not None:
            return
        if self._address is None:
            self._client = self._stack.enter_context(local_client(self._workers))
        else:
            self._client = self._stack.enter_context(remote_client(self._address))
            self._members = Members(self._client, self._address)

    def _send(self, shard: _Shard) -> None:
        self._open()
        assert self._client is not None
        name = f"label-{shard.key}-{shard.losses}"
        task = (shard.job, shard.packed, shard.key, shard.folder)
        if self._members is None:
            future = self._client.submit(label_rows, *task, key=name)
        else:
            with self._talking():
                usable = self._members.look()
                shard.workers = frozenset(usable)
                future = submit_to(self._client, usable, name, label_there, *task)
        self._pending[future] = shard

    def _done(self) -> Future | None:
        """A finished future, or None after a moment."""
        from distributed import wait

        assert self._client is not None
        with self._talking(), self._client.as_current(), suppress(TimeoutError):
            return next(iter(wait(list(self._pending), timeout=MOMENT, return_when="FIRST_COMPLETED").done))
        return None

    def _result(self, done: Future) -> Counts | None:
        """What a shard gave; None if that is lost: its worker died with it."""
        from distributed.scheduler import KilledWorker

        try:
            with self._talking():
                counts: Counts = done.result(timeout=MOMENT)
        except KilledWorker:
            return self._pending.pop(done).isolated()
        except TimeoutError:  # Dask has it done again, if there are workers left
            if done.status == "error":
                raise
            return None
        del self._pending[done]
        return counts

    def _tend(self) -> None:
        """See that every shard in flight has a worker that lives."""
        if self._members is None:
            if not self._alive():
                self._revive()
            return
        with self._talking():
            usable = set(self._members.look())
        for future, shard in list(self._pending.items()):
            if not shard.workers & usable:
                del self._pending[future]
                future.cancel()
                self._again(shard, LOSSES_REMOTE)

    def _alive(self) -> bool:
        """Is a local worker process alive? Dask restarts those that die, but not those that die as they start."""
        cluster = self._client.cluster if self._client else None
        return cluster is None or any(nanny.is_alive() for nanny in cluster.workers.values())

    def _revive(self) -> None:
        """Hand the shards in flight to new workers."""
        lost = list(self._pending.values())
        self._pending.clear()
        self._stack.close()
        self._client = None
        for shard in lost:
            self._again(shard, LOSSES_LOCAL)

    def _again(self, shard: _Shard, most: int) -> None:
        """Send a shard that has lost its workers; one that has lost them `most` times runs isolated."""
        shard.losses += 1
        if shard.losses < most:
            self._send(shard)
        else:
            self._ready.append(shard.isolated())

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """Say in one sentence that a remote scheduler has gone."""
        from distributed import CancelledError

        if self._address is None:
            yield
            return
        try:
            yield
        except TimeoutError:
            raise
        except (OSError, CancelledError) as error:
            if getattr(error, "filename", None) is not None:  # a file here, not a connection
                raise
            raise InputError(
                f"The Dask scheduler at {self._address} has gone. What is done is kept: when a scheduler answers "
                "again, run the same command."
            ) from error
