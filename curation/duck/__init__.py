"""The one door to DuckDB: a connection, SQL literals, the lock that holds other people's SQL, and rows out.

messages     what DuckDB says, as we say it on
files        files that a locked connection can read and never write
spill        where data goes that does not fit into memory
statements   what a statement does, as the parser sees it
limits       how long a statement may run, and how much memory it may take
damaged      Parquet files that cannot be read: which one
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import duckdb

from curation.duck.damaged import Opened as Opened
from curation.duck.damaged import reading_parquet as reading_parquet
from curation.duck.files import ReadOnlyFiles as ReadOnlyFiles
from curation.duck.limits import BEYOND_LIMITS as BEYOND_LIMITS
from curation.duck.limits import Limits as Limits
from curation.duck.limits import limited as limited
from curation.duck.limits import memory_bytes as memory_bytes
from curation.duck.messages import short as short
from curation.duck.spill import spill_folder as spill_folder
from curation.duck.statements import one_condition as one_condition
from curation.duck.statements import one_select as one_select
from manifests.errors import QueryError

Listed: TypeAlias = Callable[[Sequence[Path]], str]
"""Paths as a SQL list of the names by which a connection reads them."""


def open_memory(threads: int | None = None, limits: Limits | None = None) -> duckdb.DuckDBPyConnection:
    """An in-memory database that spills into the temporary folder and never reads Python variables as tables.

    Args:
        threads: all cores by default.
        limits: of its memory, and, where they are given, of what it spills. (Of time: see `limited`.)
    """
    con = duckdb.connect(config={"python_enable_replacements": "false"})
    con.execute(f"SET temp_directory = {quoted(spill_folder())}")
    con.execute(f"SET memory_limit = '{(limits or Limits()).memory}B'")
    if limits is not None:
        con.execute(f"SET max_temp_directory_size = '{limits.spill}B'")
    with contextlib.suppress(duckdb.InvalidInputException):  # in Jupyter without ipywidgets, where there is no bar
        con.execute("SET enable_progress_bar = false")
    if threads is not None:
        con.execute(f"SET threads = {int(threads)}")
    return con


def read_only_files(con: duckdb.DuckDBPyConnection) -> tuple[ReadOnlyFiles, Listed]:
    """A file system without writing for a connection that is to be locked, and how SQL lists its files."""
    files = ReadOnlyFiles()
    con.register_filesystem(files)
    return files, lambda paths: "[" + ", ".join(sql_text(files.name(path)) for path in paths) + "]"


def sql_text(value: str) -> str:
    """`value` as a SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def quoted(path: Path | str) -> str:
    """A path as a SQL string literal."""
    return sql_text(str(path))


def quoted_list(paths: Sequence[Path]) -> str:
    """Paths as a SQL list."""
    return "[" + ", ".join(quoted(path) for path in paths) + "]"


def lock_down(con: duckdb.DuckDBPyConnection, files: ReadOnlyFiles | None = None) -> None:
    """From here on the connection reads `files` and nothing else: no other files, network, extensions or settings."""
    allowed = files.names() if files is not None else []
    con.execute(f"SET allowed_paths = [{', '.join(map(sql_text, allowed))}]")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")


def run_select(con: duckdb.DuckDBPyConnection, sql: str, *, where: str) -> duckdb.DuckDBPyConnection:
    """Run one SELECT, or the EXPLAIN of one, on a locked connection.

    Raises:
        QueryError: it is not one SELECT, or does not run.
    """
    query = one_select(con, sql, where=where, explain=True)
    try:
        return con.execute(query)
    except BEYOND_LIMITS:
        raise  # `limited` says which
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
