"""Effective hours: found where repetition and size are told apart, a sentence where they are not."""

import numpy as np
import pytest

from soundwave.ablation.fits.repeats import effective_hours, fit_repeats


def runs(decay, noise=0.0, both=True):
    sizes = np.repeat([0.5, 1.0, 2.0, 4.0, 8.0], 3)
    passes = np.full(len(sizes), 2.0)
    if both:  # matched: as many passes; free: as much heard
        sizes, passes = np.tile(sizes, 2), np.concatenate([passes, 32.0 / sizes])
    errors = 0.1 + 0.5 * effective_hours(sizes, passes, decay) ** -0.5
    return sizes, passes, errors + noise * np.random.default_rng(0).normal(size=len(errors))


def test_finds_how_fast_passes_lose_their_worth():
    found = fit_repeats(*runs(5.0, noise=0.002))
    assert found.decay == pytest.approx(5.0, rel=0.4)
    assert found.decay_low <= 5.0 <= found.decay_high
    assert found.exponent == pytest.approx(0.5, abs=0.15)
    assert "is worth half of a first one" in found.sentence


def test_a_pass_counts_as_the_law_says():
    assert effective_hours(np.array([2.0]), np.array([1.0]), 5.0) == pytest.approx([2.0])
    assert effective_hours(np.array([2.0]), np.array([1e9]), 5.0) == pytest.approx([12.0])


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (runs(5.0, both=False), "needs both `repeats: matched` and `free`"),
        (tuple(part[:4] for part in runs(5.0)), "needs at least 6"),
        ((np.ones(8), np.arange(1.0, 9.0), np.linspace(1, 0.5, 8)), "about the same hours"),
    ],
    ids=["matched alone", "too few", "one size"],
)
def test_what_cannot_be_told_is_said(given, why):
    assert why in fit_repeats(*given)


def test_an_error_that_rises_is_no_law():
    hours, passes, errors = runs(5.0)
    assert "does not fall" in fit_repeats(hours, passes, 1 - errors)
