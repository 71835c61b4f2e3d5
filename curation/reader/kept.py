"""The rows of a plan's cuts, copied out of the catalog once and then read by number.

A catalog is laid out to be scanned. A training asks for cuts in an order that is random in the catalog, a window of
steps at a time: asked there, each window would scan the whole catalog again. So what a training reads of its plan's
cuts is copied, once, into files whose rows are found without a search. They hold no row as a Python object; opened,
they take no memory but the rows that are asked for.

KEPT/cuts.arrow                    a row per cut that the plan draws: row n is cut n
KEPT/words.arrow, features.arrow   rows of the cuts, those of a cut one after another
KEPT/words.npy, features.npy       (cuts, 2): a cut's first row there, and how many
KEPT/draws.npy                     (draws,): the cut of each row of the plan
KEPT/kept.json                     written last: what it is a copy of, and the checksum of each file

A small plan's are kept in memory. A copy whose files are not what was written is made again. They are read for that
where they have changed since they were last read (see `manifests.digests.Checked`): a resume costs nothing.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.catalog import catalog_parts
from curation.duck import open_memory, quoted, sql_text
from curation.reader.row_files import Numbers, RowFile, RowWriter, Texts
from curation.reader.windows import BATCH, CatalogRows, Row
from manifests.digests import Checked, checksum, files_of, read_sealed, write_sealed, written
from manifests.disk.faults import appending
from manifests.disk.left import remove
from manifests.errors import InputError, StaleError
from manifests.files import sync, temporary_name
from manifests.fingerprint import fingerprint
from manifests.plans import PLAN, TRAINED_TEXT, Lock, gives_texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = "1"  # raise it when the same catalog and plan would be copied otherwise
MARK = "kept.json"
IN_MEMORY = 16_384  # draws: plans of no more are kept in memory
MEMORY = 360_000_000  # bytes that DuckDB may take before it spills to disk
MEMORY_TEXTS = 240_000_000  # the same where texts are sorted, which is while a training's first steps compute
SAMPLE = 1_024  # of so many ids one tells where ranges of ids end
THREADS = 4  # at most, of DuckDB: each takes memory
PART = 2_000_000  # cuts joined at a time: what is joined with more of them would be written to disk first
CHILDREN = ("words", "features")
WORDS = 'position AS place, symbol, start, start + duration AS "end" FROM words'
FEATURES = 'variant AS place, variant, path, "offset", frames, dim, frame_rate FROM features'


Child: TypeAlias = tuple[RowFile, Numbers]
"""Rows, and which of them are each cut's."""


@dataclass(frozen=True)
class CutRows:
    """Rows of some cuts, in the order in which they were asked for."""

    cuts: pa.Table
    children: Mapping[str, pa.Table]
    """`words` and `features`: those of each cut one after another."""
    ends: Mapping[str, NDArray[np.int64]]
    """How many of them there are up to the end of each cut."""

    def rows(self, first: int, last: int) -> list[Row]:
        """Cuts [first, last) as rows, with lists of rows `words` and `features`."""
        found: list[Row] = self.cuts.slice(first, last - first).to_pylist()
        for name, table in self.children.items():
            ends = self.ends[name]
            begin = int(ends[first - 1]) if first else 0
            listed = table.slice(begin, int(ends[last - 1]) - begin).to_pylist() if last > first else []
            at = 0
            for row, end in zip(found, (ends[first:last] - begin).tolist(), strict=True):
                row[name], at = listed[at:end], end
        return found


