"""The next run is where it tells most for its cost."""

import numpy as np
import pytest

from soundwave.ablation.claims.measured import measure
from soundwave.ablation.fits.frame import frames
from soundwave.ablation.fits.gain import gains
from tests.soundwave.ablation.small_study import LLM_WER, row, shares


def told(rows, cost=lambda frame, points: np.ones(len(points))):
    return gains(frames(measure(rows, "llm_wer", LLM_WER)), "lower", cost)


def test_it_looks_near_the_best_and_not_where_it_is_bad():
    first = told(shares())[0]
    assert 0.05 < first.point[0] < 0.45 and first.gain > 0


def test_what_costs_much_waits():
    def dear(frame, points):
        return np.where(points[:, 0] < 0.3, 1000.0, 1.0)

    assert told(shares(), dear)[0].point[0] >= 0.3


def test_a_noisy_cell_is_asked_again_and_a_sure_one_is_not():
    values = (0.0, 0.2, 0.4, 0.6)
    sure = {one.point[0]: one.gain for one in told(shares(values, seeds=range(30), noise=0.02)) if one.seen}
    noisy = {one.point[0]: one.gain for one in told(shares(values, seeds=(7, 8), noise=0.02)) if one.seen}
    assert set(sure) == set(noisy) == set(values)
    assert noisy[0.2] > 5 * sure[0.2]


def test_settings_that_are_whole_numbers_stay_whole():
    rows = [
        row("a", 0.3 + (n - 4) ** 2 / 50, seed, axes={"stage.sft.steps": n}) for n in (1, 3, 6, 9) for seed in (7, 8)
    ]
    points = {float(one.point[0]) for one in told(rows)}
    assert points == set(range(1, 10))


def test_it_finds_the_best_with_less_than_cells_at_random():
    """Eight more runs each: how far the value is from the best where the process says it is."""
    ours, random = [], []
    for number in range(3):
        generator = np.random.default_rng(number)

        def run(share, generator=generator):
            error = 0.3 + (share - 0.27) ** 2 + generator.normal(0, 0.01)
            return row("full", error, int(generator.integers(10**6)), axes={"share.sound": round(float(share), 6)})

        start = [run(share) for share in (0.0, 0.3, 0.6, 0.9)]
        chosen = list(start)
        for _ in range(6):
            chosen.append(run(told(chosen)[0].point[0]))
        ours.append(regret(chosen))
        random.append(regret([*start, *(run(share) for share in generator.uniform(0, 0.9, 6))]))
    assert np.mean(ours) < np.mean(random)


def regret(rows):
    best = min((one for one in told(rows)), key=lambda one: one.predicted)
    return (best.point[0] - 0.27) ** 2


ARMS = [row("a", 0.3, 7), row("b", 0.4, 7)]


@pytest.mark.parametrize("rows", [shares((0.0, 0.1, 0.2)), ARMS], ids=["few", "no axis"])
def test_where_there_is_no_curve_there_is_no_gain(rows):
    assert told(rows) == []
