"""Curves along shares and sizes: which is chosen, whether bands hold the truth, and what is too little to fit."""

from collections import Counter

import numpy as np
import pytest

from soundwave.ablation.claims.measured import measure
from soundwave.ablation.fits.choose import choose_fit
from soundwave.ablation.fits.frame import CellFrame, frames
from soundwave.ablation.fits.optimum import check, find_optimum, propose_check
from tests.soundwave.ablation.small_study import LLM_WER, row, shares


def frame_of(rows):
    (frame,) = frames(measure(rows, "llm_wer", LLM_WER))
    return frame


def law(share):
    return 0.3 + 0.3 * np.exp(-6 * share) + 0.4 * np.exp(-3 * (1 - share))


def rows_of(truth, values, seeds=(7, 8, 9), noise=0.01, random=0):
    generator = np.random.default_rng(random)
    return [
        row("full", float(truth(share)) + generator.normal(0, noise), seed, axes={"share.sound": share})
        for share in values
        for seed in seeds
    ]


VALUES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)


def test_bands_hold_the_truth_nine_times_in_ten():
    inside, chosen = [], Counter()
    for random in range(12):
        fit = choose_fit(frame_of(rows_of(law, VALUES, random=random)))
        points = np.linspace(0, 0.9, 31)[:, None]
        low, high = fit.band(points, draws=300)
        inside.append(((low <= law(points[:, 0])) & (law(points[:, 0]) <= high)).mean())
        chosen[fit.response.name] += 1
    assert 0.8 <= np.mean(inside) <= 0.99
    assert chosen["no response"] == chosen["straight line"] == 0


@pytest.mark.parametrize(
    ("truth", "name"),
    [(lambda _: 0.4, "no response"), (lambda share: 0.3 + share * 0.3, "straight line")],
    ids=["flat", "line"],
)
def test_what_is_simple_stays_simple(truth, name):
    values = np.linspace(0, 0.9, 10)
    errors = choose_fit(frame_of(rows_of(truth, values, noise=1e-3))).errors
    assert errors[name] < 1.3 * min(errors.values())


def test_the_optimum_has_a_band_and_two_cells_that_check_it():
    frame = frame_of(shares())
    fit = choose_fit(frame)
    found = find_optimum(fit, "lower")
    assert found.at["share.sound"] == pytest.approx(0.2, abs=0.05)
    assert found.low["share.sound"] <= 0.2 <= found.high["share.sound"]
    best, away = propose_check(fit, "lower")
    assert best.at == found.at
    assert abs(away.at["share.sound"] - 0.2) > 0.1 and away.low > best.high
    said = check([best, away], frame)
    assert all("not trained yet" in line for line in said)
    held, missed = (
        rows_of(lambda share: 0.3, [best.at["share.sound"]]),
        rows_of(lambda share: 0.9, [away.at["share.sound"]]),
    )
    later = frame_of([*shares(), *held, *missed])
    said = check([best, away], later)
    assert said[0].endswith("the prediction held.") and said[1].endswith("the prediction did not hold.")


def test_a_best_value_at_an_end_is_said():
    fit = choose_fit(frame_of(rows_of(lambda share: 0.5 - 0.3 * share, VALUES, noise=1e-3)))
    assert "the best may lie beyond" in find_optimum(fit, "lower").sentence
    assert find_optimum(fit, "higher").at["share.sound"] == 0


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (rows_of(law, (0.0, 0.1, 0.2)), "at least 4"),
        (rows_of(lambda _: 0.4, VALUES, noise=0.0), "same in every cell"),
    ],
    ids=["three cells", "all alike"],
)
def test_what_has_no_curve_says_why(rows, why):
    assert why in choose_fit(frame_of(rows))


@pytest.mark.parametrize("seeds", [(7,), (7, 8)])
@pytest.mark.parametrize("values", [(0.0, 0.1, 0.2, 0.4), (0.0, 1.0, 0.5, 0.999), (1e-6, 1e-4, 1e-2, 1.0)])
def test_few_cells_and_odd_shares_give_numbers(values, seeds):
    frame = frame_of(rows_of(law, values, seeds=seeds))
    fit = choose_fit(frame)
    low, high = fit.band(frame.points)
    assert np.isfinite([*low, *high, *fit.errors.values()]).all()
    assert np.isfinite(find_optimum(fit, "lower").value)


def test_size_and_share_make_a_surface():
    truth = lambda size, share: 0.2 + 0.1 * size**-0.5 + (share - 0.2) ** 2  # noqa: E731
    rows = [
        row("full", truth(size, share) + 1e-3 * seed, seed, fraction=size, axes={"share.sound": share})
        for size in (0.125, 0.25, 0.5, 1.0)
        for share in (0.0, 0.1, 0.2, 0.4, 0.6)
        for seed in (7, 8)
    ]
    found = find_optimum(choose_fit(frame_of(rows)), "lower")
    assert found.at["size"] == 1.0 and found.at["share.sound"] == pytest.approx(0.2, abs=0.1)


def test_shares_that_sum_to_one_lose_the_last():
    rows = [
        row("a", 0.3, 7, axes={"shares": {"asr": a, "sound": b, "st": 1 - a - b}})
        for a, b in ((0.2, 0.3), (0.5, 0.1), (0.1, 0.1), (0.6, 0.2))
    ]
    assert [axis.name for axis in frame_of(rows).axes] == ["shares.asr", "shares.sound"]


def test_arms_are_frames_of_their_own_and_names_are_no_numbers():
    rows = [
        row(arm, 0.3, 7, axes={"share.sound": share, "stage.alignment.ctc_units": "letters"})
        for arm in ("a", "b")
        for share in (0.0, 0.1)
    ]
    found: list[CellFrame] = frames(measure(rows, "llm_wer", LLM_WER))
    assert [frame.title for frame in found] == ["a", "b"]
