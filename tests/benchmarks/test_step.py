"""The step benchmark, small: both sides train the same network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import step
from benchmarks.step import Case
from tests.tolerance import half_the_digits

SMALL = Case(seconds=(1, 2), features=8, width=32, layers=1, vocabulary=64, window=100)


def test_both_sides_compute_the_same_loss_and_gradients():
    model = step.network(SMALL).eval()
    # Equal lengths and nothing to pad: then padding, which is what the sides do differently, plays no part.
    case = Case(**{**SMALL.__dict__, "seconds": (2, 2)})
    batch = step.inputs(case)
    loss = step.our_step(model, batch)
    mine = {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}
    theirs = step.released_step(model, batch, int(batch.lengths[0])) / len(batch.targets)
    half = half_the_digits(np.float32)
    torch.testing.assert_close(loss, theirs, atol=0, rtol=half)
    for name, value in model.named_parameters():
        if value.grad is not None:
            expected = value.grad / len(batch.targets)
            torch.testing.assert_close(mine[name], expected, atol=half * float(expected.abs().max()), rtol=0)


def test_rows_of_a_small_case(capsys):
    found = step.rows(SMALL, pairs=1)
    assert [line["name"] for line in found] == ["stage2_step", "x3", "x4"]
    assert all(line["ours"] > 0 and line["peer"] > 0 and line["unit"] == "s" for line in found)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3 and said[1].startswith("x3: 33.3%")


def test_clips_have_targets_and_answers_of_their_length():
    batch = step.inputs(SMALL)
    assert [len(target) for target in batch.targets] == [3, 6]
    assert batch.lengths.tolist() == pytest.approx([50, 100], abs=4)
