"""The plan for `torch.utils.data.DataLoader`, in its two shapes. Order, ranks and resume are the PlanReader's.

    reader = PlanReader(plan, rank=rank, world=world, start=steps_done)
    DataLoader(PlanDataset(reader, decode), batch_size=None, num_workers=4)        # an iterable of batches
    DataLoader(rows, batch_sampler=PlanBatchSampler(reader), num_workers=4)        # rows[draw] for each draw

The reader gives each rank its own draws: do not let a launcher split the loader again (accelerate: do not pass it to
`prepare`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.data import IterableDataset, Sampler, get_worker_info

from curation.reader import PlanBatch, PlanDraw, PlanReader
from curation.reader.prefetch import look_ahead


class PlanDataset(IterableDataset[Any]):
    """A rank's batches, decoded ahead; a loader with `batch_size=None` gives one batch a step, in order.

    With workers, each takes every n-th step, and the loader reads them in turns: the order is the same for any number.
    """

    def __init__(
        self,
        reader: PlanReader,
        decode: Callable[[PlanDraw], Any] | None = None,
        *,
        collate: Callable[[PlanBatch, list[Any]], Any] | None = None,
        ahead: int = 2,
        threads: int = 2,
    ) -> None:
        """Give `collate(batch, items)`.

        Args:
            reader: which plan, rank and first step.
            decode: what a draw is; the draw itself by default.
            collate: makes a batch; by default the pair (PlanBatch, items).
            ahead: batches that each worker decodes before they are asked for.
            threads: how many items decode at once in each worker.
        """
        self.reader = reader
        self.decode = decode
        self.collate = collate
        self.ahead = ahead
        self.threads = threads

    def __len__(self) -> int:
        """Batches of this rank."""
        return len(self.reader)

    def __iter__(self) -> Iterator[Any]:
        """Batches of this rank and worker."""
        info = get_worker_info()
        batches = self.reader.part(info.id, info.num_workers) if info else iter(self.reader)
        for batch, items in self._decoded(batches):
            yield self.collate(batch, items) if self.collate else (batch, items)

    def _decoded(self, batches: Iterator[PlanBatch]) -> Iterator[tuple[PlanBatch, list[Any]]]:
        if self.decode is None:
            return ((batch, list(batch.draws)) for batch in batches)
        pairs = ((batch, batch.draws) for batch in batches)
        return look_ahead(pairs, self.decode, ahead=self.ahead, threads=self.threads)


class PlanBatchSampler(Sampler[list[PlanDraw]]):
    """A `batch_sampler` for a dataset that is indexed with draws: `dataset[draw]`.

    A padding batch looks like any other here: use it where no step has fewer draws than there are ranks, or ask
    `reader.batch(step).padding`.
    """

    def __init__(self, reader: PlanReader) -> None:
        self.reader = reader

    def __len__(self) -> int:
        """Batches of this rank."""
        return len(self.reader)

    def __iter__(self) -> Iterator[list[PlanDraw]]:
        """The draws of one batch at a time."""
        return (list(batch.draws) for batch in self.reader)


def this_rank() -> tuple[int, int]:
    """(rank, world) of the running torch.distributed job; (0, 1) outside one."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1
