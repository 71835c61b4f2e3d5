"""The catalog's rows of a plan's draws, a window of steps at a time.

A window is some whole steps, about WINDOW draws. DuckDB joins its cuts with their words and stored frames into one
Arrow table; only the draws of the batch in hand become Python objects. So memory grows with the window, not with the
plan or the catalog. Whoever reads a plan reads it here: the trainer, Lhotse cuts, audio, stored frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.catalog import connect
from curation.duck import short, sql_text
from curation.reader import PlanBatch, PlanDraw
from manifests.errors import StaleError
from manifests.schema import columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

BATCH = 65_536  # rows of a large result at a time
WINDOW = 16_384  # draws; each window reads the id column of the whole catalog once
FACTS = tuple(name for name in columns("cuts") if name != "manifest")

# The words of a cut in one list. Of several aligners one is taken: their words must not be mixed.
WORDS = """
LEFT JOIN (
  SELECT cut_id, list({'symbol': symbol, 'start': start, 'end': start + duration} ORDER BY position) AS words
  FROM (FROM words SEMI JOIN wanted USING (cut_id) QUALIFY backend = min(backend) OVER (PARTITION BY cut_id))
  GROUP BY cut_id
) USING (cut_id)
"""
# Where the frames of an encoder are, one entry for each variant that is stored.
FEATURES = """
LEFT JOIN (
  SELECT
    cut_id,
    list(
      {{
        'variant': variant, 'path': path, 'offset': "offset", 'frames': frames, 'dim': dim, 'frame_rate': frame_rate
      }}
      ORDER BY variant
    ) AS features
  FROM features SEMI JOIN wanted USING (cut_id)
  WHERE encoder = {encoder}
  GROUP BY cut_id
) USING (cut_id)
"""

Row: TypeAlias = dict[str, Any]
Pairs: TypeAlias = list[tuple[PlanDraw, Row]]


class CatalogRows:
    """Rows of a catalog by cut id, as Arrow.

    The connection names the catalog's files once, when it is opened: a catalog that is built again meanwhile gives the
    rows of before, or an error where a file of before is gone. It never gives a mixture of both.
    """

    def __init__(
        self,
        catalog: Path,
        *,
        names: Sequence[str] = FACTS,
        words: bool = False,
        encoder: str | None = None,
    ) -> None:
        """Open the catalog.

        Args:
            catalog: the catalog's folder.
            names: columns of `cuts` to read; cut_id is always read.
            words: adds `words`, a list of {symbol, start, end} in seconds from the cut's start; NULL: not aligned.
            encoder: adds `features`, a list of {variant, path, offset, frames, dim, frame_rate} of this encoder's
                stored frames; NULL: none are stored.

        Raises:
            MissingFileError: no catalog there, or a part of it is missing.
        """
        self.catalog, self.names = catalog, tuple(dict.fromkeys(("cut_id", *names)))
        self.words, self.encoder = words, encoder
        listed = ", ".join(f'cuts."{name}"' for name in self.names)
        listed += ", words" * words + ", features" * (encoder is not None)
        joins = (WORDS if words else "") + (FEATURES.format(encoder=sql_text(encoder)) if encoder is not None else "")
        self._query = f"SELECT {listed}\nFROM cuts\nSEMI JOIN wanted USING (cut_id)\n{joins}"
        self._con = connect(catalog, threads=1, read_only=False, bare=True)  # all SQL is ours

    def __enter__(self) -> Self:
        """Itself; `close` at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._con.close()

    def table(self, cut_ids: Sequence[str] | pa.Array) -> pa.Table:
        """One row for each of `cut_ids` that the catalog has, in any order.

        Raises:
            StaleError: the catalog was built again, and a file that is needed is gone.
        """
        ids = pc.unique(pa.array(cut_ids, pa.string()))
        self._con.register("wanted", pa.table({"cut_id": ids}))
        try:
            return self._arrow(self._query)
        finally:
            self._con.unregister("wanted")

    def ask(self, sql: str) -> list[Row]:
        """The rows of a query over the catalog's tables and those of `insert`.

        Raises:
            StaleError: as `table`.
        """
        rows: list[Row] = self._arrow(sql).to_pylist()
        return rows

    def batches(self, sql: str) -> Iterator[pa.RecordBatch]:
        """The same as Arrow, some rows at a time. Raises StaleError as `table`."""
        with self._same_files():
            yield from self._con.cursor().sql(sql).to_arrow_reader(BATCH)

    def run(self, statement: str) -> None:
        """Run a statement that gives no rows. Raises StaleError as `table`."""
        with self._same_files():
            self._con.execute(statement)

    def insert(self, table: str, rows: pa.Table) -> None:
        """Append rows to a table of ours, which is made if it is not there."""
        self._con.register("arrived", rows)
        try:
            self._con.execute(f"CREATE TABLE IF NOT EXISTS {table} AS FROM arrived LIMIT 0")
            self._con.execute(f"INSERT INTO {table} FROM arrived")
        finally:
            self._con.unregister("arrived")

    def make(self, table: str, batches: Iterable[pa.RecordBatch]) -> None:
        """Make a table of ours of some batches, at least one."""
        batches = iter(batches)
        first = next(batches)
        self._con.register("arrived", pa.RecordBatchReader.from_batches(first.schema, chain([first], batches)))
        try:
            self._con.execute(f"CREATE TABLE {table} AS FROM arrived")
        finally:
            self._con.unregister("arrived")

    def _arrow(self, sql: str) -> pa.Table:
        with self._same_files():
            return self._con.sql(sql).to_arrow_table()

    @contextmanager
    def _same_files(self) -> Iterator[None]:
        try:
            yield
        except duckdb.IOException as error:
            raise StaleError(
                f"{self.catalog} was built again while it was read, and a file of before is gone ({short(error)}). "
                "Run the same command again; a training goes on from its last checkpoint."
            ) from error


