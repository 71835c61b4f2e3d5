"""One Parquet part of the catalog at a time: a corpus's JSONL, or a labelling pass's shards, compacted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from string import Template
from typing import Any

import duckdb

from curation.catalog.columns import given, names, problems, spoken, structure, typed, values
from curation.catalog.lines import (
    LINES,
    TRIMMED,
    define_finding,
    define_nearest,
    keys_repeat,
    lines_of,
    no_object_said,
    repeated,
)
from curation.catalog.repeats import find_repeats, kept_rows, may_repeat
from curation.duck import quoted, quoted_list, reading_parquet, short, sql_text
from curation.storage import is_remote
from manifests.digests import Written
from manifests.digests import written as written_now
from manifests.disk.faults import fault_number
from manifests.errors import InputError, ManifestError
from manifests.files import atomic_write
from manifests.fingerprint import fingerprint
from manifests.lines.jsonl import HEAD, not_json
from manifests.rows import CORPUS, REJECTS, row_files
from manifests.rows.passes import LABEL_TABLES, check_files, read_pass, recorded
from manifests.rows.splits import SPLITS, known_split
from manifests.rows.validate import REPEATED
from manifests.rows.written import check_corpus
from manifests.schema import columns
from manifests.units import SLACK

LENIENT = {
    "parsed": "json_valid(manifest)",
    "repeated": repeated(),
}  # every line gets its row and what is wrong with it
STRICT = {"parsed": "true", "repeated": "false"}  # a line that is no JSON ends the query; see `keys_repeat`
SQL = Path(__file__).with_name("sql")
# Level 1: half the time of 3. Half of the usual row group: a fifth less memory, and more threads read a small corpus.
LAYOUT = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 61440"


@dataclass(frozen=True)
class Part:
    """One Parquet file of the catalog."""

    table: str
    corpus: str
    name: str  # `cuts`, `prepare`, or the labelling pass
    path: str  # relative to the catalog
    rows: int
    key: str  # of its inputs and of the code that reads them: the same key is not written again
    digest: str  # of its rows, whatever their order
    hours: float = 0.0  # of audio; cuts only
    first_id: str | None = None  # the range of cut ids: corpora whose ranges lie apart share none; cuts only
    last_id: str | None = None
    bytes: int | None = None  # of the file; None: built before there were checksums, or by another tool
    xxh3_128: str | None = None

    @property
    def written(self) -> Written | None:
        """What the file was when it was written, where that is known."""
        return None if self.bytes is None else Written(self.bytes, self.xxh3_128)

    def row(self) -> dict[str, Any]:
        """As written to catalog.json."""
        return asdict(self)


@dataclass(frozen=True)
class Source:
    """What one or more parts are made from."""

    corpus: str
    name: str
    tables: tuple[str, ...]
    folder: Path
    files: dict[str, tuple[Path, ...]]  # table -> its input files
    key: str
    record: Mapping[str, Written] = field(default_factory=dict)  # of labels: what their files were, by name

    def check(self) -> list[str]:
        """Read the files that the parts are made from; what of a corpus was changed by hand, as it seems, in words.

        Raises:
            DamagedError: one is not what was written.
        """
        if self.name == "prepare":
            return check_corpus(self.folder)
        names = {path.name for paths in self.files.values() for path in paths}
        check_files(self.folder, {name: row for name, row in self.record.items() if name in names}, whole=True)
        return []


def corpus_source(folder: Path) -> Source:
    """The parts `cuts` and `rejects` of a prepared corpus."""
    rows = row_files(folder)
    others = [folder / name for name in (REJECTS, CORPUS) if (folder / name).is_file()]
    present = [*rows, *others]
    files = {"cuts": rows, "rejects": tuple(path for path in others if path.name == REJECTS)}
    # Audio paths are found from the folder: a corpus that moved is read again.
    key = _key([str(folder.absolute()), _stat(present)])
    return Source(folder.name, "prepare", ("cuts", "rejects"), folder, files, key)


def pass_source(folder: Path) -> Source:
    """The parts of one labelling pass over one corpus: the shards that its pass.json names.

    Raises:
        MissingFileError: an empty pass.json.
        DamagedError: pass.json, or a file that it names, is not what was written (their sizes, that is).
    """
    facts = read_pass(folder)
    record = recorded(folder, facts)
    seen = {name: row for name, row in record.items() if not (is_remote(folder) and name.endswith(".npy"))}
    check_files(folder, seen, whole=False)
    shards = facts["shards"]
    parts = {table: [f"{table}-{shard}.parquet" for shard in shards] for table in LABEL_TABLES}
    files = {table: tuple(folder / name for name in names if name in record) for table, names in parts.items()}
    inputs = [path for paths in files.values() for path in paths]
    tables = tuple(table for table, paths in files.items() if paths)
    key = _key([shards, _stat(inputs)])
    return Source(folder.name, folder.parent.name, tables, folder, files, key, record)


def write_parts(con: duckdb.DuckDBPyConnection, source: Source, catalog: Path) -> list[Part]:
    """Write every part of `source`, each whole or not at all."""
    if source.name != "prepare":
        return [_write_labels(con, source, table, catalog) for table in source.tables]
    return list(_write_corpus(con, source, catalog))


def _write_corpus(con: duckdb.DuckDBPyConnection, source: Source, catalog: Path) -> tuple[Part, Part]:
    """`cuts` from JSONL without a Python loop, and `rejects`: the recipe's own, and the rows refused here."""
    path = part_path(source, "cuts")
    with atomic_write(catalog / path) as temporary:
        # Nearly every corpus has nothing to refuse: one reading, which stops at the first row that has to be.
        con.execute("SET VARIABLE splits = MAP {}")
        strict = _copy_strictly(con, source, temporary)
        if not strict and map_splits(con, source.corpus, source.files["cuts"]):
            strict = _copy_strictly(con, source, temporary)
        clean = strict and not may_repeat(con, temporary) and not keys_repeat(con, f"read_parquet({quoted(temporary)})")
        if not clean:
            _copy_leniently(con, source, temporary)
        cuts = _part(con, source, "cuts", path, temporary)
    return cuts, _write_rejects(con, source, catalog, refused=not clean)


