"""The parts of the alignment benchmark, small."""

from __future__ import annotations

import numpy as np

from benchmarks import ctc_align


def test_random_cases_can_be_aligned_and_no_program_wins_by_chance():
    found = ctc_align.best_paths(40)
    assert found["ours"] == 100
    assert found["peer"] >= 95


def test_a_timed_row(monkeypatch):
    monkeypatch.setitem(ctc_align.CASES, "tiny", (40, 5, 32))
    found = ctc_align.viterbi("tiny", pairs=1)
    assert found["unit"] == "ms" and found["ours"] > 0 and found["peer"] > 0


def test_the_long_part_reports_time_and_memory(monkeypatch):
    monkeypatch.setattr(ctc_align, "LONG_QUICK", (400, 30, 32))
    found = ctc_align.long_form(quick=True)
    assert found["seconds"] > 0 and np.isfinite(found["mb"])
