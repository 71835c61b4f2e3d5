"""A folder that takes another one's place: until it is whole the old one stays, then it has a name of its own."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from manifests.files import is_aside, write_text
from manifests.switch import new_place, replaced, settle, settle_inside
from tests.manifests.test_switch import WRITER

# The process of `test_switch`, which puts a new folder in the place of an old one.
REPLACER = (
    WRITER.replace("import switched", "import replaced")
    .replace("with switched(folder) as switch:", "with replaced(folder) as switch:")
    .replace('        switch.drop("only-old" if version == "new" else "only-new")\n', "")
    .replace("switch.path(", "(switch / ")
    .replace("switch.made", "switch")
)


def found(folder: Path) -> str:
    """What a reader finds: the version of all files there."""
    settle(folder)
    (version,) = {path.read_text() for path in folder.rglob("*") if path.is_file()}
    return version


def test_whenever_the_writer_is_killed_there_is_a_whole_folder(tmp_path: Path) -> None:
    code = REPLACER.replace('    write(folder, "old")', '    folder.rmdir(); write(folder, "old")')
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    folders = [tmp_path / str(at) for at in range(1, int(done.stdout) + 1)]
    versions = [found(folder) for folder in folders]
    assert versions[0] == "old" and versions[-1] == "new" and len(versions) > 8
    assert sum(one != two for one, two in itertools.pairwise(versions)) == 1
    for folder, version in zip(folders, versions, strict=True):
        old = folder.with_name(f"{folder.name}.old-1")
        assert old.is_dir() == (version == "new") and (version == "old" or found(old) == "old")


def test_a_writer_that_fails_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "plan" / "a.txt", "old")
    with pytest.raises(ZeroDivisionError), replaced(tmp_path / "plan") as folder:
        write_text(folder / "a.txt", "new")
        assert (tmp_path / "plan" / "a.txt").read_text() == "old" and is_aside(folder)
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["plan"] and found(tmp_path / "plan") == "old"


def test_a_reader_of_all_folders_finishes_what_was_left(tmp_path: Path) -> None:
    write_text(tmp_path / "plan" / "a.txt", "old")
    made = new_place(tmp_path / "plan")
    write_text(made / "a.txt", "new")
    settle_inside(tmp_path)
    assert (tmp_path / "plan" / "a.txt").read_text() == "old" and made.is_dir()  # it is not said to be whole
    made.rename(tmp_path / ".plan.soundwave-whole")
    settle_inside(tmp_path)
    assert (tmp_path / "plan" / "a.txt").read_text() == "new"
    assert {path.name for path in tmp_path.iterdir()} == {"plan", "plan.old-1"}
