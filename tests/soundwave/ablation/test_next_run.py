"""The suggestion follows its four rules, in their order."""

import pytest

from soundwave.ablation.grid import Grid
from soundwave.ablation.next_run import places, suggest_next
from soundwave.evaluate.registry import find_figure

LLM_WER = find_figure("llm_wer")[1]
STAGE = [{"stage": "alignment", "mixture": "alignment"}]


def grid(arms=("a",), fractions=(1.0,), seeds=(7,)):
    return Grid.model_validate(
        {"question": "Why?", "arms": dict.fromkeys(arms, STAGE), "fractions": fractions, "seeds": seeds}
    )


def row(arm, fraction, error, half=0.01, seed=7, last=True):
    return {
        "arm": arm,
        "fraction": fraction,
        "seed": seed,
        "last": last,
        "llm_wer": error,
        "llm_wer_low": error - half,
        "llm_wer_high": error + half,
    }


def test_a_missing_cell_comes_first():
    found = suggest_next(grid(("a", "b")), [row("a", 1.0, 0.5), row("b", 1.0, 0.5, last=False)])
    assert (found.arm, found.fraction, found.seed) == ("b", 1.0, 7)
    assert "no result yet" in found.sentence


def test_arms_that_bands_cannot_tell_apart_get_a_seed():
    rows = [row("a", 1.0, 0.50, 0.05), row("a", 1.0, 0.52, 0.05, seed=8), row("b", 1.0, 0.55, 0.05)]
    found = suggest_next(grid(("a", "b")), rows)
    assert (found.arm, found.seed) == ("b", 8)
    assert "a at 100 %" in found.reason and "one seed" in found.reason


def test_a_clear_ladder_gets_a_size_in_its_widest_gap():
    rows = [row("a", 0.1, 0.9), row("a", 0.8, 0.5), row("a", 1.0, 0.4)]
    found = suggest_next(grid(fractions=(0.1, 0.8, 1.0)), rows)
    assert found.fraction == pytest.approx((0.1 * 0.8) ** 0.5, abs=1e-3)
    assert "8 times" in found.reason


def test_clear_arms_get_a_seed_for_the_widest_band():
    found = suggest_next(grid(("a", "b")), [row("a", 1.0, 0.5, 0.02), row("b", 1.0, 2.0, 0.3)])
    assert (found.arm, found.seed) == ("b", 8)
    assert "widest band (1.70 to 2.30)" in found.sentence


def test_nothing_to_say_without_a_metric():
    assert suggest_next(grid(), [row("a", 1.0, 0.5) | {"llm_wer": None}]) is None


def test_bands_add_seeds_to_clips():
    (one,) = places([row("a", 1.0, 0.5, 0.1)], LLM_WER)
    assert (one.low, one.high) == (pytest.approx(0.4), pytest.approx(0.6))
    (two,) = places([row("a", 1.0, 0.4, 0.1), row("a", 1.0, 0.6, 0.1, seed=8)], LLM_WER)
    half = 1.959964 * ((0.1 / 1.959964) ** 2 + 0.02 / 2) ** 0.5  # clip variance + variance of the mean of two seeds
    assert two.mean == pytest.approx(0.5)
    assert two.high - two.mean == pytest.approx(half)


@pytest.mark.parametrize(("name", "ends"), [("llm_wer", (0.0, None)), ("map", (None, 1.0)), ("qa_loss_change", None)])
def test_bands_end_at_the_best_value(name, ends):
    figure = find_figure(name)[1]
    close = 1.0 if figure.best == 1.0 else 0.0
    rows = [{"arm": "a", "fraction": 1.0, "seed": seed, "last": True, name: close + shift}
            for seed, shift in ((7, -0.1), (8, 0.1))]  # fmt: skip
    (found,) = places(rows, figure)
    free = (pytest.approx(close - 1.959964 * 0.1), pytest.approx(close + 1.959964 * 0.1))
    low, high = ends or (None, None)
    assert (found.low, found.high) == (free[0] if low is None else low, free[1] if high is None else high)