def _copy_strictly(con: duckdb.DuckDBPyConnection, source: Source, target: Path) -> bool:
    """Write the rows of `cuts`; False if a line is no JSON or breaks the contract."""
    keep = "CASE WHEN problem IS NULL THEN true ELSE error(problem) END"
    query = cuts_query(con, source.corpus, STRICT, folder=source.folder)
    try:
        with lines_of(con, source.files["cuts"]):
            _copy(con, f"SELECT {names('cuts')} FROM ({query}) WHERE {keep}", target)
    except (duckdb.InvalidInputException, UnicodeDecodeError):  # the latter: DuckDB cuts its message inside a letter
        return False
    return True


def map_splits(con: duckdb.DuckDBPyConnection, corpus: str, files: Sequence[Path]) -> bool:
    """Set the variable `splits` to the known names of splits that the rows have beside ours; whether there are any."""
    listed = f"SELECT DISTINCT _split FROM ({cuts_query(con, corpus, LENIENT)}) WHERE _split IS NOT NULL"
    with lines_of(con, files):
        names = [row[0] for row in con.execute(listed).fetchall()]
    known = {name: split for name in names if name not in SPLITS and (split := known_split(name))}
    if known:
        con.execute("SET VARIABLE splits = CAST(? AS MAP(VARCHAR, VARCHAR))", [known])
    return bool(known)


def _copy_leniently(con: duckdb.DuckDBPyConnection, source: Source, target: Path) -> None:
    """Write the rows of `cuts` that keep the contract, of an id that stands for two things the first."""
    rows = cuts_query(con, source.corpus, LENIENT, folder=source.folder)
    good = f"SELECT {names('cuts')} FROM ({rows}) WHERE problem IS NULL"
    with lines_of(con, source.files["cuts"]):
        _copy(con, good, target)
    if find_repeats(con, target, source.files["cuts"], rows):
        with lines_of(con, source.files["cuts"]):
            _copy(con, kept_rows(good), target)


