"""An ablation on Dask's workers: the table of one on this machine's processes, also when a worker dies."""

import sys

from soundwave.ablation.commands import Commands
from soundwave.ablation.run import Running, ablate
from tests.soundwave.ablation.small_catalog import small_catalog, write_grid
from tests.soundwave.ablation.test_ablation_run import fake_commands

# The first training that comes here takes its worker with it.
KILLS = """
import os, pathlib, signal, sys
mark = pathlib.Path(sys.argv[5]).with_name("killed")
try:
    mark.touch(exist_ok=False)
    os.kill(os.getppid(), signal.SIGKILL)
    sys.exit(1)
except FileExistsError:
    pass
"""


def test_a_worker_that_dies_changes_nothing(tmp_path):
    catalog, grid = small_catalog(tmp_path), str(write_grid(tmp_path))
    plain = fake_commands(tmp_path / "log")
    undisturbed = ablate([grid], catalog, tmp_path / "here", commands=plain)

    def train(task):
        *_, code, settings, plan, output, init, log = plain.train(task)
        return (sys.executable, "-S", "-c", KILLS + code, settings, plan, output, init, log)

    commands = Commands(train, plain.trained, plain.evaluate)
    running = Running(dask="processes", resources={"GPU": 1})
    there = ablate([grid], catalog, tmp_path / "there", workers=2, commands=commands, running=running)
    assert (tmp_path / "killed").exists()
    assert there.rows == undisturbed.rows and (there.trained, there.failed) == (undisturbed.trained, {})