@dataclass(frozen=True)
class Window:
    """Some batches of a plan, one after another, with the catalog's rows of their draws."""

    batches: Sequence[PlanBatch]
    cuts: pa.Table
    """One row for each cut."""
    places: NDArray[np.int64]
    """The row in `cuts` of each draw, over all batches."""
    ends: NDArray[np.int64]
    """How many draws there are up to the end of each batch."""

    @property
    def first(self) -> int:
        """The first batch's step."""
        return self.batches[0].step

    @property
    def last(self) -> int:
        """The last batch's step."""
        return self.batches[-1].step

    def pairs(self, number: int) -> Pairs:
        """The draws of batch `number` (0 is the window's first), each with its row.

        Where the plan gives a text it stands in the row. Such a row has no words: their times are of the old text.
        """
        draws, end = self.batches[number].draws, int(self.ends[number])
        rows = self.cuts.take(pa.array(self.places[end - len(draws) : end])).to_pylist()
        return [(draw, _retold(draw, row)) for draw, row in zip(draws, rows, strict=True)]


def _retold(draw: PlanDraw, row: Row) -> Row:
    if draw.trained_text is None:
        return row
    return row | {name: value for name, value in (("text", draw.trained_text), ("words", None)) if name in row}


def windows(batches: Iterable[PlanBatch], rows: CatalogRows) -> Iterator[Window]:
    """The batches in windows of about WINDOW draws, joined with their rows.

    Raises:
        StaleError: a draw whose cut the catalog does not have.
    """
    held: list[PlanBatch] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += len(batch.draws)
        if size >= WINDOW:
            yield _joined(held, rows)
            held, size = [], 0
    if held:
        yield _joined(held, rows)


def _joined(batches: Sequence[PlanBatch], rows: CatalogRows) -> Window:
    ids = pa.array([draw.cut_id for batch in batches for draw in batch.draws], pa.string())
    cuts = rows.table(ids)
    places = pc.index_in(ids, value_set=cuts["cut_id"].combine_chunks())
    if places.null_count:
        missing = min(ids.filter(pc.is_null(places)).to_pylist())
        raise StaleError(
            f"{rows.catalog} has no cut {missing!r}, which the plan draws. Run `soundwave mix plan` again."
        )
    ends = np.cumsum([len(batch.draws) for batch in batches])
    return Window(batches, cuts, places.to_numpy().astype(np.int64), ends)
