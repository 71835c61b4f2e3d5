"""CTC alignment of any length in bounded memory: keep a few rows, and solve the stretches between them, last one first.

A stretch of n frames that ends in a known state touches at most the n labels before it, so solving the stretches again
costs little: the one full pass over frames x labels is nearly the whole expense. A stretch that is still too large is
split in turn. The arithmetic is that of the single pass, value for value, and so is the path.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.ctc import kernels

LANES = kernels.LANES
BUDGET = 64 << 20  # bytes of kept rows per level; three levels suffice for a week of audio


@dataclass(frozen=True)
class _Stretch:
    t0: int  # frames [t0, t1)
    t1: int
    first: int  # the label at which the kept rows begin
    every: int  # frames between kept rows
    kept_a: NDArray[Any]  # (rows, LANES + cells)
    kept_b: NDArray[Any]


def align_long(  # noqa: PLR0917 - called as `kernels.align` is
    log_probs: NDArray[np.float32],
    targets: NDArray[np.int64],
    blank: int,
    wildcard: int,
    constant: float,
    like: NDArray[Any],
    *,
    budget: int = BUDGET,
) -> tuple[int, int, tuple[NDArray[Any], ...]]:
    """`kernels.align` with about two times `budget` bytes of rows at work, whatever the length. Same results."""
    frames, count = log_probs.shape[0], targets.size
    status, number, problem = kernels.prepare(log_probs, targets, blank, wildcard, constant, like)
    states = np.empty(frames if status == kernels.OK else 0, np.int32)
    if status == kernels.OK:
        a, b = kernels.first_rows(count, like)
        stretch = _keep_rows(problem, budget, (0, frames), (0, count - 1), (a, b))
        state, status = kernels.last_state(a, b, count)
        if status == kernels.OK:
            _walk_back(problem, budget, stretch, int(state), states)
        else:
            states = states[:0]
    return status, number, kernels.finish(problem, targets, states)


def _window(problem: kernels.Trellis, first: int, cells: int) -> kernels.Trellis:
    span = slice(first, first + cells)
    return problem._replace(tokens=problem.tokens[span], wild=problem.wild[span], repeat=problem.repeat[span])


def _keep_rows(
    problem: kernels.Trellis,
    budget: int,
    frames: tuple[int, int],
    labels: tuple[int, int],
    rows: tuple[NDArray[Any], NDArray[Any]],
) -> _Stretch:
    """Take the rows `a` and `b` (in place) through the frames [t0, t1), keeping as many as the budget allows.

    `labels` are the first of the window and the lowest still wanted at the end.
    """
    (t0, t1), (first, lowest), (a, b) = frames, labels, rows
    row_bytes, every = a.nbytes + b.nbytes, LANES
    if -(-(t1 - t0) // LANES) * row_bytes > budget:
        every = -(-(t1 - t0) // max(2, budget // row_bytes))
        every = -(-every // LANES) * LANES
    shape = (-(-(t1 - t0) // every), a.size)
    kept_a, kept_b = np.empty(shape, a.dtype), np.empty(shape, a.dtype)
    window = _window(problem, first, a.size - LANES)
    kernels.forward(window, t0, t1, a, b, first, lowest - first, every, kept_a, kept_b)
    return _Stretch(t0, t1, first, every, kept_a, kept_b)


def _walk_back(problem: kernels.Trellis, budget: int, stretch: _Stretch, state: int, states: NDArray[np.int32]) -> int:
    """Fill `states` over the stretch, given the state after its last frame; returns the state before its first."""
    first, every = stretch.first, stretch.every
    kept = stretch.kept_a, stretch.kept_b
    if every == LANES:
        window = _window(problem, first, stretch.kept_a.shape[1] - LANES)
        entry = kernels.trace(window, stretch.t0, stretch.t1, *kept, first, state - 2 * first, states)
        return int(entry) + 2 * first
    for row in range(len(stretch.kept_a) - 1, -1, -1):
        start = stretch.t0 + row * every
        stop = min(stretch.t1, start + every)
        last = state >> 1
        low = max(first, last - (stop - start))  # a path moves at most one label per frame
        rows = _cut(kept[0][row], low - first, last - low + 1), _cut(kept[1][row], low - first, last - low + 1)
        inner = _keep_rows(problem, budget, (start, stop), (low, last), rows)
        state = _walk_back(problem, budget, inner, state, states)
    return state


def _cut(row: NDArray[Any], offset: int, count: int) -> NDArray[Any]:
    """The labels [offset, offset + count) of a kept row as a row of their own, in whole chunks."""
    out = np.full(LANES + -(-count // LANES) * LANES, -np.inf, row.dtype)
    out[LANES : LANES + count] = row[LANES + offset : LANES + offset + count]
    return out
