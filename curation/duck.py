"""The one door to DuckDB: a connection, SQL literals, the lock that holds other people's SQL, and rows out."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from manifests.errors import QueryError

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
