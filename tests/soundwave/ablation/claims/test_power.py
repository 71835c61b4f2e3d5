"""The smallest difference that would be claimed, against studies that have just that."""

import math

import numpy as np
import pytest

from soundwave.ablation.claims.bands import joint_bands
from soundwave.ablation.claims.contrasts import contrasts
from soundwave.ablation.claims.power import Noise, clips_needed, seeds_needed, smallest_difference
from tests.soundwave.ablation.claims.test_bands import made


def test_one_seed_claims_nothing():
    assert smallest_difference(1, 1000, 0.01, 0.1) == math.inf


def test_more_seeds_clips_and_fewer_comparisons_show_smaller_differences():
    base = smallest_difference(3, 100, 0.03, 0.3)
    assert smallest_difference(5, 100, 0.03, 0.3) < base
    assert smallest_difference(3, 1000, 0.03, 0.3) < base
    assert smallest_difference(3, 100, 0.03, 0.3, cells=6, comparisons=15) != base
    assert smallest_difference(3, 100, 0.03, 0.3, cells=6, comparisons=1) < base  # six cells know more of seeds


def test_the_difference_it_names_is_claimed_about_four_times_in_five():
    generator = np.random.default_rng(0)
    seed_sd, clip_sd, clips, seeds = 0.03, 0.3, 200, 4
    difference = smallest_difference(seeds, clips, seed_sd, clip_sd)
    shown = 0
    for _ in range(150):
        values = generator.normal(0, seed_sd, (2, seeds, 1)) + generator.normal(0, clip_sd / 2**0.5, (2, 1, clips))
        values = values + np.array([0.0, difference])[:, None, None]
        study = made(values)
        (bands,) = joint_bands([(study, contrasts(study))], replicates=400)
        shown += bool(np.abs(bands.variances.difference[0]) > bands.half[0])
    assert 0.7 * 150 <= shown <= 0.95 * 150


def test_seeds_and_clips_that_would_show_a_difference():
    noise = Noise(seed_sd=0.03, clip_sd=0.3)
    needed = seeds_needed(0.1, 200, noise)
    assert needed is not None
    assert smallest_difference(needed, 200, 0.03, 0.3) <= 0.1 < smallest_difference(needed - 1, 200, 0.03, 0.3)
    assert seeds_needed(0.01, 29, noise) is None  # the clips alone hide it
    more = clips_needed(0.1, needed, noise)
    assert more is not None and more <= 250
    assert clips_needed(0.001, 3, noise) is None  # the seeds alone hide it


@pytest.mark.parametrize("difference", [0.0, -0.1])
def test_no_difference_needs_no_number_and_signs_do_not_matter(difference):
    found = seeds_needed(difference, 200, Noise(0.03, 0.3))
    assert found == (seeds_needed(0.1, 200, Noise(0.03, 0.3)) if difference else None)
