"""Files that change together: every moment of the writer's death, doubled writers, and records of strangers."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from manifests.errors import DiskError, OccupiedError, StaleError
from manifests.files import write_text
from manifests.switch import COMMIT, settle, switched

# A process that writes the files of one version, killed before its call number AT that changes the disk.
WRITER = """
import os, signal, sys
from pathlib import Path
from manifests.files import write_text
from manifests.switch import switched

def write(folder, version):
    with switched(folder) as switch:
        switch.drop("only-old" if version == "new" else "only-new")
        write_text(switch.path("a.txt"), version)
        write_text(switch.path("b.txt"), version)
        write_text(switch.made / "audio" / f"{version}.flac", version)
        write_text(switch.path(f"only-{version}"), version)

def killed_at(folder, at):
    child = os.fork()
    if child == 0:
        calls = 0
        for name in ("fsync", "replace", "rename", "link", "unlink"):
            def counting(*values, real=getattr(os, name), **options):
                nonlocal calls
                calls += 1
                if calls == at:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*values, **options)
            setattr(os, name, counting)
        write(folder, "new")
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

root, at = Path(sys.argv[1]), 0
while True:
    at += 1
    folder = root / str(at)
    folder.mkdir()
    write(folder, "old")
    if killed_at(folder, at) == 0:
        break
print(at)
"""


def version(folder: Path) -> set[str]:
    """The versions of all that a reader finds."""
    settle(folder)
    files = [path for path in folder.rglob("*") if path.is_file() and path.relative_to(folder).parts[0][0] != "."]
    assert {path.name for path in files} >= {"a.txt", "b.txt"} and len(files) == 4
    return {path.read_text() for path in files}


def test_whenever_the_writer_is_killed_a_reader_finds_the_old_files_or_the_new_ones(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", WRITER, str(tmp_path)], capture_output=True, text=True, check=True)
    found = [version(tmp_path / str(at)) for at in range(1, int(done.stdout) + 1)]
    assert all(versions in ({"old"}, {"new"}) for versions in found)
    assert found[0] == {"old"} and found[-1] == {"new"}
    changes = sum(one != two for one, two in itertools.pairwise(found))
    assert changes == 1 and len(found) > 15  # one moment divides old from new


def test_a_failed_writer_changes_nothing(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(ZeroDivisionError), switched(tmp_path) as switch:
        write_text(switch.path("a.txt"), "new")
        write_text(switch.made / "x" / "y", "new")
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"] and (tmp_path / "a.txt").read_text() == "old"


def test_writers_at_once_leave_one_of_their_results(tmp_path: Path) -> None:
    code = WRITER[: WRITER.index("def killed_at")] + "for v in sys.argv[2:]: write(Path(sys.argv[1]), v)"
    words = [sys.executable, "-c", code, str(tmp_path), *["old", "new"] * 20]
    processes = [subprocess.Popen(words) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert len(version(tmp_path)) == 1 and not (tmp_path / COMMIT).exists()


SETTLERS = """
import os, sys, time
from pathlib import Path
from manifests.switch import settle

def slow(*names, real=os.rename):
    time.sleep(0.02)  # others come to the same place meanwhile
    return real(*names)

os.rename = slow

folder = Path(sys.argv[1])
start, go = os.pipe()
children = []
for _ in range(6):
    if (child := os.fork()) == 0:
        os.close(go)
        os.read(start, 1)  # ends when the parent closes its end: all begin together
        settle(folder)
        os._exit(0)
    children.append(child)
os.close(go)
sys.exit(max(os.waitpid(child, 0)[1] for child in children))
"""


def test_what_a_killed_writer_left_is_taken_once_by_many_readers(tmp_path: Path) -> None:
    for at in range(5):
        folder = tmp_path / str(at)
        for mark, text in (("", "old"), (".0123abcd.", "new")):
            for name in range(20):
                write_text(folder / f"{mark}audio" / str(name), text)
        record = {"mark": "0123abcd", "names": ["audio"], "gone": []}
        (folder / COMMIT).write_text(json.dumps(record), encoding="utf-8")
        words = [sys.executable, "-c", SETTLERS, str(folder)]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert {path.read_text() for path in (folder / "audio").iterdir()} == {"new"}
        assert [path.name for path in folder.iterdir()] == ["audio"]


def test_files_that_count_are_kept_when_they_cannot_take_their_names(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    write_text(tmp_path / "a.txt" / "mine", "a folder where a file is to be")
    with pytest.raises(StaleError), switched(tmp_path) as switch:
        write_text(switch.path("a.txt"), "new")
    write_text(tmp_path / "b.txt", "other")
    (tmp_path / "a.txt").rename(tmp_path / "moved")
    settle(tmp_path)
    assert (tmp_path / "a.txt").read_text() == "new" and not (tmp_path / COMMIT).exists()


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "..", "", "a/b", 1, None])
def test_a_record_that_names_what_is_outside_is_not_followed(tmp_path: Path, name: object) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    write_text(tmp_path / "outside", "mine")
    for key in ("names", "gone"):
        record = {"mark": "0123abcd", "names": [], "gone": []} | {key: [name]}
        (folder / COMMIT).write_text(json.dumps(record))
        settle(folder)
        assert (tmp_path / "outside").read_text() == "mine" and (folder / COMMIT).is_file()
        with pytest.raises(OccupiedError, match="is none of ours"), switched(folder) as switch:
            write_text(switch.path("a.txt"), "new")


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_that_is_between_two_results_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".0123abcd.a.txt").write_text("new")
    (tmp_path / COMMIT).write_text(json.dumps({"mark": "0123abcd", "names": ["a.txt"], "gone": []}))
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StaleError, match="cannot be finished here"):
            settle(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_no_room_is_said_of_the_file_that_it_was_to_be(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(DiskError) as raised, switched(tmp_path) as switch:
        with_no_room(switch.path("a.txt"))
    assert str(tmp_path / "a.txt") + " could not be written: No space left" in str(raised.value)
    assert "What was there is as it was" in str(raised.value)


def with_no_room(path: Path) -> None:
    from manifests.files import atomic_write

    with atomic_write(path):
        raise OSError(28, "No space left on device")
