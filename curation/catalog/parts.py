"""One Parquet part of the catalog at a time: a corpus's JSONL, or a labelling pass's shards, compacted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template
from typing import Any

import duckdb

from curation.catalog.columns import empty, given, json_columns, names, problems, structure, typed, values
from curation.catalog.repeats import find_repeats, kept_rows, may_repeat
from curation.duck import quoted, quoted_list
from manifests.errors import InputError, ManifestError
from manifests.files import atomic_write, read_json
from manifests.fingerprint import fingerprint
from manifests.rows import CORPUS, CUTS, PASS_FILE, REJECTS, TEXTS
from manifests.schema import columns
from manifests.splits import SPLITS, known_split
from manifests.units import SLACK

LENIENT = "ignore_errors = true"  # a line that is no JSON counts as NULL
STRICT = "ignore_errors = false"  # a line that is no JSON ends the query
SQL = Path(__file__).with_name("sql")
ROWS = (CUTS, TEXTS, CUTS.removesuffix(".gz"), TEXTS.removesuffix(".gz"))
LABEL_TABLES = ("words", "labels", "rejects", "features")
LAYOUT = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 122880"  # level 1: half the time of 3


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


def corpus_source(folder: Path) -> Source:
    """The parts `cuts` and `rejects` of a prepared corpus."""
    names = (*ROWS, REJECTS, CORPUS)
    present = [folder / name for name in names if (folder / name).is_file()]
    files = {
        "cuts": tuple(path for path in present if path.name in ROWS),
        "rejects": tuple(path for path in present if path.name == REJECTS),
    }
    return Source(folder.name, "prepare", ("cuts", "rejects"), folder, files, _key(_stat(present)))


def pass_source(folder: Path) -> Source:
    """The parts of one labelling pass over one corpus: the shards that its pass.json names.

    Raises:
        ManifestError: pass.json without a list of shards.
    """
    facts = read_json(folder / PASS_FILE)
    shards = facts.get("shards") if isinstance(facts, dict) else None
    if not isinstance(shards, list):
        raise ManifestError(f"{folder / PASS_FILE} has no list `shards`. Run `soundwave label` again.")
    files = {
        table: tuple(path for path in (folder / f"{table}-{shard}.parquet" for shard in shards) if path.is_file())
        for table in LABEL_TABLES
    }
    inputs = [path for paths in files.values() for path in paths]
    tables = tuple(table for table, paths in files.items() if paths)
    return Source(folder.name, folder.parent.name, tables, folder, files, _key([shards, _stat(inputs)]))


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
        if not strict and _map_splits(con, source):
            strict = _copy_strictly(con, source, temporary)
        clean = strict and not may_repeat(con, temporary)
        if not clean:
            _copy_leniently(con, source, temporary)
        cuts = _part(con, source, "cuts", path, temporary)
    return cuts, _write_rejects(con, source, catalog, refused=not clean and cuts.rows < _lines(con, source))


def _copy_strictly(con: duckdb.DuckDBPyConnection, source: Source, target: Path) -> bool:
    """Write the rows of `cuts`; False if a line is no JSON or breaks the contract."""
    keep = "CASE WHEN problem IS NULL THEN true ELSE error(problem) END"
    try:
        _copy(con, f"SELECT {names('cuts')} FROM ({_query(con, source, STRICT)}) WHERE {keep}", target)
    except duckdb.InvalidInputException:
        return False
    return True


def _map_splits(con: duckdb.DuckDBPyConnection, source: Source) -> bool:
    """Set the variable `splits` to the known names of splits that the rows have beside ours; whether there are any."""
    listed = f"SELECT DISTINCT _split FROM ({_query(con, source, LENIENT)}) WHERE _split IS NOT NULL"
    names = [row[0] for row in con.execute(listed).fetchall()]
    known = {name: split for name in names if name not in SPLITS and (split := known_split(name))}
    if known:
        con.execute("SET VARIABLE splits = CAST(? AS MAP(VARCHAR, VARCHAR))", [known])
    return bool(known)


def _copy_leniently(con: duckdb.DuckDBPyConnection, source: Source, target: Path) -> None:
    """Write the rows of `cuts` that keep the contract, of an id that stands for two things the first."""
    good = f"SELECT {names('cuts')} FROM ({_query(con, source, LENIENT)}) WHERE problem IS NULL"
    _copy(con, good, target)
    if find_repeats(con, target, source.files["cuts"]):
        _copy(con, kept_rows(good), target)


def _write_rejects(con: duckdb.DuckDBPyConnection, source: Source, catalog: Path, *, refused: bool) -> Part:
    """The recipe's rejects, and if lines were `refused` here: no JSON, a broken contract, an id of two things."""
    query = _query(con, source, LENIENT)
    pieces = [
        f"SELECT cut_id, 'bad_row', detail FROM ({query_text('broken', files=quoted_list(source.files['cuts']))})",
        "SELECT cut_id, 'duplicate_id', detail FROM repeated",
        f"SELECT coalesce(cut_id, left(manifest, 80)), 'bad_row', problem FROM ({query}) WHERE problem IS NOT NULL",
    ]
    known = empty("rejects")
    if source.files["rejects"]:
        files = quoted_list(source.files["rejects"])
        known = (
            f"SELECT {names('rejects')} FROM "
            f"read_json({files}, format = 'newline_delimited', columns = {json_columns('rejects')})"
        )
    body = known
    if refused:
        body += "".join(
            " UNION ALL SELECT cut_id, getvariable('corpus'), 'catalog', reason, detail "
            f"FROM ({piece}) p(cut_id, reason, detail)"
            for piece in pieces
        )
    path = part_path(source, "rejects")
    with atomic_write(catalog / path) as temporary:
        _copy(con, typed("rejects", body), temporary)
        return _part(con, source, "rejects", path, temporary)


