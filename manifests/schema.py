"""The catalog's tables as Arrow schemas, read from schema.sql (the one place that says what a row is)."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_SQL = Path(__file__).with_name("schema.sql")
TABLES = ("cuts", "words", "labels", "rejects", "features", "plans", "runs", "ledger")

_TABLE = re.compile(r"CREATE TABLE (\w+) \((.*?)\n\);", re.DOTALL)
_COLUMN = re.compile(r'^\s*"?(\w+)"?\s+([A-Z]+(?:\[\])?)(\s+NOT NULL)?')


def columns(table: str) -> dict[str, str]:
    """Column name -> SQL type of one table, in order."""
    return {name: kind for name, kind, _ in _parse()[table]}


@cache
def arrow_schema(table: str) -> pa.Schema:
    """The table's Arrow schema."""
    import pyarrow as pa

    kinds = {
        "VARCHAR": pa.string(),
        "VARCHAR[]": pa.list_(pa.string()),
        "DOUBLE": pa.float64(),
        "INTEGER": pa.int32(),
        "BIGINT": pa.int64(),
    }
    return pa.schema([pa.field(name, kinds[kind], nullable=nullable) for name, kind, nullable in _parse()[table]])


@cache
def _parse() -> dict[str, list[tuple[str, str, bool]]]:
    tables: dict[str, list[tuple[str, str, bool]]] = {}
    for table, body in _TABLE.findall(SCHEMA_SQL.read_text(encoding="utf-8")):
        lines = (_COLUMN.match(line) for line in body.splitlines())
        tables[table] = [(m[1], m[2], m[3] is None) for m in lines if m]
    return tables
