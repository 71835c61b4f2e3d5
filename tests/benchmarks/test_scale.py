"""benchmarks.scale: what it says of figures, where it writes them, and one command that it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.scale import BASE, MARKS, Figures, exponents, rows_of, run, table, write_into


def figures(cpu: float) -> Figures:
    return Figures(cpu, 2 * cpu, 100.0, 1.0, 0.0, 0.5)


FOUND = {rows: {"build": figures(2 + rows * 1e-3), "plan": figures(2 + rows**2 * 1e-6)} for rows in (0, 1000, 4000)}


def test_exponents_are_of_what_comes_on_top_of_the_least() -> None:
    assert exponents(FOUND) == pytest.approx({"build": 1.0, "plan": 2.0})
    assert exponents({BASE: FOUND[0], 4000: FOUND[4000]}) == {}


def test_the_table_replaces_what_stands_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "scale.md"
    page.write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n", encoding="utf-8")
    write_into(page, table(FOUND, exponents(FOUND)))
    text = page.read_text(encoding="utf-8")
    assert "| build | 4,000 | 6.0 | 12.0 | 100 | 1 | 0 | 0.5 |" in text
    assert "build 1.00, plan 2.00" in text
    assert text.startswith("before\n") and text.endswith(f"{MARKS[1]}\nafter\n") and "old" not in text
    assert len(rows_of(FOUND, exponents(FOUND))) == 3 * 2 * 5 + 2


def test_a_command_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"catalog build .*ended with 2"):
        run(["catalog", "build", "--corpora", str(tmp_path / "none")], None, tmp_path / "scratch")
