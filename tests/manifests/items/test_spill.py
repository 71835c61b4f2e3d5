"""Lines on disk: in their order, or sorted with little memory."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.items import spill
from manifests.items.spill import Sorter, Spill

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)


@given(st.lists(TEXT, max_size=40))
def test_lines_come_back_as_they_went(heads: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept = Spill(Path(folder) / "rows.gz")
        for number, head in enumerate(heads):
            kept.add([head, number], f'{{"row": {number}}}')
        kept.close()
        assert list(kept) == [([head, number], f'{{"row": {number}}}') for number, head in enumerate(heads)]
        assert list(kept) == list(kept)


@pytest.mark.parametrize("most", [1, 700, 1 << 20])
def test_lines_are_sorted_in_however_many_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(spill, "FAN", 3)
    names = [f"{'äb~Z'[n % 4]}{n * 7919 % 100}" for n in range(100)]
    sorter = Sorter(tmp_path / "runs", most=most)
    for number, name in enumerate(names):
        sorter.add([name, number], f"line\\t{number}")
    expected = sorted([name, number] for number, name in enumerate(names))
    assert list(sorter) == [(key, f"line\\t{key[1]}") for key in expected]
    assert (tmp_path / "runs").exists() is (most < 1 << 20)
