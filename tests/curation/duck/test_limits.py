from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from curation.duck import Limits, limited, memory_bytes, open_memory, spill_folder
from manifests.errors import QueryError, SettingsError

SLOW = {
    "count": "SELECT count(*) FROM range(1000000000000)",
    "rows": "FROM range(1000000000000)",
    "cross join": "SELECT count(*) FROM range(1000000) a, range(1000000) b, range(1000000) c",
    "recursion without end": "WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r) SELECT count(*) FROM r",
}
LARGE = {
    "text": "SELECT length(repeat('x', 4000000000))",
    "list": "SELECT len(range(1000000000))",
    "aggregate": "SELECT len(list(i)) FROM range(100000000) t(i)",
    "sort": "SELECT repeat('x', 1000) || i AS m FROM range(600000) t(i) ORDER BY m",
}


@pytest.mark.parametrize("sql", SLOW.values(), ids=SLOW)
def test_what_does_not_end_is_stopped(sql: str) -> None:
    limits = Limits(seconds=0.2)
    with open_memory(limits=limits) as con:
        with (
            pytest.raises(QueryError, match=r"^q: stopped after 0\.2 s\. .* setting `seconds`"),
            limited(con, limits, where="q"),
        ):
            result = con.execute(sql)
            while result.fetchmany(1_000_000):
                pass
        assert con.execute("SELECT 1").fetchall() == [(1,)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits what DuckDB does not count")
@pytest.mark.parametrize("sql", LARGE.values(), ids=LARGE)
def test_what_takes_too_much_is_stopped(sql: str) -> None:
    limits = Limits(memory=memory_bytes("40MB"))
    with open_memory(limits=limits) as con:
        with (
            pytest.raises(QueryError, match=r"^q: it needs more than 40 MB of memory, or 320 MB on disk"),
            limited(con, limits, where="q"),
        ):
            con.execute(sql).fetchall()
        assert con.execute("SELECT 1").fetchall() == [(1,)]


def test_the_process_gets_its_memory_back() -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with open_memory() as con, limited(con, Limits(), where="a"), limited(con, Limits(), where="b"):
        pass
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_a_value_that_python_cannot_hold_is_named() -> None:
    with open_memory() as con, pytest.raises(QueryError, match="q: a value of the result cannot be taken over"):  # noqa: SIM117
        with limited(con, Limits(), where="q"):
            con.execute("SELECT INTERVAL 99999999 YEARS").fetchall()


@pytest.mark.parametrize("text", ["", "4", "GB", "4XB", "-4GB", "4GBB", "nanGB", "4 G B"])
def test_what_is_no_memory_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="expected a number and a unit"):
        memory_bytes(text)


@pytest.mark.parametrize(("text", "size"), [("4GB", 4 * 10**9), (" 1.5 gib ", 3 << 29), ("500kb", 500_000)])
def test_memory_is_read(text: str, size: int) -> None:
    assert memory_bytes(text) == size


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"seconds": float("nan")}, {"seconds": float("inf")}, {"memory": 1}])
def test_what_is_no_limit_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError):
        Limits(**wrong)  # type: ignore[arg-type]


KILLED = """
import os, signal, sys, tempfile
tempfile.tempdir = sys.argv[1]
from curation.duck import open_memory
con = open_memory()
con.execute("SET memory_limit = '60MB'; SET threads = 1")
con.execute("CREATE TEMP TABLE t AS SELECT md5(i::VARCHAR) AS m FROM range(1500000) t(i) ORDER BY m")
if sys.argv[2] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
con.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_what_a_killed_process_spilled_is_removed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(how: str) -> list[Path]:
        subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), how], check=how != "kill", env=dict(os.environ))
        return [path for path in tmp_path.rglob("*") if path.is_file()]

    assert run("end") == []
    assert list(tmp_path.iterdir()) == []
    assert sum(path.stat().st_size for path in run("kill")) > 1_000_000
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = spill_folder()
    assert list(tmp_path.iterdir()) == [folder]
    assert list(folder.iterdir()) == []
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(sys.platform == "win32", reason="locks as POSIX has them")
def test_the_folders_of_the_living_and_of_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = spill_folder()
    (folder / "spilled").touch()
    others = [tmp_path / name for name in ("soundwave-duckdb-mine", "soundwave-duckdb-1-notours.txt", "other")]
    for other in others:
        other.mkdir()
    link = tmp_path / "soundwave-duckdb-1-abcdefgh"
    link.symlink_to(others[0])
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), "end"], check=True, env=dict(os.environ))
    assert sorted(tmp_path.iterdir()) == sorted([folder, link, *others])
    assert (folder / "spilled").is_file()
