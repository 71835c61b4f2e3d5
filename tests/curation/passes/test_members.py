"""Workers that may not have work: unlike this process, or without its files. One scheduler serves all tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from curation.passes import probe
from curation.passes.members import Workplace, differences
from curation.passes.runner import run_pass
from manifests.errors import InputError
from tests.curation.dask_processes import ROOT, DaskProcesses, dask_processes, until, without_us
from tests.curation.labelling import Counting, cut, plain_rows, write_made

HERE = Path("/proc/self/cwd")  # another folder for each process: storage that is not shared


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskProcesses]:
    with dask_processes(tmp_path_factory.mktemp("dask")) as found:
        found.scheduler()
        yield found


def refused(dask: DaskProcesses, job: Counting, corpus: Path, labels: Path) -> str:
    """What the command says instead of labelling."""
    with pytest.raises(InputError) as error:
        run_pass(job, corpus, labels, dask=dask.address, shard_size=8)
    assert not list(labels.rglob("*.parquet"))
    return str(error.value)


def copy_with(folder: Path, version: str) -> dict[str, str]:
    """Surroundings of a process that has another version of this project, and another DuckDB."""
    for name in ("manifests", "curation"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "manifests" / "fingerprint.py"
    path.write_text(path.read_text().replace(f'"{probe.versions()["soundwave"].split()[0]}"', f'"{version}"'))
    (folder / "duckdb-0.9.1.dist-info").mkdir()
    (folder / "duckdb-0.9.1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: duckdb\nVersion: 0.9.1\n")
    return {"PYTHONPATH": str(folder)}


def test_workers_that_cannot_work_stop_a_command_before_it_begins(
    dask: DaskProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("curation.passes.members.PATIENCE", 0.1)
    job, corpus = Counting(tmp_path / "log.txt", {}), write_made(tmp_path / "corpora" / "made", plain_rows(20))
    said = refused(dask, job, corpus, tmp_path / "labels")
    assert f"at {dask.address} has no worker" in said and "none came" in said
    assert "waiting" in capfd.readouterr().err
    monkeypatch.undo()

    bare = dask.worker("bare", env=without_us(tmp_path / "site"))
    old = dask.worker("old", env=copy_with(tmp_path / "copy", "0.0.1"))
    until(lambda: all("Starting established" in dask.log(name) for name in ("bare", "old")), "the start of workers")
    said = refused(dask, job, corpus, tmp_path / "labels")
    ours = probe.versions()
    assert f"no soundwave, expected {ours['soundwave']}." in said
    assert f"duckdb 0.9.1 and not {ours['duckdb']}, soundwave 0.0.1 (code " in said
    assert said.count("tcp://127.0.0.1:") == 3  # the scheduler and both workers
    for process in (bare, old):
        process.kill()
        process.wait()

    dask.worker("good")
    until(lambda: "Starting established" in dask.log("good"), "the start of a worker")
    monkeypatch.chdir(tmp_path)
    assert "worker tcp" not in (said := refused(dask, job, corpus, HERE / "labels"))
    assert f"there is no {HERE}/labels/counting/made. Workers need the labels" in said
    (dask.root / "good" / "labels" / "counting" / "made").mkdir(parents=True)
    assert f"its folder {HERE}/labels/counting/made is another one" in refused(dask, job, corpus, HERE / "labels")
    (tmp_path / "a.wav").touch()
    heard = write_made(tmp_path / "corpora" / "heard", [cut("a", audio=HERE / "a.wav")])
    assert f"there is no {HERE}/a.wav" in refused(dask, job, heard, tmp_path / "labels")
    assert "Traceback" not in capfd.readouterr().err


def test_what_one_lacks_is_said_with_both_versions() -> None:
    here = {"Python": "3.12", "duckdb": "1.4.0", "soundwave": "1"}
    assert differences(here, dict(here)) == ""
    assert differences(here, here | {"torch": "2.9"}) == ""  # more is no matter
    said = differences(here, {"Python": "3.9", "duckdb": "1.4.0"})
    assert said == "Python 3.9 and not 3.12, no soundwave, expected 1"
    assert "ZeroDivisionError: x" in differences(here, ZeroDivisionError("x"))


def test_the_versions_of_this_process_name_what_shapes_labels() -> None:
    found = probe.versions()
    assert {"Python", "duckdb", "numpy", "pyarrow", "lhotse", "torch", "soundwave"} <= set(found)
    assert not any("+" in version for version in found.values())


def test_a_place_where_the_pass_cannot_run_is_named(tmp_path: Path) -> None:
    class Needy(Counting):
        def check(self) -> None:
            raise InputError("no weights at /models/whisper")

    token = tmp_path / "token"
    token.touch()
    assert Workplace(Needy(tmp_path / "log", {}), tmp_path, ()).trouble(token) == "no weights at /models/whisper"
    assert Workplace(Counting(tmp_path / "log", {}), tmp_path, ()).trouble(token) == ""
    assert [path.name for path in tmp_path.iterdir()] == ["token"]
