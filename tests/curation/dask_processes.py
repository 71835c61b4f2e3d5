"""A scheduler and workers of Dask as real processes, each in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from manifests.files import read_json

ROOT = Path(__file__).parents[2]
DEADLINE = 120.0  # seconds; nothing here takes a tenth of it
DIES_ONCE = """
    import os, pathlib, signal
    flag = pathlib.Path({flag!r})
    if not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
"""


BARE = """
    import sys
    sys.modules.update(dict.fromkeys(("manifests", "curation", "recipes", "soundwave")))
"""


def without_us(folder: Path) -> dict[str, str]:
    """Surroundings of a process that has Dask and not this project."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(textwrap.dedent(BARE))
    return {"PYTHONPATH": str(folder)}


def until(true: Callable[[], object], what: str) -> None:
    """Wait for something that happens for certain."""
    end = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < end, f"{what} did not happen in {DEADLINE:g} s"
        time.sleep(0.02)


@dataclass
class DaskProcesses:
    """Processes that are killed at the end; their logs are in their folders."""

    root: Path
    address: str = ""
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(
        self, module: str, folder: str, *options: str, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """`python -m distributed.cli.MODULE OPTIONS`, in ROOT/FOLDER."""
        place = self.root / folder
        place.mkdir(exist_ok=True)
        command = [sys.executable, "-m", f"distributed.cli.{module}", *options, "--no-dashboard", "--host", "127.0.0.1"]
        with (place / "log").open("ab") as log:
            surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **(env or {})}
            process = subprocess.Popen(command, cwd=place, env=surroundings, stdout=log, stderr=log)
        self.running.append(process)
        return process

    def scheduler(self) -> subprocess.Popen[bytes]:
        """A scheduler; it answers at `address`."""
        found = self.root / "scheduler.json"
        bare = without_us(self.root / "bare")  # a scheduler needs nothing of ours
        process = self.start("dask_scheduler", "scheduler", "--port", "0", "--scheduler-file", str(found), env=bare)
        until(lambda: _address(found), "the start of the scheduler")
        self.address = _address(found)
        return process

    def worker(self, folder: str, *options: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """A worker of that scheduler, in one process."""
        return self.start("dask_worker", folder, self.address, "--nthreads", "1", "--no-nanny", *options, env=env)

    def log(self, folder: str) -> str:
        """What a process said."""
        return (self.root / folder / "log").read_text()


def _address(path: Path) -> str:
    try:
        return str(read_json(path)["address"])
    except Exception:  # half written
        return ""


@contextmanager
def dask_processes(root: Path) -> Iterator[DaskProcesses]:
    """Start some; all are gone afterwards."""
    root.mkdir(exist_ok=True)
    found = DaskProcesses(root)
    try:
        yield found
    finally:
        for process in found.running:
            process.kill()
        for process in found.running:
            process.wait()
