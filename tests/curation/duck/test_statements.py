from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from curation.catalog import connect
from curation.duck import one_condition, one_select, run_select
from manifests.errors import QueryError
from tests.curation.duck.statements import REFUSED, WORKS
from tests.curation.synthetic_catalog import cut, write_catalog


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sql")
    write_catalog(folder / "catalog", [cut("a"), cut("b", split="dev")])
    return folder


@pytest.fixture
def part(folder: Path) -> Path:
    return folder / "catalog" / "cuts" / "syn" / "part.parquet"


@pytest.fixture(scope="module")
def con(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(folder / "catalog") as con:
        yield con


def filled(sql: str, part: Path, out: Path) -> str:
    return sql.replace(r"\n", "\n").replace(r"\ud800", "\ud800").format(part=part, out=out)


def test_the_lists_are_long_enough() -> None:
    assert len(set(REFUSED)) >= 60
    assert len(set(WORKS)) >= 20


@pytest.mark.parametrize("sql", REFUSED)
def test_what_does_more_than_read_the_catalog_is_refused(
    con: duckdb.DuckDBPyConnection, folder: Path, part: Path, sql: str
) -> None:
    python_variable = {"a": [1]}
    assert python_variable
    before = part.read_bytes()
    with pytest.raises(QueryError, match=r"^test(: |, in EXPLAIN: )"):
        run_select(con, filled(sql, part, folder / "out"), where="test").fetchall()
    assert part.read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["catalog"]
    assert con.execute("SELECT count(*) > 400 FROM ontology").fetchall() == [(True,)]


@pytest.mark.parametrize("sql", [sql for sql in REFUSED if "{part}" in sql and "COPY" in sql and "FROM '{" not in sql])
def test_a_part_cannot_be_written_even_past_the_parser(
    con: duckdb.DuckDBPyConnection, folder: Path, part: Path, sql: str
) -> None:
    before = part.read_bytes()
    with pytest.raises(duckdb.Error, match=r"disabled by configuration|read only"):
        con.execute(filled(sql, part, folder / "out"))
    assert part.read_bytes() == before


@pytest.mark.parametrize("sql", WORKS)
def test_reading_works(con: duckdb.DuckDBPyConnection, folder: Path, part: Path, sql: str) -> None:
    result = run_select(con, filled(sql, part, folder / "out"), where="test")
    result.fetchall()
    assert result.description


def test_an_explain_says_how_and_answers(con: duckdb.DuckDBPyConnection) -> None:
    asked = one_select(con, "EXPLAIN (ANALYZE, FORMAT json) SELECT 1;", where="test", explain=True)
    assert asked == "EXPLAIN (ANALYZE, FORMAT json) \nSELECT 1"
    with pytest.raises(QueryError, match="found EXPLAIN"):
        one_select(con, asked, where="test")


@pytest.mark.parametrize("depth", [200, 100_000])
def test_a_deep_tree_is_judged_or_refused(con: duckdb.DuckDBPyConnection, depth: int) -> None:
    sql = f"SELECT {'1 + ' * depth} 1"
    if depth < 1000:
        assert run_select(con, sql, where="test").fetchall() == [(depth + 1,)]
    else:
        with pytest.raises(QueryError, match="depth"):
            run_select(con, sql, where="test")


def test_the_condition_of_a_query_is_one_expression(con: duckdb.DuckDBPyConnection) -> None:
    good = one_condition(con, "split = 'dev' -- why", where="test")
    assert con.execute(f"SELECT cut_id FROM cuts WHERE {good} AND true").fetchall() == [("b",)]


@pytest.mark.parametrize(
    "sql",
    [
        "true) OR (true",
        "true) UNION ALL (SELECT 'x'",
        "true] OR [true",
        "EXISTS (FROM read_text('/etc/passwd'))",
        "EXISTS (WITH a AS (COPY (SELECT 1) TO 'x') FROM a)",
        "nextval('s') = 1",
        "true; DROP VIEW cuts",
        "",
    ],
)
def test_what_is_no_condition_is_refused(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    with pytest.raises(QueryError):
        one_condition(con, sql, where="test")
