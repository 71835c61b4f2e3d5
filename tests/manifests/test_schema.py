from __future__ import annotations

import duckdb
import pytest

from manifests.schema import SCHEMA_SQL, TABLES, arrow_schema, columns


@pytest.mark.parametrize("table", TABLES)
def test_arrow_and_duckdb_read_the_same_schema(table: str) -> None:
    con = duckdb.connect()
    con.execute(SCHEMA_SQL.read_text())
    described = {name: kind for name, kind, *_ in con.execute(f"DESCRIBE {table}").fetchall()}
    assert columns(table) == described
    assert arrow_schema(table).names == list(described)


@pytest.mark.parametrize("table", TABLES)
def test_not_null_is_kept(table: str) -> None:
    con = duckdb.connect()
    con.execute(SCHEMA_SQL.read_text())
    nullable = {row[0]: row[2] == "YES" for row in con.execute(f"DESCRIBE {table}").fetchall()}
    assert {field.name: field.nullable for field in arrow_schema(table)} == nullable


def test_every_table_and_every_column_has_a_word_of_explanation_or_a_plain_name() -> None:
    text = SCHEMA_SQL.read_text()
    assert text.count("CREATE TABLE") == len(TABLES)
    for block in text.split("\n\n")[1:]:
        assert block.lstrip().startswith("--"), block.splitlines()[0]
