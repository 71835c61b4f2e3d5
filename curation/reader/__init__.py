"""Read a plan in training order: any number of ranks and workers, from any step, without reading the steps before it.

A step of the plan is one optimiser step over all ranks. The ranks take its draws in turns, forth and back (with 3
ranks: 0 1 2 2 1 0 0 1 2 ...). A step's draws are sorted by length, so the ranks get similar amounts of audio.

Every rank gets exactly one batch for every step, so all ranks count the same batches whatever their number:

- nothing is dropped: the last step is a step like any other, and may be short;
- where a step has fewer draws than there are ranks, a rank without a draw gets the step's shortest draw again, marked
  as padding. It keeps the ranks in step, and must weigh nothing (`PlanBatch.weights`).

The order is the plan's order. It does not depend on the number of ranks or workers. Without padding, the draws of all
ranks together are the plan's rows, each once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.plan.lock import check_plan
from manifests.errors import InputError, StaleError, reading
from manifests.files import need_file
from manifests.plans import PLAN, PLAN_AGAIN, TRAINED_TEXT, Lock, gives_texts, read_lock
from manifests.units import Seconds

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PlanBatch", "PlanDraw", "PlanReader"]

BLOCK = 8_192  # rows made into Python objects at a time, so that the first batch after a resume does not wait
ROWS_AT_A_TIME = 65_536  # of one column
COLUMNS = ("step", "slot", "cut_id", "domain", "repeat", "units", "seconds")


class PlanDraw(NamedTuple):
    """One use of a cut: a row of the plan."""

    step: int
    slot: int
    cut_id: str
    domain: str
    repeat: int  # 0 for the cut's first use
    units: float  # in the plan's unit
    seconds: Seconds
    trained_text: str | None = None  # what is trained in place of the cut's text; None: its own


@dataclass(frozen=True, slots=True)
class PlanBatch:
    """What one rank gets of one step."""

    step: int  # counted over all epochs; the draws say which step of the plan
    draws: tuple[PlanDraw, ...]  # at least one
    step_draws: int  # of the whole step, over all ranks: what a mean over the step divides by
    padding: bool = False  # the only draw is a copy of one that another rank trains

    @property
    def weights(self) -> list[float]:
        """1 for each draw, 0 for padding."""
        return [0.0 if self.padding else 1.0] * len(self.draws)


class PlanReader:
    """Batches of one rank, from step `start` on; iterating again begins at `start` again.

    Opening reads the plan's footer; iterating reads the row groups from the one that holds `start` on.
    """

    def __init__(
        self,
        plan_dir: Path,
        *,
        rank: int = 0,
        world: int = 1,
        start: int = 0,
        epochs: int = 1,
        catalog: Path | None = None,
        check: bool = True,
    ) -> None:
        """Open the plan in folder `plan_dir`.

        Args:
            plan_dir: folder with plan.parquet and lock.json.
            rank: which rank's draws to give, 0 <= rank < world.
            world: number of ranks.
            start: the first step to give; the number of steps done is what a resumed training passes.
            epochs: how often the plan is repeated. Steps are counted over all epochs. Do not iterate a reader twice
                instead: each iteration begins at `start` again.
            catalog: where the catalog is now; by default where the lock says it was.
            check: refuse a plan or catalog that changed since it was locked (hashes the plan once).

        Raises:
            MissingFileError: no plan or catalog there.
            StaleError: plan.parquet or the catalog's rows have changed since.
            InputError: a rank, world, start or number of epochs that cannot be.
        """
        self.plan_dir = plan_dir
        self.lock: Lock = read_lock(plan_dir)
        self.catalog = catalog or Path(self.lock.catalog)
        if check:
            check_plan(plan_dir, self.catalog)
        if not 0 <= rank < world:
            raise InputError(f"rank {rank} of {world} ranks: expected 0 <= rank < world.")
        if epochs < 1:
            raise InputError(f"epochs is {epochs}, expected at least 1.")
        self.rank, self.world = rank, world
        self.steps = self.lock.steps * epochs
        self.start = self._valid(start)
        self._path = need_file(plan_dir / PLAN, what="plan")
        self._columns = [*COLUMNS, TRAINED_TEXT] if gives_texts(self._path) else list(COLUMNS)
        with reading(self._path, "a plan", go_on=PLAN_AGAIN), pq.ParquetFile(self._path) as file:
            self._last_steps = [_last_step(file, group) for group in range(file.num_row_groups)]

    def __len__(self) -> int:
        """Batches from `start` to the plan's end: the same for every rank."""
        return self.steps - self.start

    def __iter__(self) -> Iterator[PlanBatch]:
        """Batches of this rank, one for each step."""
        return self.part(0, 1)

    def part(self, worker: int, workers: int) -> Iterator[PlanBatch]:
        """The batches of every `workers`-th step: reading the workers in turns gives the steps in order.

        Raises:
            InputError: not 0 <= worker < workers.
        """
        if not 0 <= worker < workers:
            raise InputError(f"worker {worker} of {workers}: expected 0 <= worker < workers.")
        return self._batches(self.start, worker, workers)

    def batch(self, step: int) -> PlanBatch:
        """The batch of one step, wherever it is.

        Raises:
            InputError: the plan has no such step.
        """
        if not 0 <= step < self.steps:
            raise InputError(f"{self.plan_dir} has steps 0 to {self.steps - 1}, found {step}.")
        return next(self.from_step(step))

    def from_step(self, step: int) -> Iterator[PlanBatch]:
        """The batches of step `step` and all after it, whatever `start` is.

        Raises:
            InputError: a step beyond the plan's end.
        """
        return self._batches(self._valid(step), 0, 1)

    def tables(self, step: int) -> Iterator[tuple[int, pa.Table]]:
        """The plan's rows from a step on, whole steps of all ranks, about BLOCK at a time; and the number of the first.

        Raises:
            InputError: a step beyond the plan's end.
        """
        return self._blocks(self._valid(step))

    def rows_of(self, domain: str) -> NDArray[np.int64]:
        """Numbers of the plan's rows that were drawn for a domain."""
        found, before = [np.zeros(0, np.int64)], 0
        with reading(self._path, "a plan", go_on=PLAN_AGAIN), pq.ParquetFile(self._path) as file:
            for batch in file.iter_batches(columns=["domain"], batch_size=ROWS_AT_A_TIME):
                found.append(np.flatnonzero(pc.equal(batch["domain"], domain)) + before)
                before += len(batch)
        return np.concatenate(found)

    def state_dict(self, step: int) -> dict[str, Any]:
        """What a checkpoint keeps: steps done, and of which plan."""
        return {"plan_sha256": self.lock.plan_sha256, "step": step}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a checkpoint left; the number of ranks may have changed.

        Raises:
            StaleError: the checkpoint is of another plan.
            InputError: a step beyond the plan's end.
        """
        found = str(state["plan_sha256"])
        if found != self.lock.plan_sha256:
            raise StaleError(
                f"the checkpoint trained plan {found[:12]}, {self.plan_dir} is {self.lock.plan_sha256[:12]}. "
                "Plan again with the mixture of that run, or begin a new run."
            )
        self.start = self._valid(int(state["step"]))

    def _valid(self, start: int) -> int:
        if not 0 <= start <= self.steps:
            raise InputError(f"{self.plan_dir} has {self.steps} steps; cannot start at step {start}.")
        return start

    def _batches(self, start: int, worker: int, workers: int) -> Iterator[PlanBatch]:
        first_epoch, first_step = divmod(start, self.lock.steps)
        for epoch in range(first_epoch, self.steps // self.lock.steps):
            before = epoch * self.lock.steps
            for _, block in self._blocks(first_step if epoch == first_epoch else 0):
                # Workers take turns from `start` on, over the epochs too.
                yield from self._own_batches(block, (worker + start - before) % workers, workers, before)

    def _blocks(self, start: int) -> Iterator[tuple[int, pa.Table]]:
        """Rows from step `start` on, in tables of whole steps of about BLOCK rows, each with its first row's number."""
        first = bisect_left(self._last_steps, start)
        held: pa.Table | None = None  # a step that the row group's end may have cut
        with pq.ParquetFile(self._path) as file:
            row = sum(file.metadata.row_group(group).num_rows for group in range(first))
            for group in range(first, len(self._last_steps)):
                with reading(self._path, "a plan", go_on=PLAN_AGAIN):
                    table = file.read_row_group(group, columns=self._columns, use_threads=False)
                if group == first:
                    before = int(np.searchsorted(_steps(table), start))
                    row, table = row + before, table.slice(before)
                if held is not None:
                    table = pa.concat_tables([held, table]).combine_chunks()
                steps = _steps(table)
                end = int(np.searchsorted(steps, steps[-1])) if len(steps) else 0
                for block in _whole_steps(table.slice(0, end), steps[:end]):
                    yield row, block
                    row += len(block)
                held = table.slice(end)
        if held is not None and held.num_rows:
            yield row, held

    def _own_batches(self, block: pa.Table, turn: int, workers: int, before: int) -> Iterator[PlanBatch]:
        """This rank's batches of a block of whole steps: of those steps whose turn (step % workers) it is."""
        steps, slots = _steps(block), block["slot"].to_numpy()
        starts = np.flatnonzero(np.diff(steps, prepend=-1))
        counts = np.diff(starts, append=len(steps))
        chosen = steps[starts] % workers == turn
        mine = np.repeat(chosen, counts) & (rank_of_slot(slots, self.world) == self.rank)
        # Where a step has no draw for this rank, it gets the step's shortest draw.
        lacking = chosen & ~np.logical_or.reduceat(mine, starts)
        mine[starts[lacking]] = True
        ends = np.cumsum(np.add.reduceat(mine, starts))
        taken = block.filter(pa.array(mine))
        draws = list(map(PlanDraw, *(taken[name].to_pylist() for name in self._columns)))
        begin = 0
        for number in np.flatnonzero(chosen):
            step, end = before + int(steps[starts[number]]), int(ends[number])
            yield PlanBatch(step, tuple(draws[begin:end]), int(counts[number]), bool(lacking[number]))
            begin = end


def rank_of_slot(slots: NDArray[Any], world: int) -> NDArray[Any]:
    """The rank of each slot of a step: forth and back over the ranks."""
    turn, place = np.divmod(slots, world)
    return np.asarray(np.where(turn % 2 == 0, place, world - 1 - place))


def _whole_steps(table: pa.Table, steps: NDArray[Any]) -> Iterator[pa.Table]:
    before = 0
    while before < len(steps):
        if before + BLOCK >= len(steps):
            end = len(steps)
        else:
            end = int(np.searchsorted(steps, steps[before + BLOCK], side="right"))
        yield table.slice(before, end - before)
        before = end


def _steps(table: pa.Table) -> NDArray[Any]:
    return np.asarray(table["step"].to_numpy())


def _last_step(file: pq.ParquetFile, group: int) -> int:
    """The last step of a row group: from the footer, or from the column where a writer left no statistics."""
    statistics = file.metadata.row_group(group).column(0).statistics
    if statistics is not None and statistics.has_min_max:
        return int(statistics.max)
    return int(_steps(file.read_row_group(group, columns=["step"]))[-1])
