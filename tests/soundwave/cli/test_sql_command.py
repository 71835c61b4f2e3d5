"""`soundwave sql` and its kin as a user runs them: read only, within limits, and data shown as text."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from soundwave.cli import main
from tests.curation.synthetic_catalog import cut, write_catalog

FOREVER = "SELECT count(*) FROM range(1000000000000)"
HUGE = "SELECT length(repeat('x', 4000000000))"
STEERING = "[/x] [red]a[/red] \x1b[31m \u202e :cow:"
AUDIT = "-- severity: error\n-- means: {text}\n-- do: nothing\nSELECT cut_id, text AS found FROM cuts WHERE {where}\n"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sql")
    manifest = json.dumps({"id": "a", "type": "MonoCut"})
    write_catalog(
        root / "catalog",
        [cut("a", text=STEERING, manifest=manifest), cut("b", split="dev", manifest=manifest)],
        labels=[{"pass": "quality", "cut_id": "a", "name": "n", "value": 1.0, "text": None}],
    )
    return root


@pytest.fixture
def run(workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    def soundwave(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["soundwave", *map(str, words), "--catalog", str(workspace / "catalog")])
        with pytest.raises(SystemExit) as ended:
            main()
        found = capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), found.out, found.err

    before = held(workspace)
    yield soundwave
    assert held(workspace) == before


def held(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in (folder / "catalog").rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "sql",
    [
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{part}' (USE_TMP_FILE false)",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{part}' (FORMAT parquet, USE_TMP_FILE false)",
        "WITH a AS (COPY (SELECT 1) TO '{part}' (FORMAT parquet, USE_TMP_FILE false)) FROM a",
        "EXPLAIN ANALYZE DROP VIEW cuts",
        "FROM read_text('/etc/passwd')",
        "SELECT \udcff",
    ],
)
def test_a_statement_leaves_every_byte_and_exits_with_2(run: Run, workspace: Path, sql: str) -> None:
    part = workspace / "catalog" / "labels" / "syn" / "part.parquet"
    code, out, err = run("sql", sql.format(part=part))
    assert (code, out) == (2, "")
    assert err.startswith("error: query")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("sql", "said"), [(FOREVER, "stopped after 0.2 s"), (HUGE, "more than 60 MB of memory, or 480 MB on disk")]
)
def test_sql_has_limits(run: Run, tmp_path: Path, sql: str, said: str) -> None:
    limits = ("--seconds", 0.2, "--memory", "60MB")
    for more in ((), ("--json",), ("--format", "csv", "--output", tmp_path / "x.csv")):
        code, out, err = run("sql", sql, *limits, *more)
        assert (code, out) == (2, "")
        assert said in err
        assert "(--seconds)" in err or "(--memory)" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("flag", "value"), [("--seconds", "0"), ("--seconds", "nan"), ("--memory", "lots")])
def test_what_is_no_limit_is_refused(run: Run, flag: str, value: str) -> None:
    code, _, err = run("sql", "SELECT 1", flag, value)
    assert code == 2
    assert f"({flag})" in err or f"Invalid value for '{flag}'" in err


def test_audits_mixtures_and_conditions_have_limits(run: Run, tmp_path: Path) -> None:
    limits = ("--seconds", 0.2)
    (tmp_path / "audits").mkdir()
    slow = f"({FOREVER}) > 0"
    (tmp_path / "audits" / "slow.sql").write_text(AUDIT.format(text="slow", where=slow))
    (tmp_path / "m.yaml").write_text(
        f"{{stage: sft, query: 'SELECT cut_id, domain FROM cuts WHERE {slow}', epochs: 1, shares: {{asr: 1}}, "
        "batch: {seconds: 9}}"
    )
    for words in (
        ("audit", "slow", "--audits", tmp_path / "audits"),
        ("mix", "lint", tmp_path / "m.yaml"),
        ("mix", "plan", tmp_path / "m.yaml", "--output", tmp_path / "plan"),
        ("catalog", "export", tmp_path / "x.jsonl", "--where", slow),
        ("catalog", "export", tmp_path / "x", "--format", "webdataset", "--where", slow),
    ):
        code, out, err = run(*words, *limits)
        assert (code, out, "stopped after 0.2 s" in err) == (2, "", True), words
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audits", "m.yaml"]


@pytest.mark.parametrize("format_", ["jsonl", "huggingface", "shar", "webdataset"])
@pytest.mark.parametrize(
    "where",
    [
        "EXISTS (FROM read_text('/etc/passwd'))",
        "(SELECT content FROM read_text('/etc/passwd')) > ''",
        "EXISTS (WITH a AS (COPY (SELECT 1) TO '{out}') FROM a)",
        "true) OR (true",
        "nextval('s') > 0",
        "nonsense",
        "false",
    ],
)
def test_the_condition_of_an_export_is_locked(run: Run, tmp_path: Path, format_: str, where: str) -> None:
    target = tmp_path / ("x.jsonl" if format_ == "jsonl" else "x")
    code, out, err = run("catalog", "export", target, "--format", format_, "--where", where.format(out=tmp_path / "o"))
    assert (code, out) == (2, "")
    assert "setting `where` (--where) is" in err
    assert "root:" not in err
    assert list(tmp_path.iterdir()) == []


def test_export_writes_what_the_condition_chooses(run: Run, tmp_path: Path) -> None:
    code, _, _ = run("catalog", "export", tmp_path / "x.jsonl", "--where", "split = 'dev' -- why")
    assert code == 0
    assert (tmp_path / "x.jsonl").read_text() == '{"id": "a", "type": "MonoCut"}\n'


def test_sql_shows_data_as_text(run: Run) -> None:
    code, out, _ = run("sql", f"""SELECT text AS "{STEERING}" FROM cuts WHERE cut_id = 'a'""")
    assert code == 0
    assert out.count(r"[/x] [red]a[/red] \x1b[31m \u202e :cow:") == 2
    assert "\x1b[31m \u202e" not in out
    assert run("sql", 'SELECT 1 AS "[/x]"')[:1] == (0,)


def test_files_keep_data_exact(run: Run, tmp_path: Path) -> None:
    query = """SELECT text, NULL AS n FROM cuts ORDER BY cut_id"""
    rows = [{"text": STEERING, "n": None}, {"text": "some words", "n": None}]
    code, out, _ = run("sql", query, "--json")
    assert (code, out) == (0, json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    code, out, _ = run("sql", query, "--format", "csv")
    assert (code, out) == (0, f"text,n\n{STEERING},\nsome words,\n")
    assert run("sql", query, "--format", "parquet", "--output", tmp_path / "x.parquet")[0] == 0
    assert pq.read_table(tmp_path / "x.parquet").to_pylist() == rows
    assert run("sql", "SELECT 1 AS a WHERE false", "--json")[:2] == (0, "[]\n")


def test_a_value_beyond_python_is_an_error(run: Run) -> None:
    for more in ((), ("--json",), ("--format", "csv")):
        code, out, err = run("sql", "SELECT INTERVAL 99999999 YEARS", *more)
        assert (code, out, "CAST(x AS VARCHAR)" in err) == (2, "", True)


def test_errors_and_audits_show_data_as_text(run: Run, tmp_path: Path) -> None:
    code, _, err = run("sql", "SELECT '\x1b[31m' FROM \"[/x]\u202e\"")
    assert (code, "\x1b" in err, r"[/x]\u202e" in err) == (2, False, True)
    (tmp_path / "mine.sql").write_text(AUDIT.format(text="a [/x] \x1b[31m", where="split = 'train'"))
    code, out, _ = run("audit", "mine", "--audits", tmp_path)
    assert (code, "\x1b" in out) == (1, False)
    assert r"a: [/x] [red]a[/red] \x1b[31m \u202e :cow:" in out


ENDLESS = """
import sys
from soundwave.cli import main
from curation.duck import limits
limits.GRACE = 0.2
sys.argv = ["soundwave", "sql", sys.argv[2], "--seconds", "0.2", "--catalog", sys.argv[1]]
main()
"""


def test_what_hears_no_interruption_ends_the_process(workspace: Path) -> None:
    query = "SELECT levenshtein(repeat('a', 400000), repeat('b', 400000))"
    words = [sys.executable, "-c", ENDLESS, str(workspace / "catalog"), query]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.strip() == (
        "error: query: stopped after 0.2 s. Ask for less, or give it more time with the setting `seconds` (--seconds)."
    )
