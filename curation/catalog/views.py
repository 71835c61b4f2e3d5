"""A DuckDB connection over Parquet parts: views, macros, and the lock that keeps other people's SQL in its place."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import manifests
from curation.catalog.parts import SQL, quoted
from manifests.errors import ManifestError, QueryError
from manifests.schema import columns

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

PAPER = Path(manifests.__file__).with_name("paper")
ONTOLOGY = Path(__file__).parents[1] / "audits" / "audioset.csv"
MEMORY = "4GB"  # beyond it DuckDB spills to disk; with Python and Arrow the process stays under 6 GB


def open_memory(threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """An in-memory database that spills into the temporary folder and never reads Python variables as tables."""
    import duckdb

    con = duckdb.connect(config={"python_enable_replacements": "false"})
    spill = Path(tempfile.gettempdir()) / f"soundwave-duckdb-{os.getpid()}"
    con.execute(f"SET temp_directory = {quoted(spill)}")
    con.execute(f"SET memory_limit = '{MEMORY}'")
    con.execute("SET enable_progress_bar = false")
    if threads is not None:
        con.execute(f"SET threads = {int(threads)}")
    return con


def create_views(
    con: duckdb.DuckDBPyConnection, files: Mapping[str, Sequence[Path]], plans: Sequence[Path] = ()
) -> None:
    """A view per catalog table (empty ones keep their columns), `plans`, and the views and macros of curation/sql.

    Beside them the tables `ontology` (names of AudioSet's ontology) and those of the paper.

    Raises:
        ManifestError: a table without a column of this version's.
    """
    import duckdb

    for table, paths in files.items():
        try:
            con.execute(f"CREATE VIEW {table} AS {_read(table, paths)}")
        except duckdb.BinderException as error:
            said = short(error).partition("\n")[0]
            raise ManifestError(
                f"{paths[0].parents[2]} was built by another version: its table `{table}` lacks a column ({said}). "
                "Run `soundwave catalog build` again."
            ) from error
    con.execute(f"CREATE VIEW plans AS {_read_plans(plans)}")
    create_paper(con)
    con.execute(
        f"CREATE TABLE ontology AS FROM read_csv({quoted(ONTOLOGY)}, header = true, columns = {{'name': 'VARCHAR'}})"
    )
    for name in ("views", "macros"):
        con.execute((SQL / f"{name}.sql").read_text(encoding="utf-8"))


def create_paper(con: duckdb.DuckDBPyConnection) -> None:
    """The paper's tables as `paper.stage_1`, ...: copied into memory, so that a locked connection has them."""
    con.execute("CREATE SCHEMA paper")
    for path in sorted(PAPER.glob("*.csv")):
        con.execute(f"CREATE TABLE paper.{path.stem} AS FROM read_csv({quoted(path)}, header = true)")


def lock_down(con: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> None:
    """From here on the connection reads `paths` and nothing else: no files, network, extensions or settings."""
    allowed = ", ".join(quoted(path) for path in paths)
    con.execute(f"SET allowed_paths = [{allowed}]")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")


def one_select(con: duckdb.DuckDBPyConnection, sql: str, *, where: str, explain: bool = False) -> str:
    """`sql` without its final semicolon, if it is exactly one statement that only reads.

    Raises:
        QueryError: it does not parse, or is anything but one SELECT.
    """
    import duckdb

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
    import duckdb

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
    import duckdb

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


def _read(table: str, paths: Sequence[Path]) -> str:
    if not paths:
        return _empty(table)
    names = ", ".join(f'"{name}"' for name in columns(table))
    return f"SELECT {names} FROM read_parquet([{', '.join(quoted(path) for path in paths)}], union_by_name = true)"


def _read_plans(paths: Sequence[Path]) -> str:
    if not paths:
        return f"SELECT CAST(NULL AS VARCHAR) AS plan, * FROM ({_empty('plans')})"
    names = ", ".join(f'"{name}"' for name in columns("plans"))
    return (
        f"SELECT parse_path(filename)[-2] AS plan, {names} "
        f"FROM read_parquet([{', '.join(quoted(path) for path in paths)}], filename = true)"
    )


def _empty(table: str) -> str:
    nulls = ", ".join(f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in columns(table).items())
    return f"SELECT {nulls} WHERE false"
