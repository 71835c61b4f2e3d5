"""A pass on a running Dask cluster: real processes in other folders, that come late, differ, and are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from curation.passes.runner import run_pass
from manifests.errors import InputError
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
    scheduler = dask.scheduler()
    dask.worker("a")
    dies = dask.worker("b", "--preload", str(killer))
    assert dies.wait() != 0
    job = Counting(tmp_path / "log.txt", {"made-0030": "hold_once"})
    flag = tmp_path / "made-0030.flag"
    with ThreadPoolExecutor(1) as thread:
        run = thread.submit(run_pass, job, corpus, Path("labels"), dask=dask.address, shard_size=8)
        until(lambda: flag.exists() or run.done(), "the shard that is held")
        dask.worker("b", "--preload", str(killer))
        bare = dask.worker("c", env=without_us(tmp_path / "bare"))
        os.kill(int(flag.read_text()), signal.SIGKILL)
        rough = run.result()
    assert (rough.cuts, rough.labelled, rough.rejected) == (60, 60, 0)
    assert table(rough.folder, "labels") == table(calm.folder, "labels")
    for folder in ("a", "b"):
        assert not list((dask.root / folder).rglob("*.parquet"))
    bare.kill()
    until(lambda: dask.log("scheduler").count("Remove worker") == 2, "the end of the workers in a and c")
    a_scheduler_that_is_killed_is_an_error(scheduler, dask, corpus, tmp_path)
    said = capfd.readouterr().err
    assert "Traceback" not in said and len(said.splitlines()) < 10


def a_scheduler_that_is_killed_is_an_error(
    scheduler: subprocess.Popen[bytes], dask: DaskProcesses, corpus: Path, folder: Path
) -> None:
    """A rerun goes on from what was done. Part of the test above, whose processes it ends."""
    job = Counting(folder / "log.txt", {"made-0031": "hold_once"}, tune=1)
    flag = folder / "made-0031.flag"
    with ThreadPoolExecutor(1) as thread:
        run = thread.submit(run_pass, job, corpus, Path("labels"), dask=dask.address, shard_size=8)
        until(lambda: flag.exists() or run.done(), "the shard that is held")
        scheduler.kill()
        with pytest.raises(InputError, match=f"{dask.address} has gone. What is done is kept"):
            run.result()
    again = run_pass(job, corpus, Path("labels"), workers=0, shard_size=8)
    assert again.labelled == 60 and 0 < again.shards_reused < again.shards
