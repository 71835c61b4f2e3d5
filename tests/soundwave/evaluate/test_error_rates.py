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


def test_rates_say_what_they_count():
    texts, languages = ["今天天气很好", "press one"], ["zh", "en"]
    assert (
        error_rates(texts[:1], ["今天天汽很好"], languages=languages[:1]).row().items()
        >= {
            "unit": "characters",
            "wer": 1 / 6,
            "cer": 1 / 6,
            "words": 6,
        }.items()
    )
    both = error_rates(texts, ["今天天汽很好", "press 1"], languages=languages)
    assert (both.unit, both.words, both.wer) == ("words, and characters in zh", 8, 1 / 8)
    assert error_rates(["one"], ["1"]).unit == "words"


def test_the_table_says_so(capsys):
    from soundwave.cli.eval import _show

    rates = {"clips": 1, "words": 6, "wer_unit": "characters", "ctc_wer": 0.5, "ctc_wer_band": [0, 1], "ctc_cer": 0.5}
    _show([{"run": "r", "stage": "alignment", "corpus": "c", "split": "test", "families": {"asr": rates}}], None)
    assert "WER counts characters: there are no spaces between words." in capsys.readouterr().out
