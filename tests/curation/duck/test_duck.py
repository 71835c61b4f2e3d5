from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from curation.catalog import connect
from curation.duck import one_select, reading_parquet, run_select
from manifests.errors import ManifestError, QueryError
from tests.curation.synthetic_catalog import cut, write_catalog

WRITES = [
    "COPY (SELECT 1) TO 'x.csv'",
    "COPY (SELECT 1) TO '{folder}/x.parquet' (FORMAT parquet)",
    "ATTACH '{folder}/x.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "DROP VIEW cuts",
    "CREATE TABLE t AS SELECT 1",
    "INSERT INTO cuts SELECT * FROM cuts",
    "SET enable_external_access = true",
    "PRAGMA version",
    "CALL pragma_version()",
    "EXPORT DATABASE '{folder}'",
    "SELECT 1; DROP VIEW cuts",
    "",
    "SELEC 1",
]
READS_ELSEWHERE = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('{folder}/../secret.txt')",
    "SELECT * FROM read_blob('{folder}/cuts/syn/../../../secret.txt')",
    "SELECT * FROM '{folder}/../secret.csv'",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM read_parquet('https://example.com/a.parquet')",
    "SELECT * FROM read_parquet('s3://bucket/a.parquet')",
    "SELECT getenv('HOME')",
    "SELECT * FROM python_variable",
]


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    return write_catalog(tmp_path / "catalog", [cut("a")])


@pytest.mark.parametrize("sql", WRITES)
def test_anything_but_one_select_is_refused(catalog: Path, sql: str) -> None:
    with connect(catalog) as con, pytest.raises(QueryError):
        run_select(con, sql.format(folder=catalog), where="test")


@pytest.mark.parametrize(
    "sql", [sql for sql in WRITES if sql.startswith(("COPY", "ATT", "INST", "LOAD", "SET", "EXP"))]
)
def test_the_lock_holds_without_the_parser(catalog: Path, sql: str) -> None:
    with connect(catalog) as con, pytest.raises(duckdb.Error):
        con.execute(sql.format(folder=catalog))


@pytest.mark.parametrize("sql", READS_ELSEWHERE)
def test_a_select_reads_the_catalog_and_nothing_else(catalog: Path, sql: str) -> None:
    python_variable = pytest.importorskip("pyarrow").table({"a": [1]})
    assert python_variable.num_rows == 1
    with connect(catalog) as con, pytest.raises(QueryError, match="test: "):
        run_select(con, sql.format(folder=catalog), where="test")


@pytest.mark.parametrize(
    "sql", ["SELECT 1;", "FROM cuts", "WITH a AS (SELECT 1) FROM a", "VALUES (1)", "DESCRIBE cuts", "EXPLAIN SELECT 1"]
)
def test_reading_is_allowed(catalog: Path, sql: str) -> None:
    with connect(catalog) as con:
        assert run_select(con, sql, where="test").fetchall()


def test_a_trailing_comment_or_semicolon_does_not_swallow_what_follows(catalog: Path) -> None:
    with connect(catalog) as con:
        query = one_select(con, "SELECT 1 AS a; ", where="test")
        assert con.execute(f"SELECT a + 1 FROM (\n{query}\n)").fetchall() == [(2,)]
        query = one_select(con, "SELECT 1 AS a -- why", where="test")
        assert con.execute(f"SELECT a + 1 FROM (\n{query}\n)").fetchall() == [(2,)]


def test_sorting_still_spills_when_locked(catalog: Path) -> None:
    con = connect(catalog, read_only=False)
    con.execute("SET memory_limit = '64MB'")
    con.execute("SET allowed_paths = []")
    con.execute("SET enable_external_access = false")
    rows = con.execute(
        "SELECT count(*) FROM (SELECT md5(i::VARCHAR) AS m FROM range(1500000) t(i) ORDER BY m)"
    ).fetchall()
    assert rows == [(1_500_000,)]


def whole(rows: int = 4000) -> list[dict[str, object]]:
    return [cut(f"c{number}", text=f"some words {number}") for number in range(rows)]


def footer(data: bytes) -> int:
    return len(data) - 8 - int.from_bytes(data[-8:-4], "little")


DAMAGE = {
    "cut short": lambda data: data[: len(data) // 2],
    "no footer": lambda data: data[:-4] + b"XXXX",
    "another file": lambda data: b"# notes of somebody\n",
    "zeros in the footer": lambda data: data[: footer(data)] + bytes(100) + data[footer(data) + 100 :],
    "zeros in the pages": lambda data: data[:200] + bytes(5000) + data[5200:],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_part_is_named_when_it_is_opened_or_read(tmp_path: Path, damage) -> None:
    catalog = write_catalog(tmp_path / "catalog", whole())
    write_catalog(catalog / "x", [cut("b")])
    part = catalog / "cuts" / "syn" / "part.parquet"
    part.write_bytes(damage(part.read_bytes()))
    said = r"cuts/syn/part\.parquet is damaged, or not a Parquet file \(.+\)(.|\n)*`soundwave catalog build` again"
    with pytest.raises(ManifestError, match=said), connect(catalog) as con:
        con.execute("FROM cuts").fetchall()
    with pytest.raises(ManifestError, match=said), connect(catalog) as con:
        run_select(con, "SELECT count(*), max(text), max(manifest) FROM cuts WHERE cut_id <> ''", where="query")
        con.execute("SELECT max(COLUMNS(*)) FROM cuts").fetchall()


def test_an_error_without_a_class_names_the_damaged_file(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.parquet", tmp_path / "bad.parquet"
    duckdb.sql(f"COPY (SELECT 1 AS x) TO '{good}'")
    bad.write_bytes(good.read_bytes()[:-8])
    with pytest.raises(ManifestError, match=r"bad\.parquet is damaged"), reading_parquet([good, bad], go_on=""):
        raise QueryError("query: TProtocolException: Invalid data") from duckdb.Error("TProtocolException")
    with pytest.raises(QueryError, match="TProtocol"), reading_parquet([good], go_on=""):
        raise QueryError("query: TProtocolException: Invalid data") from duckdb.Error("TProtocolException")


def test_errors_that_come_of_no_file_stay_as_they_are(tmp_path: Path) -> None:
    catalog = write_catalog(tmp_path / "catalog", [cut("a")])
    with pytest.raises(duckdb.BinderException), connect(catalog) as con:
        con.execute("SELECT nothing FROM cuts")
    with pytest.raises(duckdb.InvalidInputException), connect(catalog) as con:
        con.execute("SELECT error('x') FROM cuts").fetchall()
    with pytest.raises(QueryError, match="query: "), connect(catalog) as con:
        run_select(con, "SELECT error('x')", where="query")
    with pytest.raises(duckdb.IOException), reading_parquet([tmp_path / "gone"], go_on=""):
        raise duckdb.IOException("x")
