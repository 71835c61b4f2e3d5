"""What a killed writer left goes with the next command; what may be a living one's stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from manifests.disk.left import COMMIT, LEFT, new_mark, sweep
from manifests.files import atomic_folder, claim_folder, temporary_name, write_text
from manifests.switch import settle, switched

HOLD = """
import sys
from pathlib import Path
from manifests.files import temporary_name
path = temporary_name(Path(sys.argv[1]) / "a.txt")
path.write_text("half")
print(path.name, flush=True)
sys.stdin.read()
"""


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_dead_writers_files_go_and_a_living_ones_stay(tmp_path: Path) -> None:
    words = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        left = writer.stdout.readline().strip()
        sweep(tmp_path)
        assert names(tmp_path) == {left}
        writer.kill()
        writer.wait()
    mine = temporary_name(tmp_path / "b.txt")
    write_text(mine, "this process's")
    (tmp_path / "mine.txt").write_text("a user's")
    with atomic_folder(tmp_path / "new") as folder:  # its first look at this folder
        (folder / "x").write_text("x")
    assert names(tmp_path) == {mine.name, "mine.txt", "new"}


def test_of_a_writer_elsewhere_only_old_files_go_and_only_from_claimed_folders(tmp_path: Path) -> None:
    claim_folder(tmp_path, "a plan")
    for mark, age in (("0123abcd", 0.0), ("4567abcd", LEFT + 60)):
        path = tmp_path / f".{mark}.a.txt"
        path.write_text("half")
        os.utime(path, (time.time() - age,) * 2)
    sweep(tmp_path)
    assert {".0123abcd.a.txt", ".4567abcd.a.txt"} < names(tmp_path)
    claim_folder(tmp_path, "a plan")
    assert names(tmp_path) == {".soundwave", ".0123abcd.a.txt"}


def test_what_a_dead_writer_had_committed_is_kept_however_old(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    new = tmp_path / ".0123abcd.a.txt"
    new.write_text("new")
    (tmp_path / COMMIT).write_text(json.dumps({"mark": "0123abcd", "names": ["a.txt"], "gone": []}))
    os.utime(new, (1, 1))
    claim_folder(tmp_path, "a plan", known=("a.txt",))
    settle(tmp_path)
    assert (tmp_path / "a.txt").read_text() == "new"


def test_marks_of_a_process_differ_and_say_that_it_is_one(tmp_path: Path) -> None:
    marks = {new_mark() for _ in range(1000)}
    assert len(marks) == 1000 and len({mark[:5] for mark in marks}) == 1
    with switched(tmp_path) as switch:
        assert switch.mark[:5] == new_mark()[:5]
