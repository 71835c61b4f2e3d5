"""Rows of a shard in batches: read, heard together by a model, told one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from curation.passes.base import CorpusPass, cut_audio
from curation.passes.shards import Row, ShardResult
from manifests.units import SAMPLE_RATE

Found = TypeVar("Found")
Clips = Sequence[NDArray[np.float32]]
BATCH_SECONDS = 600.0  # of audio in memory at once


def hear_in_batches(
    job: CorpusPass, rows: Sequence[Row], hear: Callable[[Clips], Sequence[Found]],
    tell: Callable[[Row, Found, ShardResult], None], check: Callable[[Row], None] = lambda row: None,
) -> ShardResult:  # fmt: skip
    """Labels of rows by a model that hears several clips at once, in the rows' order.

    Args:
        job: the pass, for its rejects.
        rows: of a shard.
        hear: clips (N,), 16 kHz mono -> what is found, one a clip. Where it fails, each clip is tried alone.
        tell: adds what was found to the result; may raise Rejected.
        check: raises Rejected for a row whose audio need not be read.
    """
    result = ShardResult()
    batch: dict[str, tuple[Row, NDArray[np.float32]]] = {}

    def read(row: Row) -> None:
        check(row)
        batch[str(row["id"])] = (row, cut_audio(row))

    for number, row in enumerate(rows, 1):
        if reject := job.attempt(row, read):
            result.rejects.append(reject)
        seconds = sum(len(clip) for _, clip in batch.values()) / SAMPLE_RATE
        if batch and (seconds >= BATCH_SECONDS or number == len(rows)):
            _label(job, [*batch.values()], hear, tell, result)
            batch.clear()
    return result


def _label(
    job: CorpusPass, batch: list[tuple[Row, NDArray[np.float32]]], hear: Callable[[Clips], Sequence[Found]],
    tell: Callable[[Row, Found, ShardResult], None], result: ShardResult,
) -> None:  # fmt: skip
    try:
        found: Sequence[Found] | None = hear([clip for _, clip in batch])
    except Exception:  # one bad clip must not cost its neighbours
        found = None
    for place, (row, clip) in enumerate(batch):

        def one(row: Row, place: int = place, clip: NDArray[np.float32] = clip) -> None:
            tell(row, hear([clip])[0] if found is None else found[place], result)

        if reject := job.attempt(row, one):
            result.rejects.append(reject)
