"""The draws of a plan in training order, from the uses that its candidates allow (`uses.sql`).

Deterministic: sums are of whole numbers, products and quotients round alike on every processor, and no tie is left to
chance. Nothing here holds a cut's id: draws are numbers of candidates, in arrays, some 80 bytes a use.

    queue    a domain's uses: every cut once, in the order of its key, then every cut again. A bigger budget only goes
             further down the queue.
    line     all domains in one. A use falls due when the whole plan reaches its virtual time, cumulative units / share;
             that holds every share within about one row.
    windows  the line in stretches of about `span`, cut where it drifts least from its time: there no domain is ahead
             or behind at the cost of the others, so that each window by itself holds the shares.
    steps    a window's draws by length, in equal steps of similar lengths, and these in shuffled order, so that
             training does not go from short to long over and over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.int64]
Shuffle: TypeAlias = Callable[[Numbers, Numbers], NDArray[Any]]
"""Windows (S,) and the number of a step in its window (S,) -> the order of all steps (S,)."""


@dataclass(frozen=True)
class Draws:
    """Draws as columns, (N,) each."""

    item: Numbers  # row of `pool`
    number: NDArray[np.uint16]  # of the domain
    repeat: NDArray[np.uint16]
    ticks: Numbers
    microseconds: Numbers

    def __len__(self) -> int:
        return len(self.item)

    def take(self, order: NDArray[Any] | slice) -> Draws:
        """These draws in another order, or some of them."""
        return Draws(
            self.item[order], self.number[order], self.repeat[order], self.ticks[order], self.microseconds[order]
        )


@dataclass(frozen=True)
class DueSpan:
    """A stretch of a domain's queue: from when on it falls due, and at what pace."""

    number: int
    ticks_from: float
    ticks_to: float
    time_from: float
    pace: float


@dataclass(frozen=True)
class WindowSizes:
    """How a plan is cut into windows and steps, in microseconds."""

    batch: int  # of a step
    span: int  # of a window, a multiple of `batch`
    slack: int  # that a window may be longer or shorter at either end
    shortest: int  # that a draw counts at least, so that draws per step are capped


@dataclass(frozen=True)
class Placed:
    """Draws in training order, with their steps and slots (N,)."""

    draws: Draws
    step: NDArray[np.int32]
    slot: NDArray[np.int32]


def numbers(table: pa.Table, name: str) -> NDArray[Any]:
    """A column of numbers without nulls; `to_numpy` would import pandas."""
    return np.from_dlpack(table[name].combine_chunks())


def queued(con: duckdb.DuckDBPyConnection) -> Draws:
    """All uses, in the queues of their domains, one domain after another."""
    query = (Path(__file__).parent / "uses.sql").read_text(encoding="utf-8")
    found: pa.Table = con.sql(query).to_arrow_table()
    columns = {name: numbers(found, name) for name in found.column_names}
    del found
    draws = Draws(*(columns[name] for name in ("item", "number", "repeat", "ticks", "microseconds")))
    order = np.argsort(columns["key"])
    keys = columns["key"][order]
    if (keys[1:] == keys[:-1]).any():  # among some 2^32 uses
        order = np.lexsort((columns["rest"], columns["key"]))
    # At most 65,536 domains and repeats: numpy sorts so small numbers by counting.
    for name in ("repeat", "number"):
        order = order[np.argsort(columns[name][order], kind="stable")]
    return draws.take(order)


def placed(
    queue: Draws,
    spans: list[DueSpan],
    sizes: WindowSizes,
    *,
    ticks_before: Mapping[int, int],
    shuffle: Shuffle,
) -> Placed:
    """The draws that fall due, in training order.

    Args:
        queue: of `queued`.
        spans: which parts of the queues are drawn.
        sizes: of windows and steps.
        ticks_before: number of a domain -> ticks of the queues before its own.
        shuffle: puts the steps of a window into another order.
    """
    due, chosen = _due(queue, spans, ticks_before)
    draws, due = queue.take(chosen), due[chosen]
    line = np.argsort(due, kind="stable")  # equal times: in the order of the queues
    load = np.maximum(draws.microseconds, sizes.shortest)
    stretch = np.empty(len(draws), np.int64)
    stretch[line] = _stretches(draws.ticks[line], due[line], load[line], sizes)
    del due, line
    order = _by_length(stretch, draws.microseconds)
    batch = _batches(stretch[order], load[order], sizes)
    return _shuffled(draws.take(order), stretch[order], batch, shuffle)


