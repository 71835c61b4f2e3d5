"""A ledger or curve whose process was killed while it wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from soundwave.train.runs.ledger import whole_rows

ROWS = [{"step": 0, "detail": "one\u2028two\u0085three"}, {"step": 1, "detail": "fünf"}]


@pytest.mark.parametrize("ascii_only", [True, False])
def test_only_the_torn_line_is_lost(ascii_only: bool, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    data = "".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in ROWS).encode()
    path.write_bytes(data)
    assert whole_rows(path) == ROWS
    second = data.index(b"\n") + 1
    for end in range(second, len(data) - 2):  # also inside a letter of two bytes
        path.write_bytes(data[:end])
        assert whole_rows(path) == ROWS[:1]


@pytest.mark.parametrize("line", ["[1]", '{"loss": 1}', '{"step": "1"}', "[" * 5000, '{"step": 1, "step": 2', "\ufffe"])
def test_rows_end_before_a_line_that_is_no_step(line: str, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text(json.dumps(ROWS[0]) + f"\n{line}\n" + json.dumps(ROWS[1]) + "\n")
    assert whole_rows(path) == ROWS[:1]