def _write_rejects(con: duckdb.DuckDBPyConnection, source: Source, catalog: Path, *, refused: bool) -> Part:
    """The recipe's rejects, and if rows were `refused` here: no JSON, a broken contract, an id of two things."""
    path = part_path(source, "rejects")
    _read_rejects(con, source)
    body = f"SELECT {names('rejects')} FROM (SELECT * REPLACE (lower(pass) AS pass) FROM known_rejects)"
    if refused:
        facts = "cut_id, getvariable('corpus'), 'catalog', reason, detail"
        body += f" UNION ALL SELECT {facts} FROM ({_refused(con, source)})"
    with lines_of(con, source.files["cuts"] if refused else ()), atomic_write(catalog / path) as temporary:
        _copy(con, typed("rejects", body), temporary)
        return _part(con, source, "rejects", path, temporary)


def _refused(con: duckdb.DuckDBPyConnection, source: Source) -> str:
    """Query of the rows refused: the row's id, or FILE:LINE where it has none that is sure; and what is wrong."""
    place = "file || ':' || number"
    own = f"CASE WHEN problem <> {sql_text(REPEATED)} THEN cut_id END"
    return (
        f"SELECT coalesce({own}, {place}) AS cut_id, 'bad_row' AS reason, "
        f"problem || CASE WHEN {own} IS NULL THEN '' ELSE ' (' || {place} || ')' END AS detail "
        f"FROM ({cuts_query(con, source.corpus, LENIENT)}) WHERE problem IS NOT NULL "
        "UNION ALL SELECT cut_id, 'duplicate_id', detail FROM repeated"
    )


def _read_rejects(con: duckdb.DuckDBPyConnection, source: Source) -> None:
    """The recipe's own rejects as the table `known_rejects`.

    Raises:
        ManifestError: a line of theirs that is no JSON.
    """
    structure = json.dumps(columns("rejects"))
    query = (
        f"SELECT unnest(from_json(line, '{structure}')) FROM (SELECT {TRIMMED} AS line FROM {LINES}) WHERE line <> ''"
    )
    try:
        with lines_of(con, source.files["rejects"]):
            con.execute(f"CREATE OR REPLACE TEMP TABLE known_rejects AS {query}")
    except duckdb.InvalidInputException as error:
        raise ManifestError(
            f"{source.folder / REJECTS} has a line that is no JSON ({short(error)}). Make the corpus again."
        ) from error


def _write_labels(con: duckdb.DuckDBPyConnection, source: Source, table: str, catalog: Path) -> Part:
    """A pass's shards of one table as one part."""
    body = f"SELECT * FROM read_parquet({quoted_list(source.files[table])}, union_by_name = true)"
    path = part_path(source, table)
    go_on = f"Delete it and run `soundwave label` again for {source.corpus}."
    try:
        with reading_parquet(source.files[table], go_on=go_on), atomic_write(catalog / path) as temporary:
            _need_own_pass(con, source, table, body)
            _copy(con, typed(table, body), temporary)
            return _part(con, source, table, path, temporary)
    except duckdb.Error as error:
        raise ManifestError(
            f"{source.folder}: the {table} shards do not fit the table `{table}` of manifests/schema.sql ({error}). "
            f"Run `soundwave label` again for {source.corpus}."
        ) from error


def _need_own_pass(con: duckdb.DuckDBPyConnection, source: Source, table: str, body: str) -> None:
    """Rows name the pass that their folder is of; there is no list of passes, for anybody may add one.

    Raises:
        ManifestError: they name another, which no query that asks for the pass would find.
    """
    if "pass" not in columns(table):
        return
    found = con.execute(
        f"SELECT DISTINCT pass FROM ({body}) WHERE pass <> {sql_text(source.name)} ORDER BY 1"
    ).fetchall()
    if found:
        raise ManifestError(
            f"{source.folder}: rows of {table} name the pass {found[0][0]!r}, expected {source.name!r} as the folder "
            f"does. Rename the folder, or run `soundwave label` again for {source.corpus}."
        )


