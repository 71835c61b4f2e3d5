"""The power law against numbers made from one, and its refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import InputError
from soundwave.ablation.fits.size import Point, fit_power_law, power_law


def points(hours, offset, scale, exponent):
    return [Point(size, float(power_law(np.array(size), offset, scale, exponent))) for size in hours]


@settings(max_examples=30, deadline=None)
@given(
    offset=st.floats(0.02, 0.3),
    error_at_middle=st.floats(0.1, 1.0),
    exponent=st.floats(0.3, 1.5),
    first=st.floats(0.05, 100),
)
def test_finds_the_law_the_points_were_made_from(offset, error_at_middle, exponent, first):
    hours = first * 2.0 ** np.arange(7)
    scale = error_at_middle * hours[3] ** exponent
    curve = fit_power_law(points(hours, offset, scale, exponent)).curve
    assert curve is not None
    assert curve.exponent == pytest.approx(exponent, rel=0.02)
    assert curve.offset == pytest.approx(offset, abs=0.01)
    assert curve.predict(hours) == pytest.approx(power_law(hours, offset, scale, exponent), rel=1e-3)


def test_three_sizes_hold_the_offset_at_zero_and_say_so():
    fit = fit_power_law(points([0.1, 0.2, 0.4], 0.0, 0.2, 0.5))
    assert fit.curve is not None and fit.curve.offset == 0
    assert fit.curve.exponent == pytest.approx(0.5, abs=1e-4)
    assert "offset held at 0" in fit.reason
    assert fit.curve.replicates == () and fit.curve.band([0.2]) is None  # one seed, no bands: nothing gives a band


def test_too_few_sizes_give_no_curve_but_a_reason():
    two = [Point(0.1, 0.8), Point(0.2, 0.6), Point(0.201, 0.61)]  # the last two are one size
    fit = fit_power_law(two)
    assert fit.curve is None
    assert "2 distinct sizes" in fit.reason
    assert "0 distinct sizes" in fit_power_law([]).reason


def test_a_rising_error_is_no_power_law():
    fit = fit_power_law([Point(0.1, 0.5), Point(0.2, 0.6), Point(0.4, 0.7)])
    assert fit.curve is None
    assert "does not fall" in fit.reason


def test_bands_come_from_clips_and_seeds_and_hold_the_truth():
    law = (0.0, 0.25, 0.6)
    generator = np.random.default_rng(1)
    cells = []
    for size in (0.1, 0.2, 0.4, 0.8):
        for _ in range(3):
            error = float(power_law(np.array(size), *law)) + generator.normal() * 0.01
            cells.append(Point(size, error, error - 0.02, error + 0.02))
    curve = fit_power_law(cells, replicates=100).curve
    assert curve is not None
    assert curve.band_from == "seeds and test clips"
    sizes = np.array([0.1, 0.3, 0.8])
    low, high = curve.band(sizes)
    truth = power_law(sizes, *law)
    assert np.all(low < truth) and np.all(truth < high)
    assert np.all(low <= curve.predict(sizes)) and np.all(curve.predict(sizes) <= high)
    assert fit_power_law(cells, replicates=100).curve == curve  # the same points give the same band


def test_never_extrapolates_silently():
    curve = fit_power_law(points([0.1, 0.2, 0.4], 0.0, 0.2, 0.5)).curve
    assert curve is not None
    with pytest.raises(InputError, match=r"saw 0\.1 to 0\.4 hours and was asked about 1\b"):
        curve.predict([0.2, 1.0])
    with pytest.raises(InputError):
        curve.band(0.01)
    assert curve.predict(1.0, extrapolate=True) == pytest.approx(0.2, rel=1e-3)
