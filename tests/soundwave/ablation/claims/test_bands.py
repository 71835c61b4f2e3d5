"""Bands hold: null studies are not claimed, whatever the seeds, and few seeds give wide bands."""

import numpy as np
import pytest

from soundwave.ablation.claims.bands import joint_bands, pooled_variance, seed_mask, variances_of, weights
from soundwave.ablation.claims.contrasts import contrasts
from soundwave.ablation.claims.measured import CellSettings, MeasuredOutcome
from tests.soundwave.ablation.small_study import LLM_WER

STUDIES = 100


def made(values):
    """(cells, seeds, clips) values of clips as an outcome."""
    cells, seeds, clips = values.shape
    means = values.mean(axis=2)
    names = tuple(CellSettings((("arm", f"arm-{n}"),)) for n in range(cells))
    parts = (values - means[:, :, None]) / clips
    return MeasuredOutcome("llm_wer", LLM_WER, names, tuple(range(seeds)), means, parts, np.full(cells, np.nan), clips)


def null_study(generator, cells, seeds, clips=29, seed_sd=0.03, uneven=1.0):
    own = seed_sd * np.exp(generator.uniform(-np.log(uneven), np.log(uneven), cells))
    level = generator.normal(0.37, 0.3, (1, 1, clips)) + generator.normal(0, 0.02, (1, seeds, 1))
    moved = generator.normal(0, 1, (cells, seeds, 1)) * own[:, None, None] + generator.normal(0, 0.1, (cells, 1, clips))
    return made(level + moved + 0.15 * (generator.standard_exponential((cells, seeds, clips)) - 1))


def false_claims(cells, seeds, uneven=1.0):
    """(ours, those of resampling clips alone) studies of STUDIES with a claim where nothing differs."""
    generator = np.random.default_rng(cells * 10 + seeds)
    ours = naive = 0
    for _ in range(STUDIES):
        measured = null_study(generator, cells, seeds, uneven=uneven)
        asked = contrasts(measured)
        (bands,) = joint_bands([(measured, asked)], replicates=400)
        ours += bool((np.abs(bands.variances.difference) > bands.half).any())
        naive += bool((np.abs(bands.variances.difference) > 1.96 * np.sqrt(bands.variances.clips)).any())
    return ours, naive


@pytest.mark.parametrize(("cells", "seeds", "uneven"), [(2, 2, 1.0), (2, 5, 1.0), (3, 3, 2.0), (6, 3, 2.0)])
def test_studies_in_which_nothing_differs_claim_nothing(cells, seeds, uneven):
    ours, naive = false_claims(cells, seeds, uneven)
    assert ours <= 0.05 * STUDIES
    assert naive > 0.05 * STUDIES  # clips alone are not enough


def test_what_differs_is_claimed():
    generator = np.random.default_rng(3)
    study = null_study(generator, 3, 3, clips=300)
    values = study.values + np.array([0.0, 0.3, 0.6])[:, None]
    study = MeasuredOutcome(**{**vars(study), "values": values})
    (bands,) = joint_bands([(study, contrasts(study))])
    assert (np.abs(bands.variances.difference) > bands.half).all()


def test_bands_are_the_same_every_time_and_more_comparisons_widen_them():
    generator = np.random.default_rng(4)
    study = null_study(generator, 6, 3)
    asked = contrasts(study)
    (all_pairs,), (again,) = joint_bands([(study, asked)]), joint_bands([(study, asked)])
    (one,) = joint_bands([(study, asked[:1])])
    assert (all_pairs.half == again.half).all()
    assert all_pairs.half[0] > 1.2 * one.half[0]


def test_seeds_that_test_different_clips_are_not_counted_twice():
    generator = np.random.default_rng(5)
    values = generator.normal(0.4, 0.2, (2, 3, 30))
    parts = np.zeros((2, 3, 90))
    for seed in range(3):
        fold = values[:, seed] - values[:, seed].mean(axis=1, keepdims=True)
        parts[:, seed, 30 * seed : 30 * seed + 30] = fold / 30
    study = made(values)
    rotated = MeasuredOutcome(**{**vars(study), "parts": parts, "clips": 90})
    asked = contrasts(rotated)
    found = variances_of(rotated, weights(asked), seed_mask(rotated, asked))
    assert found.clips[0] == pytest.approx(found.both[0], rel=1e-6)  # all of the clips' variance is between seeds


def test_one_seed_has_no_band_but_over_clips():
    study = null_study(np.random.default_rng(6), 2, 1)
    (bands,) = joint_bands([(study, contrasts(study))])
    assert np.isnan(bands.half).all() and (bands.half_of_clips > 0).all()


def test_cells_alike_lend_each_other_their_seeds_and_cells_unlike_do_not():
    generator = np.random.default_rng(7)
    alike = generator.permuted(np.tile([-1.0, 0.0, 1.0], (12, 1)), axis=1)
    unlike = alike * np.geomspace(0.001, 1000, 12)[:, None]
    assert pooled_variance(alike)[1] > 0.8
    assert pooled_variance(unlike)[1] < 0.5
    assert np.isnan(pooled_variance(alike[:2])[0])
    assert pooled_variance(np.ones((4, 3))) == (0.0, 0.0)


def answered(values, weights=None):
    """As `made`, with what each clip adds; weights: of the clips, e.g. their words."""
    weights = np.ones(values.shape[2]) if weights is None else weights
    share = weights / weights.sum()
    figures = (values * share).sum(axis=2)
    parts, adds = (values - figures[:, :, None]) * share, values * share
    facts = vars(made(values)) | {"values": figures, "parts": parts, "adds": adds}
    return MeasuredOutcome(**facts)


@pytest.mark.parametrize("different", [0, 1, 3, 5, 6, 12])
@pytest.mark.parametrize("weighted", [False, True])
def test_an_outcome_in_which_hardly_a_clip_differs_has_no_band_and_widens_no_other(different, weighted):
    """Of 16 answers one differed: many draws of clips had none that did, and all bands of the study were 1e12 wide."""
    generator = np.random.default_rng(different)
    values = np.tile(generator.integers(0, 2, (1, 1, 16)).astype(float), (2, 2, 1))
    values[1, :, :different] = 1 - values[0, :, :different]
    sparse = answered(values, generator.integers(3, 12, 16).astype(float) if weighted else None)
    dense = null_study(generator, 2, 2, clips=40)
    alone = joint_bands([(dense, contrasts(dense))])[0]
    few, other = joint_bands([(sparse, contrasts(sparse)), (dense, contrasts(dense))])
    if 0 < different < 6:  # with five, the smallest p of a sign test is 1/16
        assert np.isinf(few.half_of_clips).all() and not np.isfinite(few.half).any()
        assert other.half == pytest.approx(alone.half, rel=0.1)  # other draws of the same law
    else:
        assert np.isfinite(few.half_of_clips).all() and other.half < 3 * alone.half
