"""The one door to DuckDB: a connection, SQL literals, the lock that holds other people's SQL, and rows out."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import duckdb

from manifests.errors import ManifestError, QueryError, reading

if TYPE_CHECKING:
    import pyarrow as pa

MEMORY = "4GB"  # beyond it DuckDB spills to disk; with Python and Arrow the process stays under 6 GB


def open_memory(threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """An in-memory database that spills into the temporary folder and never reads Python variables as tables."""
    con = duckdb.connect(config={"python_enable_replacements": "false"})
    spill = Path(tempfile.gettempdir()) / f"soundwave-duckdb-{os.getpid()}"
    con.execute(f"SET temp_directory = {quoted(spill)}")
    con.execute(f"SET memory_limit = '{MEMORY}'")
    con.execute("SET enable_progress_bar = false")
    if threads is not None:
        con.execute(f"SET threads = {int(threads)}")
    return con


def sql_text(value: str) -> str:
    """`value` as a SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def quoted(path: Path | str) -> str:
    """A path as a SQL string literal."""
    return sql_text(str(path))


def quoted_list(paths: Sequence[Path]) -> str:
    """Paths as a SQL list."""
    return "[" + ", ".join(quoted(path) for path in paths) + "]"


def lock_down(con: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> None:
    """From here on the connection reads `paths` and nothing else: no files, network, extensions or settings."""
    con.execute(f"SET allowed_paths = {quoted_list(paths)}")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")


def one_select(con: duckdb.DuckDBPyConnection, sql: str, *, where: str, explain: bool = False) -> str:
    """`sql` without its final semicolon, if it is exactly one statement that only reads.

    Raises:
        QueryError: it does not parse, or is anything but one SELECT.
    """
    try:
        statements = con.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryError(f"{where}: the SQL does not parse. {short(error)}") from error
    kinds = [statement.type for statement in statements]
    allowed = {duckdb.StatementType.SELECT} | ({duckdb.StatementType.EXPLAIN} if explain else set())
    if len(kinds) != 1 or kinds[0] not in allowed:
        found = ", ".join(str(kind).rpartition(".")[2] for kind in kinds) or "nothing"
        raise QueryError(
            f"{where}: found {found}, expected one SELECT (a query may read the catalog, never change it)."
        )
    return re.sub(r";\s*\Z", "", statements[0].query.strip())


def run_select(con: duckdb.DuckDBPyConnection, sql: str, *, where: str) -> duckdb.DuckDBPyConnection:
    """Run one SELECT on a locked connection.

    Raises:
        QueryError: it is not one SELECT, or does not run.
    """
    query = one_select(con, sql, where=where, explain=True)
    try:
        return con.execute(query)
    except duckdb.Error as error:
        raise QueryError(f"{where}: {short(error)}") from error


def arrow_table(con: duckdb.DuckDBPyConnection, sql: str, *, where: str) -> pa.Table:
    """The rows of one SELECT as Arrow.

    Raises:
        QueryError: it is not one SELECT, or does not run.
    """
    query = one_select(con, sql, where=where)
    try:
        return con.sql(query).to_arrow_table()
    except duckdb.Error as error:
        raise QueryError(f"{where}: {short(error)}") from error


def records(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Rows of a result as dictionaries."""
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def first(con: duckdb.DuckDBPyConnection, sql: str, parameters: Any = None) -> tuple[Any, ...] | None:
    """The first row of a query, or None. The whole result is read: a half-read one would block the connection."""
    rows = con.execute(sql, parameters).fetchall()
    return rows[0] if rows else None


def short(error: Exception) -> str:
    """DuckDB's message without its stack."""
    return str(error).strip().partition("\n\nStack")[0]


# Damaged files


@contextmanager
def reading_parquet(files: Sequence[Path], *, go_on: str) -> Iterator[None]:
    """In this block queries read Parquet `files`. Errors that come of a damaged one name it and say how to go on.

    DuckDB's own errors name neither the file nor what is wrong with it ("don't know what type", a UnicodeDecodeError),
    and are those of a wrong query too. So when there is an error, each file is read whole, and the first that cannot be
    is named; if all can be, the error stays as it is.

    Raises:
        ManifestError: one of the files is damaged.
    """
    try:
        yield
    except (duckdb.Error, UnicodeDecodeError) as error:
        refuse_damaged(files, go_on=go_on, cause=error)
        raise
    except QueryError as error:
        if isinstance(error.__cause__, _OF_FILES):
            refuse_damaged(files, go_on=go_on, cause=error)
        raise


# Errors of queries that may come of a file; a wrong query is mostly an error of another class.
_OF_FILES = (
    duckdb.IOException,
    duckdb.InvalidInputException,
    duckdb.SerializationException,
    duckdb.InternalException,
    duckdb.FatalException,
    duckdb.OutOfMemoryException,
    UnicodeDecodeError,
)


def refuse_damaged(files: Sequence[Path], *, go_on: str, cause: Exception) -> None:
    """Read Parquet files whole, one by one.

    Raises:
        ManifestError: one cannot be read.
    """
    for path in files:
        if hasattr(path, "fs") or not path.is_file():  # an object store answers with errors of its own
            continue
        try:
            with reading(path, "a Parquet file", go_on=go_on), open_memory(threads=1) as con:
                con.execute(f"SELECT sum(hash(t)) FROM read_parquet({quoted(path)}) t").fetchall()
                text = f"SELECT * FROM read_parquet({quoted(path)})"
                for _ in con.sql(text).to_arrow_reader(10_000):
                    pass
        except ManifestError as error:
            raise error from cause


class Opened:
    """A connection that names the damaged file when it is used in a `with` block; else it is the connection."""

    def __init__(self, con: duckdb.DuckDBPyConnection, files: Sequence[Path], go_on: str) -> None:
        self._con = con
        self._guard = reading_parquet(files, go_on=go_on)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._con, name)

    def __enter__(self) -> duckdb.DuckDBPyConnection:
        self._guard.__enter__()
        return self._con

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._con.close()
        return self._guard.__exit__(kind, error, trace)
