from __future__ import annotations

import io

import pytest
from rich.progress import Progress
from rich.table import Table

from manifests.progress import progress_bar
from manifests.shown import DataConsole, shown

STEERING = {
    "\x1b[31mred\x1b[0m": r"\x1b[31mred\x1b[0m",
    "\x1b]8;;http://example.com\x1b\\link\x07": r"\x1b]8;;http://example.com\x1b\link\x07",
    "\x9b2J": r"\x9b2J",
    "a\rb\bc\x00d\x7f": r"a\rb\x08c\x00d\x7f",
    "abc\u202edef\u2066\u200f": r"abc\u202edef\u2066\u200f",
    "a\u2028b\u0085c\ufeff\u200b": r"a\u2028b\x85c\ufeff\u200b",
    "half \ud83d \udc80": r"half \ud83d \udc80",
    "tag \U000e0041": r"tag \U000e0041",
    "tab\tand\nline": r"tab\tand\nline",
}
TEXTS = ["[/x]", "[red]a[/red]", "[link=http://example.com]a[/link]", "[/]", ":cow:", "\\[b]", "[", "[@click=f()]x[/]"]
PLAIN = ["", "naïve café", "中文", "नमस्ते", "می‌خواهم", "👨‍👩‍👧", "e\u0301", "a  b", "back\\slash"]


@pytest.mark.parametrize(("text", "expected"), STEERING.items())
def test_what_steers_a_terminal_is_shown(text: str, expected: str) -> None:
    assert shown(text) == expected
    shown(text).encode("utf-8")


@pytest.mark.parametrize("text", [*PLAIN, *TEXTS])
def test_other_text_stays(text: str) -> None:
    assert shown(text) == text


def test_layout_keeps_its_lines() -> None:
    assert shown("a\n\x1bb\tc", lines=True) == "a\n\\x1bb\\tc"
    assert shown(None) == "None"


@pytest.mark.parametrize("text", [*TEXTS, *(text for text in STEERING if "\n" not in text)])
def test_tables_have_no_markup(text: str) -> None:
    stream = io.StringIO()
    console = DataConsole(file=stream, force_terminal=True, width=200)
    table = Table(title=f"t {text}")
    table.add_column(f"c {text}")
    table.add_row(f"v {text}")
    console.print(table)
    console.print(f"p {text}", highlight=False)
    printed = stream.getvalue()
    for mark in "tcvp":
        assert f"{mark} {shown(text)}" in printed


@pytest.mark.parametrize("text", TEXTS)
def test_progress_lines_have_no_markup(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    bar: Progress = progress_bar()
    with bar:
        bar.add_task(f"t {text}", total=1, completed=1, note=f"n {text} \x1b[2J")
    printed = capsys.readouterr().err
    assert f"t {text}" in printed
    assert rf"n {text} \x1b[2J" in printed
