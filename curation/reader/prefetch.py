"""Decode the next batches while the current one trains: a few threads, a bounded number of batches, the same order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from manifests.errors import InputError

Batch = TypeVar("Batch")
Item = TypeVar("Item")
Decoded = TypeVar("Decoded")


def plain_pool(threads: int) -> ThreadPoolExecutor:
    """A pool of threads with nothing set in them."""
    return ThreadPoolExecutor(threads, thread_name_prefix="look-ahead")


def look_ahead(
    batches: Iterable[tuple[Batch, Sequence[Item]]],
    decode: Callable[[Item], Decoded],
    *,
    ahead: int = 2,
    threads: int = 2,
    pool: Callable[[int], ThreadPoolExecutor] = plain_pool,
) -> Iterator[tuple[Batch, list[Decoded]]]:
    """Each batch with its items decoded, in the order they came.

    At most `ahead` + 1 batches are decoded and not yet taken, the one being waited for included: with a plan's steps,
    memory is bounded by (ahead + 1) x the longest step. Decoding in threads helps where it releases the interpreter's
    lock, as libsndfile, FFmpeg, soxr and NumPy do.

    Args:
        batches: pairs of anything and the items to decode.
        decode: makes one item; what it raises is raised here, at the item's batch.
        ahead: batches to decode before they are asked for; 0 decodes when asked.
        threads: how many decode at once.
        pool: makes a pool of so many threads; it is ended with the batches.

    Raises:
        InputError: ahead < 0 or threads < 1.
    """
    if ahead < 0 or threads < 1:
        raise InputError(f"ahead={ahead}, threads={threads}: expected ahead >= 0 and threads >= 1.")
    return _decoded(batches, decode, ahead, partial(pool, threads))


def _decoded(
    batches: Iterable[tuple[Batch, Sequence[Item]]],
    decode: Callable[[Item], Decoded],
    ahead: int,
    make_pool: Callable[[], ThreadPoolExecutor],
) -> Iterator[tuple[Batch, list[Decoded]]]:
    waiting: deque[tuple[Batch, list[Future[Decoded]]]] = deque()
    pool = make_pool()
    try:
        for batch, items in batches:
            waiting.append((batch, [pool.submit(decode, item) for item in items]))
            if len(waiting) > ahead:
                first, futures = waiting.popleft()
                yield first, [future.result() for future in futures]
        while waiting:
            first, futures = waiting.popleft()
            yield first, [future.result() for future in futures]
    finally:  # also when the reader of this generator stops early
        pool.shutdown(wait=True, cancel_futures=True)
