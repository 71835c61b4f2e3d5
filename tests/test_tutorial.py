"""The tutorial, as a newcomer follows it: every command in order, in one folder, and what the page shows of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import forked

PAGE = Path(__file__).parent.parent / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Step:
    """Commands, the exit code that the page says they end with, and the lines that it shows."""

    commands: str
    code: int
    shown: tuple[str, ...]


def steps(page: str) -> list[Step]:
    found: list[Step] = []
    for kind, body in BLOCK.findall(page):
        if kind == "text":
            found[-1] = Step(found[-1].commands, found[-1].code, tuple(filter(None, body.splitlines())))
            continue
        said = re.match(r"# exits with (\d+)\n", body)
        found.append(Step(body, int(said[1]) if said else 0, ()))
    return found


def plain(text: str) -> str:
    """Without the rules of tables; any number is 0, so that figures may move with the corpora."""
    return " ".join(re.sub(r"-?\d[\d,.]*", "0", re.sub(r"[^\x00-\x7f]", " ", text)).split())


def test_the_page_is_read_as_meant() -> None:
    page = "x\n```sh\n# exits with 2\nfalse\n```\n\n```text\na 1.5\n\nb\n```\n```sh\ntrue\n```\n"
    assert steps(page) == [Step("# exits with 2\nfalse\n", 2, ("a 1.5", "b")), Step("true\n", 0, ())]
    assert plain("│ asr │  1,450 │ -0.32 │") == "asr 0 0"


def test_the_tutorial_has_three_audits_a_mixture_and_a_diff() -> None:
    commands = "".join(step.commands for step in steps(PAGE.read_text(encoding="utf-8")))
    audits = re.search(r"^soundwave audit (\w+) (\w+) (\w+)$", commands, re.MULTILINE)
    assert audits
    for command in ("mix lint", "mix plan", "mix show", "mix diff", "catalog build", "sql"):
        assert f"soundwave {command}" in commands


@pytest.mark.assets
@pytest.mark.usefixtures("debian_root")
def test_every_command_of_the_tutorial_does_what_the_page_says(tmp_path: Path) -> None:
    programs = f"{forked.bin_folder()}:{Path(sys.executable).parent}"
    env = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONIOENCODING": "utf-8"}
    for step in steps(PAGE.read_text(encoding="utf-8")):
        script = step.commands.replace("label quality", "label quality --workers 0")  # no cluster for a few clips
        done = subprocess.run(
            ["bash", "-ec", script], cwd=tmp_path, env=env, capture_output=True, encoding="utf-8", check=False
        )
        output = plain(done.stdout + done.stderr)
        assert done.returncode == step.code, f"{step.commands}\n{done.stdout}\n{done.stderr}"
        for line in step.shown:
            assert plain(line) in output, f"{line!r} is not in the output of\n{step.commands}\n{done.stdout}"
    assert (tmp_path / "first.svg").stat().st_size > 0
