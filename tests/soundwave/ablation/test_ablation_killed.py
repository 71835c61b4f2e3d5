"""Kill -9 of an ablation, and of a training of its: no process is left, and the same call goes on to the end."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

from soundwave.ablation.commands import Commands
from soundwave.ablation.run import ablate
from tests.soundwave.ablation import test_ablation_run as fakes
from tests.soundwave.ablation.small_catalog import small_catalog, write_grid

# A training that ends with its parent, as the real one does. While the file `wait` is there it tells its number, holds
# a lock as long as it lives, and does not end.
WAITS = """
import fcntl, os, pathlib, sys, threading, time
from soundwave.cli._child import stop_at_end_of
threading.Thread(target=stop_at_end_of, args=(os.fdopen(os.dup(0), "rb", buffering=0),), daemon=True).start()
place = pathlib.Path(sys.argv[5]).parent
if (place / "wait").exists():
    held = open(place / "lock", "w")
    fcntl.flock(held, fcntl.LOCK_EX)
    (place / "number").write_text(str(os.getpid()))
    time.sleep(600)
"""
DRIVER = "import sys; from tests.soundwave.ablation.test_ablation_killed import run; run(*sys.argv[1:])"


def run(folder: str, out: str) -> int:
    """The ablation, one process at a time; how many of its processes failed."""
    place = Path(folder)
    plain = fakes.fake_commands(place / "log")
    commands = Commands(lambda task: _waiting(plain.train(task)), plain.trained, plain.evaluate)
    return len(ablate([str(place / "grid.yaml")], place / "catalog", place / out, workers=1, commands=commands).failed)


def _waiting(words: tuple[str, ...]) -> tuple[str, ...]:
    program, _, option, code, *rest = words
    return (program, option, WAITS + code, *rest)


def rows(folder: Path) -> str:
    return (folder / "grid" / "results.jsonl").read_text()


def test_after_a_kill_nothing_goes_on_and_the_same_call_gives_the_same_rows(tmp_path: Path) -> None:
    small_catalog(tmp_path)
    write_grid(tmp_path)
    assert run(str(tmp_path), "undisturbed") == 0
    os.mkfifo(tmp_path / "number")
    (tmp_path / "wait").touch()

    parent = subprocess.Popen([sys.executable, "-c", DRIVER, str(tmp_path), "parent"])
    told = os.open(tmp_path / "number", os.O_RDWR)  # so that it is not waited for a writer that never comes
    while not select.select([told], [], [], 1)[0]:  # until a training says that it is there
        assert parent.poll() is None
    os.close(told)
    parent.kill()
    parent.wait()
    with (tmp_path / "lock").open() as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # waits until that training is gone

    killer = threading.Thread(target=kill_one, args=(tmp_path,), daemon=True)
    killer.start()
    assert run(str(tmp_path), "parent") == 1
    killer.join()
    assert run(str(tmp_path), "parent") == 0
    assert rows(tmp_path / "parent") == rows(tmp_path / "undisturbed") != ""


def kill_one(place: Path) -> None:
    """Kill the training that says it is there; those after it do not wait."""
    number = int((place / "number").read_text())
    (place / "wait").unlink()
    os.kill(number, signal.SIGKILL)
