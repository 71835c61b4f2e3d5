"""A pass on a running Dask cluster: real processes in other folders, that come late, differ, and are killed."""

from __future__ import annotations

import os
import signal
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from curation.passes.runner import run_pass
from tests.curation.dask_processes import DIES_ONCE, DaskProcesses, dask_processes, until, without_us
from tests.curation.labelling import Counting, plain_rows, table, write_made


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[DaskProcesses]:
    with dask_processes(tmp_path / "dask") as found:
        yield found


def test_workers_that_are_killed_cost_no_row(
    dask: DaskProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One is killed as it starts and comes again late, the other in the middle of a shard. Folders are relative.

    A third comes late, and lacks this project.
    """
    monkeypatch.chdir(tmp_path)
    corpus = write_made(Path("corpora") / "made", plain_rows(60))
    calm = run_pass(Counting(tmp_path / "calm.txt", {}), corpus, Path("calm"), workers=0, shard_size=8)
    killer = tmp_path / "killer.py"
    killer.write_text(textwrap.dedent(DIES_ONCE).format(flag=str(tmp_path / "killed")))
    dask.scheduler()
    dask.worker("a")
    dies = dask.worker("b", "--preload", str(killer))
    assert dies.wait() != 0
    job = Counting(tmp_path / "log.txt", {"made-0030": "hold_once"})
    flag = tmp_path / "made-0030.flag"
    with ThreadPoolExecutor(1) as thread:
        run = thread.submit(run_pass, job, corpus, Path("labels"), dask=dask.address, shard_size=8)
        until(lambda: flag.exists() or run.done(), "the shard that is held")
        dask.worker("b", "--preload", str(killer))
        dask.worker("c", env=without_us(tmp_path / "bare"))
        os.kill(int(flag.read_text()), signal.SIGKILL)
        rough = run.result()
    assert (rough.cuts, rough.labelled, rough.rejected) == (60, 60, 0)
    assert table(rough.folder, "labels") == table(calm.folder, "labels")
    for folder in ("a", "b"):
        assert not list((dask.root / folder).rglob("*.parquet"))
    said = capfd.readouterr().err
    assert "Traceback" not in said and len(said.splitlines()) < 10