def _write_labels(con: duckdb.DuckDBPyConnection, source: Source, table: str, catalog: Path) -> Part:
    """A pass's shards of one table as one part."""
    body = f"SELECT * FROM read_parquet({quoted_list(source.files[table])}, union_by_name = true)"
    path = part_path(source, table)
    try:
        with atomic_write(catalog / path) as temporary:
            _copy(con, typed(table, body), temporary)
            return _part(con, source, table, path, temporary)
    except duckdb.Error as error:
        raise ManifestError(
            f"{source.folder}: the {table} shards do not fit the table `{table}` of manifests/schema.sql ({error}). "
            f"Run `soundwave label` again for {source.corpus}."
        ) from error


def _query(con: duckdb.DuckDBPyConnection, source: Source, reading: str) -> str:
    return cuts_query(con, source.corpus, source.files["cuts"], reading)


def _lines(con: duckdb.DuckDBPyConnection, source: Source) -> int:
    """Lines of a corpus's JSONL files, broken ones included."""
    if not source.files["cuts"]:
        return 0
    counted = f"SELECT count(*) FROM read_ndjson_objects({quoted_list(source.files['cuts'])}, {LENIENT})"
    return int(con.execute(counted).fetchall()[0][0])


def cuts_query(con: duckdb.DuckDBPyConnection, corpus: str, files: Sequence[Path], reading: str = STRICT) -> str:
    """The rows of JSONL files as `cuts`, with a column `problem`; sets the variable `corpus` that the query reads."""
    con.execute("SET VARIABLE corpus = ?", [corpus])
    if files:
        return query_text("cuts", files=quoted_list(files), reading=reading, **_pieces())
    return f"SELECT *, CAST(NULL AS VARCHAR) AS problem FROM ({empty('cuts')})"


def _pieces() -> dict[str, str]:
    """What cuts.sql leaves to the columns of schema.sql."""
    return {
        "structure": structure(),
        "given": given(),
        "values": values(),
        "problems": problems(),
        "slack": str(SLACK),
    }


def _part(con: duckdb.DuckDBPyConnection, source: Source, table: str, path: str, written: Path) -> Part:
    """Count and digest a part as written: the sum over rows of 64 bits of MD5, so that their order does not matter."""
    text = "manifest" if table == "cuts" else "CAST(t AS VARCHAR)"
    facts = "coalesce(sum(duration), 0) / 3600, min(cut_id), max(cut_id)" if table == "cuts" else "0.0, NULL, NULL"
    row = con.execute(
        f"SELECT count(*), coalesce(sum(md5_number_lower({text})), 0), {facts} FROM read_parquet({quoted(written)}) t"
    ).fetchall()[0]
    digest = fingerprint(table, str(row[0]), str(row[1]))
    return Part(table, source.corpus, source.name, path, int(row[0]), source.key, digest, float(row[2]), row[3], row[4])


def part_path(source: Source, table: str) -> str:
    """Where a part lies: its inputs' key is in the name, so a new part never writes over one that is being read."""
    name = table if source.name == "prepare" and table == "cuts" else source.name
    return f"{table}/{source.corpus}/{name}-{source.key[:16]}.parquet"


def _copy(con: duckdb.DuckDBPyConnection, select: str, target: Path) -> None:
    """Write rows as Parquet.

    Raises:
        InputError: the disk is full or an input cannot be read to its end.
    """
    try:
        con.execute(f"COPY ({select}) TO {quoted(target)} ({LAYOUT})")
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise InputError(f"{target.parent}: a part could not be written, the old catalog stays. {error}") from error


def _stat(paths: Sequence[Path]) -> list[list[Any]]:
    return [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in paths]


def _key(inputs: Any) -> str:
    return fingerprint(_code(), inputs)


def _code() -> str:
    """What a change of makes every part stale: the SQL that reads rows, the tables' columns, how rows are digested."""
    return fingerprint(
        "digest: count and sum of 64 bits of MD5",
        [query_text("cuts", **_pieces()), query_text("broken")],
        [columns(table) for table in ("cuts", *LABEL_TABLES)],
    )


def query_text(name: str, **values: str) -> str:
    """A query of curation/catalog/sql with these of its $placeholders filled in."""
    return Template((SQL / f"{name}.sql").read_text(encoding="utf-8")).safe_substitute(values)
