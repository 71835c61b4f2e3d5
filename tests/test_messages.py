"""Libraries name a setting, as `split_map`; the command line adds its flag. So no text of theirs has a flag of ours."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from soundwave.cli import build_app, flags, with_flags

ROOT = Path(__file__).parents[1]
FLAG = re.compile(r"(?<![\w(-])--[a-z][\w-]*")  # not CSS's var(--ink)
OTHERS = re.compile(r"pip install|accelerate launch|torchrun|ffmpeg")  # commands that are not ours
WORD = re.compile(r"--[a-z-]+")  # a word of a command line that is run, not told


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of the string literals of a file that are no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.lineno, node.value


@pytest.mark.parametrize("package", ["manifests", "recipes", "curation", "soundwave"])
def test_libraries_do_not_speak_of_flags(package: str) -> None:
    paths = [path for path in (ROOT / package).rglob("*.py") if "cli" not in path.relative_to(ROOT).parts]
    assert paths
    said = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in paths
        for line, text in texts(path)
        if FLAG.search(text) and not OTHERS.search(text) and not WORD.fullmatch(text)
    ]
    assert not said, "name the setting instead:\n" + "\n".join(said)


@pytest.mark.parametrize(
    ("command", "message", "expected"),
    [
        ("catalog import nemo a", "the setting `split_map`, once", "the setting `split_map` (--split-map), once"),
        ("prepare x", "with the setting `force`.", "with the setting `force` (--force)."),
        ("mix show x", "with the setting `force`.", "with the setting `force` (--force)."),
        ("ledger", "the setting `force`", "the setting `force`"),
    ],
)
def test_the_command_line_adds_the_flag(command: str, message: str, expected: str) -> None:
    assert with_flags(message, flags(build_app(), command.split())) == expected
