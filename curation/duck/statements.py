"""What a statement does, as DuckDB's own parser sees it: other people's SQL may read, and no more.

DuckDB calls more a SELECT than reads: `WITH a AS (COPY ... TO 'file') FROM a` writes a file. So the parsed tree is
looked at: its queries are SELECTs throughout, its table functions are known ones or the catalog's, and none of its
functions changes or reads the state of the connection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb

from curation.duck.messages import short
from manifests.errors import QueryError

QUERIES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
# Table functions of DuckDB that neither read files nor change anything. Those of the catalog (macros) come on top.
TABLES = {
    *("range", "generate_series", "repeat", "repeat_row", "unnest", "summary", "histogram", "histogram_values"),
    *("json_each", "json_tree", "pragma_show", "pragma_table_info", "pragma_version", "pragma_collations"),
    *("duckdb_columns", "duckdb_constraints", "duckdb_databases", "duckdb_functions", "duckdb_indexes"),
    *("duckdb_keywords", "duckdb_schemas", "duckdb_sequences", "duckdb_tables", "duckdb_types", "duckdb_views"),
    *("icu_calendar_names", "pg_timezone_names", "duckdb_extensions", "duckdb_memory", "duckdb_optimizers"),
}
# Functions that change something outside their row, wait, or tell of the machine.
REFUSED = {
    *("nextval", "currval", "setval", "setseed", "write_log", "sleep_ms", "pg_sleep", "getenv", "current_setting"),
    *("json_serialize_plan", "json_execute_serialized_sql"),
}
_GAP = r"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)"
_EXPLAIN = re.compile(
    rf"\A{_GAP}*EXPLAIN\b{_GAP}*(?P<how>(?:ANALYZE\b|VERBOSE\b|\(\s*(?:ANALYZE|FORMAT|VERBOSE)\b[\s\w,]*\)|{_GAP})*)"
    r"(?P<query>.*)\Z",
    re.IGNORECASE | re.DOTALL,
)
_TREE = """
SELECT
  json_extract_string(tree, '$..type'),
  json_extract_string(tree, '$..function.function_name'),
  json_extract_string(tree, '$..function_name'),
  json_extract_string(tree, '$.error_message')
FROM (SELECT json_serialize_sql(?) AS tree)
"""
_MACROS = "SELECT function_name FROM duckdb_functions() WHERE NOT internal AND function_type = 'table_macro'"


def one_select(con: duckdb.DuckDBPyConnection, sql: str, *, where: str, explain: bool = False) -> str:
    """`sql` without its final semicolon, if it is exactly one statement that only reads.

    With `explain` also an EXPLAIN or EXPLAIN ANALYZE of one: what is returned is put together from its checked parts.

    Raises:
        QueryError: it does not parse, or does anything but read the catalog.
    """
    query, kind = _one_statement(con, sql, where=where)
    if kind == "EXPLAIN" and explain:
        match = _EXPLAIN.match(query)
        inner = match["query"] if match else ""
        checked = one_select(con, inner, where=f"{where}, in EXPLAIN")
        return f"EXPLAIN {match['how'] if match else ''}\n{checked}"
    if kind != "SELECT":
        hint = "; PIVOT needs the values of its columns: IN (...)" if kind == "MULTI" else ""
        raise QueryError(f"{where}: found {kind}, expected one SELECT ({_ONLY}{hint}).")
    for found in _beyond_reading(con, query):
        raise QueryError(f"{where}: found {found}, expected a SELECT that only reads ({_ONLY}).")
    return query


_ONLY = "a query may read the catalog, never change it"


def one_condition(con: duckdb.DuckDBPyConnection, sql: str, *, where: str) -> str:
    """`sql` in parentheses, if it is one expression that only reads.

    Raises:
        QueryError: it is none.
    """
    # What closes a parenthesis that it did not open does not fit into brackets.
    for text in (f"SELECT [\n{sql}\n]", f"SELECT (\n{sql}\n)", f"SELECT\n{sql}\nAS condition"):
        one_select(con, text, where=where)
    return f"(\n{sql}\n)"


def _one_statement(con: duckdb.DuckDBPyConnection, sql: str, *, where: str) -> tuple[str, str]:
    """A statement without its semicolon, and what DuckDB calls it."""
    try:
        sql.encode("utf-8")
        statements = con.extract_statements(sql)
        kinds = [str(statement.type).rpartition(".")[2] for statement in statements]
    except UnicodeEncodeError as error:
        raise QueryError(f"{where}: the SQL is not UTF-8 (character {error.start + 1}).") from error
    except duckdb.Error as error:
        raise QueryError(f"{where}: the SQL does not parse. {short(error)}") from error
    except ValueError as error:  # a kind of statement that DuckDB's Python has no name for
        raise QueryError(f"{where}: found a statement of another kind, expected one SELECT ({_ONLY}).") from error
    if len(kinds) != 1:
        found = ", ".join(kinds) or "nothing"
        raise QueryError(f"{where}: found {found}, expected one SELECT ({_ONLY}).")
    return re.sub(r";\s*\Z", "", statements[0].query.strip()), kinds[0]


def _beyond_reading(con: duckdb.DuckDBPyConnection, query: str) -> Iterator[str]:
    """What in a SELECT does more than read the catalog, in words; nothing, if all is well."""
    try:
        row = con.execute(_TREE, [query]).fetchall()[0]
    except duckdb.Error as error:
        yield f"what DuckDB cannot write down ({short(error)})"
        return
    kinds, tables, functions = (set(names or []) for names in row[:3])
    if row[3] is not None or not kinds:
        yield f"what DuckDB cannot write down ({row[3] or 'nothing'})"
    for kind in sorted(kind for kind in kinds if kind.endswith("_NODE") and kind not in QUERIES):
        yield kind.removesuffix("_NODE").removesuffix("_QUERY")
    unknown = {name.lower() for name in tables} - TABLES
    if unknown:
        unknown -= {name for (name,) in con.execute(_MACROS).fetchall()}
    for name in sorted(unknown | {name.lower() for name in functions} & REFUSED):
        yield f"the function {name}"
