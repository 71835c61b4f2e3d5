"""Results while a sweep goes on: the rows of cells that are finished, so that one that is killed leaves its table."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import pyarrow as pa

from manifests.errors import InputError
from manifests.units import Seconds
from soundwave.ablation.execute import Outcome
from soundwave.ablation.grid import Grid
from soundwave.ablation.nodes import Cell, Expansion
from soundwave.ablation.results import read_results
from soundwave.ablation.running.measured import CLIP_COLUMNS, clips_with_groups
from soundwave.ablation.running.rows import Places, RowReader

REST = 20  # between two writings this many times as long as the last one took: a twentieth of the time, at most
UNFINISHED = "unfinished"  # in grid.json: how many cells are still to come


class Sweep(Places, Protocol):
    """What is written of an ablation."""

    expansion: Expansion
    aside: set[str]

    def jobs_of(self, cell: Cell) -> list[str]:
        """Keys of what a cell's rows are made of."""

    def write(self, name: str, rows: Sequence[Mapping[str, Any]], clips: pa.Table, report: Mapping[str, Any]) -> None:
        """Write a grid's results, all files at once."""


class CellByCell:
    """Writes the rows of finished cells, in the order of the whole table.

    A table that is there stays until the new one has all cells that it has: one of another catalog, or of a version
    with other keys, is replaced at the end, as ever.
    """

    def __init__(self, sweep: Sweep, asked: Callable[[str, Grid], dict[str, Any]]) -> None:
        """asked: what grid.json says of a grid."""
        self.sweep, self.asked = sweep, asked
        self._seen = 0  # jobs that had ended at the last look
        self._next: Seconds = 0.0  # by the monotonic clock
        self._jobs: list[list[str]] = []  # of each cell
        self._rows: dict[int, list[dict[str, Any]]] = {}  # by the cell's place
        self._clips: dict[int, pa.Table] = {}
        self._before: dict[str, set[str]] | None = None  # grid -> cells of the tables that are there
        self._reader: RowReader | None = None

    def __call__(self, outcome: Outcome) -> None:
        """Look at what became of the jobs, and write what is new."""
        ended = len(outcome.finished) + len(outcome.failed)
        if ended == self._seen or time.monotonic() < self._next:
            return
        self._seen = ended
        with suppress(InputError):  # what trains goes on: it is written at the end, or said then what is wrong
            if new := self._new(outcome):
                began = time.monotonic()
                self._read(new, outcome)
                for name in sorted({cell.grid for _, cell in new}):
                    self._write(name)
                self._next = time.monotonic() + REST * (time.monotonic() - began)

    def _new(self, outcome: Outcome) -> list[tuple[int, Cell]]:
        """Cells that are finished by now and were not so before, with their places."""
        self._jobs = self._jobs or [self.sweep.jobs_of(cell) for cell in self.sweep.expansion.cells]
        over = {*outcome.finished, *outcome.reused, *outcome.failed, *outcome.skipped}
        return [
            (place, cell)
            for place, cell in enumerate(self.sweep.expansion.cells)
            if place not in self._rows and over.issuperset(self._jobs[place])
        ]

    def _read(self, cells: Sequence[tuple[int, Cell]], outcome: Outcome) -> None:
        self._reader = self._reader or RowReader(self.sweep, outcome)
        for place, cell in cells:
            rows = self._reader.cell(cell)
            tables = [self._reader.clips(row) for row in rows if not row["error"]]
            self._clips[place] = clips_with_groups(tables, self.sweep.catalog)
            self._rows[place] = rows

    def _write(self, name: str) -> None:
        mine = [place for place, cell in enumerate(self.sweep.expansion.cells) if cell.grid == name]
        places = [place for place in mine if place in self._rows]
        rows = [row for place in places for row in self._rows[place]]
        if not self._tables_there().get(name, set()) <= {row["cell"] for row in rows}:
            return
        clips = pa.concat_tables([CLIP_COLUMNS.empty_table(), *(self._clips[place] for place in places)])
        left = len(mine) - len(places)
        report = self.asked(name, self.sweep.grids[name]) | ({UNFINISHED: left} if left else {})
        self.sweep.write(name, rows, clips, report)

    def _tables_there(self) -> dict[str, set[str]]:
        """Grid -> cells of the table that is there, as it was found."""
        if self._before is None:
            folders = {name: self.sweep.output / name for name in self.sweep.grids if name not in self.sweep.aside}
            self._before = {name: {row["cell"] for row in read_results(place)} for name, place in folders.items()}
        return self._before