def cuts_query(
    con: duckdb.DuckDBPyConnection, corpus: str, reading: Mapping[str, str] = STRICT, *, folder: Path | None = None
) -> str:
    """The rows of the relation `lines` as `cuts`, with a column `problem`; sets what the query needs.

    folder: the corpus's, where relative audio paths are looked for; None: they stay as they are.
    """
    con.execute("SET VARIABLE corpus = ?", [corpus])
    define_finding(con, folder)
    define_nearest(con)
    return query_text("cuts", **reading, **_pieces())


def _pieces() -> dict[str, str]:
    """What cuts.sql leaves to the columns of schema.sql."""
    return {
        "lines": LINES,
        "trimmed": TRIMMED,
        "spoken": spoken(),
        "not_json": sql_text(not_json("")) + f" || left(manifest, {HEAD})",
        "no_object": no_object_said(),
        "repeats": sql_text(REPEATED),
        "structure": structure(),
        "given": given(),
        "values": values(),
        "problems": problems(),
        "slack": str(SLACK),
    }


def _part(con: duckdb.DuckDBPyConnection, source: Source, table: str, path: str, written: Path) -> Part:
    """What is to be said of a part as written."""
    rows, digest = rows_digest(con, table, written)
    facts: tuple[Any, ...] = (0.0, None, None)
    if table == "cuts":
        select = "SELECT coalesce(sum(duration), 0) / 3600, min(cut_id), max(cut_id)"
        facts = con.execute(f"{select} FROM read_parquet({quoted(written)})").fetchall()[0]
    size, checksum = written_now(written)
    part = Part(table, source.corpus, source.name, path, rows, source.key, digest, *facts)
    return replace(part, bytes=size, xxh3_128=checksum)


def rows_digest(con: duckdb.DuckDBPyConnection, table: str, path: Path) -> tuple[int, str]:
    """Number and digest of a part's rows: the sum over them of 64 bits of MD5, so that their order does not matter."""
    text = "manifest" if table == "cuts" else "CAST(t AS VARCHAR)"
    # As md5_number_lower, which takes a third longer.
    digest = f"coalesce(sum(CAST(md5_number({text}) >> 64 AS UBIGINT)), 0)"
    row = con.execute(f"SELECT count(*), {digest} FROM read_parquet({quoted(path)}) t").fetchall()[0]
    return int(row[0]), fingerprint(table, str(row[0]), str(row[1]))


def part_path(source: Source, table: str) -> str:
    """Where a part lies: its inputs' key is in the name, so a new part never writes over one that is being read."""
    name = table if source.name == "prepare" and table == "cuts" else source.name
    return f"{table}/{source.corpus}/{name}-{source.key[:16]}.parquet"


def _copy(con: duckdb.DuckDBPyConnection, select: str, target: Path) -> None:
    """Write rows as Parquet.

    Raises:
        InputError: an input cannot be read to its end. A disk that is full is for `atomic_write` to tell.
    """
    try:
        con.execute(f"COPY ({select}) TO {quoted(target)} ({LAYOUT})")
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        if fault_number(error) is not None:
            raise
        raise InputError(f"{target.parent}: a part could not be written, the old catalog stays. {error}") from error


def _stat(paths: Sequence[Path]) -> list[list[Any]]:
    return [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in paths]


def _key(inputs: Any) -> str:
    return fingerprint(_code(), inputs)


def _code() -> str:
    """What a change of makes every part stale: the SQL that reads rows, the tables' columns, how rows are digested."""
    return fingerprint(
        "digest: count and sum of 64 bits of MD5",
        [query_text("cuts", **LENIENT, **_pieces())],
        [columns(table) for table in ("cuts", *LABEL_TABLES)],
    )


def query_text(name: str, **values: str) -> str:
    """A query of curation/catalog/sql with these of its $placeholders filled in."""
    return Template((SQL / f"{name}.sql").read_text(encoding="utf-8")).safe_substitute(values)