def _due(
    queue: Draws, spans: list[DueSpan], ticks_before: Mapping[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """When each use falls due, and which do: what lies beyond the last span of its domain is not drawn."""
    due = np.full(len(queue), np.nan)
    chosen = np.zeros(len(queue), np.bool_)
    total = np.cumsum(queue.ticks)
    for number, before in ticks_before.items():
        first, last = np.searchsorted(queue.number, [number, number + 1])
        # The middle of the use, in the ticks of its domain.
        middle = (total[first:last] - before).astype(np.float64) - queue.ticks[first:last] / 2.0
        for span in spans:
            if span.number == number:
                inside = (middle >= span.ticks_from) & (middle < span.ticks_to)
                due[first:last][inside] = span.time_from + (middle[inside] - span.ticks_from) * span.pace
                chosen[first:last] |= inside
    return due, chosen


def _stretches(ticks: Numbers, due: NDArray[np.float64], load: Numbers, sizes: WindowSizes) -> Numbers:
    """The window of each draw of the line."""
    before = np.cumsum(load) - load
    near = before / sizes.span
    mark = np.floor(near)
    mark += near - mark >= 0.5
    close = (np.abs(before - mark * sizes.span) <= sizes.slack) & (before > sizes.slack)  # the first starts at 0
    drift = np.abs((np.cumsum(ticks) - ticks)[close] - due[close])
    marks, starts = mark[close].astype(np.int64), before[close]
    best = np.lexsort((starts, drift, marks))
    found, first = np.unique(marks[best], return_index=True)
    whole = before // sizes.span
    if not len(found):
        return whole
    at = starts[best][first]

    def cut(number: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
        place = np.minimum(np.searchsorted(found, number), len(found) - 1)
        return at[place], found[place] == number

    lower, has_lower = cut(whole)
    upper, has_upper = cut(whole + 1)
    moved: Numbers = whole + (has_upper & (before >= upper)) - (has_lower & (before < lower))
    return moved


def _by_length(stretch: Numbers, microseconds: Numbers) -> NDArray[Any]:
    """Order by window, then length; equal ones in the order of the queues."""
    bits = int(microseconds.max(initial=1)).bit_length()
    if bits + int(stretch.max(initial=1)).bit_length() < 63:
        return np.argsort(stretch << bits | microseconds, kind="stable")
    return np.lexsort((microseconds, stretch))


def _batches(stretch: Numbers, load: Numbers, sizes: WindowSizes) -> Numbers:
    """The number of each draw's step within its window, draws by window and length; the last window has as many steps
    as it needs.
    """
    windows, first, of = np.unique(stretch, return_index=True, return_inverse=True)
    total = np.add.reduceat(load, first) if len(load) else load
    steps = np.full(len(windows), sizes.span // sizes.batch)
    if len(steps):
        steps[-1] = np.ceil(total[-1] / sizes.batch)
    before = np.cumsum(load) - load
    batch: Numbers = (before - before[first][of]) * steps[of] // total[of]
    return batch


def _shuffled(draws: Draws, stretch: Numbers, batch: Numbers, shuffle: Shuffle) -> Placed:
    """The steps of each window in another order."""
    new = np.ones(len(draws), np.bool_)
    new[1:] = (stretch[1:] != stretch[:-1]) | (batch[1:] != batch[:-1])
    first = np.flatnonzero(new)
    sizes = np.diff(first, append=len(draws))
    order = shuffle(stretch[first], batch[first])
    starts, sizes = first[order], sizes[order]
    step = np.repeat(np.arange(len(order), dtype=np.int32), sizes)
    ends = np.cumsum(sizes)
    slot = (np.arange(len(draws)) - np.repeat(ends - sizes, sizes)).astype(np.int32)
    return Placed(draws.take(np.repeat(starts, sizes) + slot), step, slot)