class KeptRows:
    """The copy: opened where it is whole, else made."""

    def __init__(self, cuts: RowFile, children: Mapping[str, Child], draws: Numbers) -> None:
        """See `keep`."""
        self.cuts, self.children, self._draws = cuts, children, draws

    def of_draws(self, first: int, count: int) -> CutRows:
        """Rows of `count` draws of the plan, from its row `first` on."""
        numbers = self._draws[first : first + count].astype(np.int64)
        tables, ends = {}, {}
        for name, (file, spans) in self.children.items():
            begins, counts = spans[numbers].astype(np.int64).reshape(-1, 2).T
            ends[name] = np.cumsum(counts)
            tables[name] = file.take(np.repeat(begins - ends[name] + counts, counts) + np.arange(counts.sum()))
        return CutRows(self.cuts.take(numbers), tables, ends)

    def all_cuts(self) -> Iterator[pa.RecordBatch]:
        """The cuts' own columns, some rows at a time, each cut once."""
        for batch in self.cuts.batches:
            yield batch
            self.cuts.forget()

    def without(self, child: str) -> int:
        """How many cuts with audio have none of the rows `words` or `features`."""
        spans = self.children[child][1][:, 1]
        silent = np.concatenate([np.zeros(0), *(batch["duration"].to_numpy() for batch in self.cuts.batches)]) <= 0
        return int(((spans == 0) & ~silent).sum())

    def cut_of(self, row: int) -> int:
        """The number of the cut that a row of the plan draws."""
        return int(self._draws[row])

    def uses(self, wanted: NDArray[np.bool_]) -> tuple[int, int]:
        """How many draws are of the cuts where `wanted` (cuts,) is true, and the first of their rows of the plan.

        Without any, both are 0.
        """
        count = first = start = 0
        while len(cuts := self._draws[start : start + PART]):
            found = np.flatnonzero(wanted[cuts])
            if len(found) and not count:
                first = start + int(found[0])
            count, start = count + len(found), start + len(cuts)
        return count, first

    def texts(self, sql: str, columns: Sequence[str], draws: NDArray[np.int64], place: Path | None) -> Texts:
        """The one column that a query gives, of the cuts that some rows of the plan draw: sorted, equal texts once.

        Args:
            sql: reads the table `cuts`, each cut once, and sorts.
            columns: that it reads.
            draws: rows of the plan.
            place: a file that keeps the answer, whose name gets its checksum; None: memory does.
        """
        kept = place and next(filter(_is_whole, sorted(place.parent.glob(f"{place.stem}-*{place.suffix}"))), None)
        if kept is None:
            wanted = np.zeros(len(self.cuts), bool)
            wanted[self._draws[draws]] = True
            schema = pa.schema([self.cuts.schema.field(name) for name in columns])
            with open_memory(min(THREADS, os.cpu_count() or 1)) as con:
                con.execute(f"SET memory_limit = '{MEMORY_TEXTS}B'")
                con.register("cuts", pa.RecordBatchReader.from_batches(schema, self.cuts.chosen(wanted, columns)))
                found = _without_repeats(con.sql(sql).to_arrow_reader(BATCH))
                if place is None:
                    return Texts(_written(found, None))
                kept = _sealed_file(found, place)
        return Texts(RowFile(kept))


def _sealed_file(batches: Iterable[pa.RecordBatch], place: Path) -> Path:
    """Write rows to a file whose name is that of `place` and its checksum; several processes may do so at once."""
    temporary = temporary_name(place)
    try:
        with appending(place):
            _written(batches, temporary)
            sync(temporary)
            return temporary.replace(place.with_stem(f"{place.stem}-{checksum(temporary)}"))
    finally:
        remove(temporary)


def _is_whole(path: Path) -> bool:
    """Whether a file has the checksum that its name ends in."""
    return path.stem.rpartition("-")[2] == checksum(path)


