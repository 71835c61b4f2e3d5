"""The row format of the benchmarks."""

from __future__ import annotations

import json

import pytest

from benchmarks.rows import paired, row, show


def test_ratio_is_above_one_where_ours_is_better():
    assert row("seconds", 2.0, 6.0, "s")["ratio"] == 3
    assert row("share", 90.0, 45.0, "%", better="high")["ratio"] == 2
    assert row("seconds", 2.0, 6.0, "s", ratio=2.5)["ratio"] == 2.5
    assert row("alone", 2.0, None, "s") == {"name": "alone", "ours": 2.0, "peer": None, "ratio": None, "unit": "s"}
    with pytest.raises(ValueError, match="expected"):
        row("x", 1.0, 1.0, "s", better="faster")


def test_both_sides_are_called_in_turns():
    calls = []
    pair = paired(lambda: calls.append("ours"), lambda: calls.append("peer"), pairs=4, at_least=0.0)
    assert calls.count("ours") == calls.count("peer")
    assert pair["ours"] > 0 and pair["peer"] > 0 and pair["ratio"] > 0


def test_rows_are_printed_for_scripts_and_for_people(capsys):
    rows = [row("a", 1.0, 2.0, "s"), row("b", 1.0, None, "MB")]
    show(rows, as_json=True)
    assert json.loads(capsys.readouterr().out) == rows
    show(rows, as_json=False)
    assert "MB" in capsys.readouterr().out
