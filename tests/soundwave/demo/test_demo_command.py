"""`soundwave demo`: where it works, and what it ends with."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from manifests.errors import OccupiedError
from soundwave.cli import build_app
from soundwave.demo.run import next_commands


@pytest.mark.parametrize(("flags", "folder"), [((), "demo"), (("--long",), "demo-long")])
def test_each_demo_has_a_folder_of_its_own(
    flags: tuple[str, ...], folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "notes.txt").write_text("mine")
    with pytest.raises(OccupiedError, match=f"^{folder} is not a workspace"):
        CliRunner().invoke(build_app(), ["demo", *flags], catch_exceptions=False)
    assert {path.name for path in tmp_path.rglob("*")} == {folder, "notes.txt"}


def test_it_ends_with_three_commands_that_there_are(tmp_path: Path) -> None:
    said = next_commands(Path("demo"), Path("demo/ablation/runs/shrinking-0"), "demo/corpora/asterisk/audio/one.flac")
    commands = [shlex.split(line) for line in said if line.startswith("  soundwave ")]
    assert ["soundwave", "explore", "demo"] in commands and len(commands) == 3
    for _, command, *arguments in commands:
        done = CliRunner().invoke(build_app(), [command, *arguments, "--help"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        assert all(flag in done.output for flag in arguments if flag.startswith("--"))