def _without_repeats(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Sorted texts, equal ones once: asking DuckDB for them would have it hash them all before it sorts."""
    last: str | None = None
    for batch in batches:
        if not len(batch):
            continue
        texts, new = batch[0], np.ones(len(batch), bool)
        new[1:] = pc.not_equal(texts[1:], texts[:-1]).to_numpy(zero_copy_only=False)
        new[:1] = texts[0].as_py() != last
        last = texts[-1].as_py()
        yield batch.filter(pa.array(new))


def _written(batches: Iterable[pa.RecordBatch], path: Path | None) -> RowFile:
    with RowWriter(path) as writer:
        for batch in batches:
            writer.write(batch)
    return writer.file


def kept_key(lock: Lock, catalog: Path, rows: CatalogRows) -> str:
    """What a copy depends on: equal keys, equal copies."""
    parts = sorted((part.table, part.path, part.digest) for part in catalog_parts(catalog))
    return fingerprint(VERSION, lock.plan_sha256, parts, rows.names, rows.words, rows.encoder)


def open_kept(place: Path, key: str) -> KeptRows | None:
    """The copy in a folder; None: there is none, or one of something else."""
    if not (place / MARK).is_file():
        return None
    try:
        mark = read_sealed(place / MARK, go_on="")
        records = files_of(place / MARK, _written_rows(mark["files"]), go_on="") if mark.get("key") == key else {}
    except (InputError, AttributeError, KeyError, TypeError):
        return None
    if not records or records.keys() != set(_names(place)):
        return None
    checked = Checked(place)
    if wrong := checked.check(records):
        name, said = next(iter(wrong.items()))
        print(f"{place / name} {said}. The rows of the plan's cuts are copied again.", file=sys.stderr)
        return None
    checked.save(records)
    children = {
        name: (RowFile(place / f"{name}.arrow"), Numbers(place / f"{name}.npy"))
        for name in CHILDREN
        if (place / f"{name}.npy").is_file()
    }
    return KeptRows(RowFile(place / "cuts.arrow"), children, Numbers(place / "draws.npy"))


def _names(place: Path) -> list[str]:
    """A copy's files, less what was asked of it later."""
    names = ("cuts.arrow", "draws.npy", *(f"{name}.{kind}" for name in CHILDREN for kind in ("arrow", "npy")))
    return [name for name in names if (place / name).is_file()]


def _written_rows(files: Mapping[str, Any]) -> dict[str, Any]:
    """What was written down of each file; earlier versions wrote its size."""
    return {name: {"bytes": row} if isinstance(row, int) else row for name, row in files.items()}


def keep(rows: CatalogRows, lock: Lock, plan: Path, place: Path | None) -> KeptRows:
    """Copy what a plan draws.

    Args:
        rows: the catalog, and which of its columns.
        lock: the plan's.
        plan: its folder.
        place: the folder for the copy; another copy there goes. None: in memory.

    Raises:
        StaleError: the plan draws a cut that the catalog does not have, or the catalog was built again meanwhile.
        DiskError: there is no room.
    """
    if place is not None:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
    rows.run(f"SET memory_limit = '{MEMORY}B'")
    rows.run(f"SET threads = {min(THREADS, os.cpu_count() or 1)}")
    copying = _Copying(rows, plan, place, retold=gives_texts(plan / PLAN))
    cuts = copying.cuts()
    children = {}
    if rows.words:  # where a text is another one, its words' times are nobody's
        told = "n NOT IN (FROM retold)" if copying.retold else "true"
        children["words"] = copying.children("words", WORDS, one="backend", where=told)
    if rows.encoder is not None:
        children["features"] = copying.children("features", FEATURES, where=f"encoder = {sql_text(rows.encoder)}")
    draws = copying.draws(lock.draws)
    rows.run("DROP TABLE drawn")
    rows.run("DROP TABLE IF EXISTS retold")
    if place is not None:
        records = {name: written(place / name) for name in _names(place)}
        files = {name: record.row() for name, record in records.items()}
        write_sealed(place / MARK, {"key": kept_key(lock, rows.catalog, rows), "files": files})
    return KeptRows(cuts, children, draws)


@dataclass
class _Copying:
    """One copy that is being made, some cuts at a time: those whose ids lie in one of `ranges`."""

    source: CatalogRows
    plan: Path
    place: Path | None
    count: int = 0
    ranges: Sequence[str] = ()
    """Conditions on ids, about PART cuts in each: what DuckDB joins them with stays within its memory."""
    retold: bool = False
    """Whether the plan gives some cuts another text than their own."""

    def path(self, name: str) -> Path | None:
        return None if self.place is None else self.place / name

    def cuts(self) -> RowFile:
        """Copy the cuts and number them; makes the table `drawn` (cut_id, n)."""
        source, plan = self.source, f"read_parquet({quoted(self.plan / PLAN)})"
        names, kind = {name: f'"{name}"' for name in source.names}, "SEMI JOIN"
        if self.retold:  # the plan has texts in place of some cuts' own
            once = f"SELECT cut_id, any_value({TRAINED_TEXT}) AS {TRAINED_TEXT} FROM {plan} GROUP BY cut_id"
            names, kind = names | {"text": f'coalesce({TRAINED_TEXT}, cuts."text") AS "text"'}, "JOIN"
        else:
            once = f"SELECT DISTINCT cut_id FROM {plan}"
        source.run(f"CREATE TABLE once AS {once}")
        self.ranges = self._ranges()
        listed = ", ".join(names[name] for name in source.names)
        with RowWriter(self.path("cuts.arrow")) as writer:
            for batch in self.joined(f"SELECT {listed} FROM cuts", "once", kind=kind):
                writer.write(batch)
        self.count = writer.rows
        source.make("drawn", _numbered(writer.file))
        if self.retold:
            source.run(
                f"CREATE TABLE retold AS SELECT n FROM drawn JOIN once USING (cut_id) WHERE {TRAINED_TEXT} <> ''"
            )
        source.run("DROP TABLE once")
        return writer.file

    def _ranges(self) -> list[str]:
        """By a sample of the ids, the same each time."""
        count = self.source.ask("SELECT count(*) AS n FROM once")[0]["n"]
        parts = -(-count // PART)
        ends: list[str] = []
        if parts > 1:
            some = f"SELECT cut_id FROM once WHERE {count} <= {SAMPLE} OR hash(cut_id) % {SAMPLE} = 0"
            tiles = f"SELECT cut_id, ntile({parts}) OVER (ORDER BY cut_id) AS part FROM ({some})"
            last = self.source.ask(f"SELECT max(cut_id) AS id FROM ({tiles}) GROUP BY part ORDER BY part")
            ends = [sql_text(row["id"]) for row in last[: parts - 1]]
        lower = ["true", *(f"cut_id > {end}" for end in ends)]
        upper = [*(f"cut_id <= {end}" for end in ends), "true"]
        return [f"{low} AND {high}" for low, high in zip(lower, upper, strict=True)]

    def joined(
        self, select: str, table: str, *, kind: str = "JOIN", wrap: Callable[[str], str] = str
    ) -> Iterator[pa.RecordBatch]:
        """`select` joined with a table of ours by id, range by range; wrap: makes the query of the join."""
        for inside in self.ranges:
            join = f"{select} {kind} (FROM {table} WHERE {inside}) USING (cut_id) WHERE {inside}"
            yield from self.source.batches(wrap(join))

    def draws(self, count: int) -> Numbers:
        """Which cut each of the plan's `count` rows draws."""
        found = np.full(count, -1, np.int32)
        plan = f"read_parquet({quoted(self.plan / PLAN)}, file_row_number = true)"
        for batch in self.joined(f"SELECT file_row_number AS at, n FROM {plan}", "drawn"):
            found[batch["at"].to_numpy()] = batch["n"].to_numpy()
        if len(found) and found.min() < 0:
            missing = self.source.ask(f"SELECT min(cut_id) AS id FROM {plan} ANTI JOIN drawn USING (cut_id)")
            raise StaleError(
                f"{self.source.catalog} has no cut {missing[0]['id']!r}, which the plan draws. Run `soundwave mix "
                "plan` again."
            )
        return Numbers.write(found, self.path("draws.npy"))

    def children(self, name: str, select: str, *, one: str | None = None, where: str = "true") -> Child:
        """Copy rows of the cuts, those of a cut together, by `place`; one: of the values of this column a cut has one.

        Parts hold a cut's rows one after another and in order, so they are copied as they come. Cuts of which that is
        not true are read again, sorted.
        """
        spans = np.zeros((self.count, 2), np.int64)
        select = f"SELECT n, {select}"
        several = one is not None and self.source.ask(f"SELECT count(DISTINCT {one}) AS n FROM {name}")[0]["n"] > 1
        with RowWriter(self.path(f"{name}.arrow")) as writer:
            odd = np.ones(self.count, bool)
            if not several:
                odd = _copied(self.joined(select, "drawn", wrap=lambda join: f"{join} AND {where}"), spans, writer)
            if odd.any():
                spans[odd] = 0
                self.source.insert("odd", pa.table({"n": np.flatnonzero(odd).astype(np.int32)}))
                chosen = f"{where} AND n IN (SELECT n FROM odd)"
                chosen += f" QUALIFY {one} = min({one}) OVER (PARTITION BY n)" if one is not None else ""
                in_order = self.joined(
                    select, "drawn", wrap=lambda join: f"FROM ({join} AND {chosen}) ORDER BY n, place"
                )
                _copied(in_order, spans, writer)
                self.source.run("DROP TABLE odd")
        return writer.file, Numbers.write(spans, self.path(f"{name}.npy"))


def _numbered(cuts: RowFile) -> Iterator[pa.RecordBatch]:
    """The id and the number of each cut."""
    first = 0
    for batch in cuts.batches:
        numbers = pa.array(np.arange(first, first + len(batch), dtype=np.int32))
        yield pa.RecordBatch.from_arrays([batch["cut_id"], numbers], names=["cut_id", "n"])
        first += len(batch)
        cuts.forget()


def _copied(batches: Iterable[pa.RecordBatch], spans: NDArray[np.int64], writer: RowWriter) -> NDArray[np.bool_]:
    """Write rows down and fill in `spans`; which cuts are not together, or not in order."""
    odd = np.zeros(len(spans), bool)
    before: pa.RecordBatch | None = None  # the row before these
    for batch in batches:
        cuts, places = batch["n"].to_numpy(), batch["place"]
        new, fallen = np.ones(len(cuts), bool), np.zeros(len(cuts), bool)
        new[1:] = cuts[1:] != cuts[:-1]
        fallen[1:] = pc.less(places[1:], places[:-1]).to_numpy(zero_copy_only=False)
        if before is not None and before["n"][0].as_py() == cuts[0]:  # a cut whose rows began in the batch before
            new[0], fallen[0] = False, pc.less(places[0], before["place"][0]).as_py()
        odd[cuts[fallen & ~new]] = True
        begins = np.flatnonzero(new)
        owners, counts = cuts[begins], np.diff(begins, append=len(cuts))
        spans[cuts[0], 1] += len(cuts) if not len(begins) else begins[0]
        odd[owners[spans[owners, 1] > 0]] = True
        spans[owners, 0], spans[owners, 1] = writer.rows + begins, counts
        odd[owners[spans[owners, 0] != writer.rows + begins]] = True  # it begins again further on
        before = batch.slice(len(batch) - 1)
        writer.write(batch.drop_columns(["n", "place"]))
    return odd
