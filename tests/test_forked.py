"""A forked program is a process like any other: its folder, words, streams and exit code."""

from __future__ import annotations

from pathlib import Path

from tests import forked


def test_it_has_its_own_folder_words_and_exit_code(tmp_path: Path) -> None:
    (tmp_path / "asked.json").write_text('{"a": 1}')
    done = forked.run("main", "json.tool", "asked.json", "--compact", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, '{"a":1}\n', "")
    assert forked.run("soundwave", "--help").stdout.strip().startswith("Usage: soundwave ")
    done = forked.run("soundwave", "sql", "SELECT 1", "--catalog", "nowhere", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("error: ")
    assert [path.name for path in tmp_path.iterdir()] == ["asked.json"]


def test_an_error_is_a_traceback_and_exit_code_1() -> None:
    done = forked.run("main", "no.such.module")
    assert done.returncode == 1 and "ModuleNotFoundError" in done.stderr
    assert forked.run("main", "os", "x").returncode == 1  # it has no main()
