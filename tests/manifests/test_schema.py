from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from manifests import schema
from manifests.errors import ManifestError
from manifests.schema import SCHEMA_SQL, TABLES, allowed, arrow_schema, columns, markdown, table


@pytest.mark.parametrize("name", TABLES)
def test_arrow_and_duckdb_read_the_same_schema(name: str) -> None:
    con = duckdb.connect()
    con.execute(SCHEMA_SQL.read_text())
    described = {name: kind for name, kind, *_ in con.execute(f"DESCRIBE {name}").fetchall()}
    assert columns(name) == described
    assert arrow_schema(name).names == list(described)


@pytest.mark.parametrize("name", TABLES)
def test_not_null_is_kept(name: str) -> None:
    con = duckdb.connect()
    con.execute(SCHEMA_SQL.read_text())
    nullable = {row[0]: row[2] == "YES" for row in con.execute(f"DESCRIBE {name}").fetchall()}
    assert {field.name: field.nullable for field in arrow_schema(name)} == nullable


@pytest.mark.parametrize("name", TABLES)
def test_every_table_and_every_column_is_explained(name: str) -> None:
    assert table(name).comment.startswith("One row per")
    assert [column.name for column in table(name).columns if not column.comment] == []


def test_the_schema_holds_these_tables_and_no_others() -> None:
    assert SCHEMA_SQL.read_text().count("CREATE TABLE") == len(TABLES)


def test_the_page_of_columns_is_up_to_date() -> None:
    page = SCHEMA_SQL.parents[1] / "docs" / "schema.md"
    assert page.read_text() == markdown(), "run `python -m manifests.schema > docs/schema.md`"


def test_what_a_value_may_be_is_read_from_its_check() -> None:
    assert allowed("cuts", "split") == ("train", "dev", "test")
    known = {column.name: column for column in table("cuts").columns}
    assert (known["start"].bound, known["duration"].bound, known["duration"].unit) == (">= 0", "> 0", "seconds")
    assert known["source_path"].places[0].steps == ("recording", "sources", 0, "source")
    assert [place.needed for place in known["text"].places] == [False, True]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x DECIMAL,  -- a number", "cuts.x is DECIMAL, expected one of VARCHAR"),
        ("x DOUBLE,  -- [somewhere.x] a number", "cuts.x is read from 'somewhere.x'"),
        ("x == 1", "a line of cuts is no column: x == 1"),
        ("x DOUBLE,  -- [cut.x] a number\n  CHECK (x BETWEEN 0 AND 1),", "a CHECK of cuts is neither"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    other = tmp_path / "schema.sql"
    other.write_text(f"-- One row per cut.\nCREATE TABLE cuts (\n  {line}\n);\n")
    monkeypatch.setattr(schema, "SCHEMA_SQL", other)
    with pytest.raises(ManifestError, match=re.escape(said)):
        table("cuts")
