"""Error rates: what counts as equal, and known counts."""

import numpy as np
import pytest

from manifests.errors import InputError
from soundwave.evaluate.error_rates import bootstrap_band, error_rates, normal


@pytest.mark.parametrize(
    ("one", "other"), [("Press 1.", "press one"), ("PBX", "p b x"), ("it's", "it is"), ("twenty one", "21")]
)
def test_equal_after_normalisation(one, other):
    assert normal(one) == normal(other)


def test_counts():
    rates = error_rates(["press one now please", "hear the message"], ["press two now", "hear the the message"])
    assert (rates.substitutions, rates.deletions, rates.insertions) == (1, 1, 1)
    assert rates.words == 7 and rates.wer == pytest.approx(3 / 7) and rates.clips == 2
    low, high = rates.wer_band
    assert low <= rates.wer <= high


def test_no_answer_at_all_is_all_deleted():
    assert error_rates(["press one"], [""]).wer == 1.0


def test_a_band_narrows_with_clips_and_is_reproducible():
    rng = np.random.default_rng(1)
    errors, words = rng.integers(0, 3, 400).astype(float), np.full(400, 5.0)
    few, many = bootstrap_band(errors[:20], words[:20]), bootstrap_band(errors, words)
    assert many[1] - many[0] < few[1] - few[0]
    assert bootstrap_band(errors, words) == many


def test_nothing_to_score():
    with pytest.raises(InputError, match="nothing to score"):
        error_rates(["..."], ["x"])
    with pytest.raises(InputError, match="expected as many"):
        error_rates(["a"], [])
