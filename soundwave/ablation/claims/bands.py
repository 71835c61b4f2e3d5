"""Bands of differences that hold for all comparisons of a study at once: over seeds and over clips, with few seeds.

A difference D has three variances: of seeds (its own between seeds, drawn towards that of all cells), of clips (groups
drawn once more, the mean over seeds), and of both together, which the two count twice. The half width is

    sqrt(c² clips + max(0, s² seeds - c² both))

with c and s the 95 % quantiles of the largest |t| over all comparisons: c when groups of clips are drawn again, s when
seeds are drawn from a normal law and their variance is estimated anew from as few as there are. So few seeds give wide
bands, as Student's t does, and two cells that are in many comparisons count as they must. docs/claims.md has the why.

Where so few clips differ between two cells that a sign test could not tell them apart whatever it found, drawing clips
again mostly draws none of these: such a comparison has no band, and widens no other one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import polygamma

from soundwave.ablation.claims.contrasts import Contrast
from soundwave.ablation.claims.measured import MeasuredOutcome

Floats = NDArray[np.float64]

REPLICATES = 4000
LEVEL = 0.05  # of false claims, over all comparisons of a study together
MANY = 2_000_000  # numbers of one draw at a time
FEW_GROUPS = 8
ROUNDING = 1e-9  # of the largest difference of a clip: what sums of floats leave
_NEWTON = 50


@dataclass(frozen=True)
class Variances:
    """Of the differences of one outcome. Every array is (contrasts,)."""

    difference: Floats
    """Mean over the seeds that the cells of a contrast share."""
    seeds: Floats
    """Variance of that mean as seeds change; NaN where one seed is all there is."""
    clips: Floats
    """As test clips change; 0 where nothing says it."""
    both: Floats
    """The part of `seeds` that is clips answered differently by each seed, and is in `clips`, too."""
    count: NDArray[np.int64]
    """Seeds of each contrast."""
    pooling: float
    """How far each variance between seeds is drawn to that of all cells: 0 not at all, 1 there."""
    cell_seed_sd: float
    """Standard deviation of a cell's figure between seeds, what seeds do to all cells taken out; NaN: not known."""
    clip_sd: float
    """Standard deviation over clips of a clip's difference between two cells; NaN: not known."""


@dataclass(frozen=True)
class Bands:
    """Half widths of the bands of one outcome's differences, (contrasts,): NaN where one seed is all there is, infinite
    where too few clips differ.
    """

    variances: Variances
    half: Floats
    half_of_clips: Floats
    """Of the very runs that there are: as if another seed would give the same."""


def joint_bands(
    asked: Sequence[tuple[MeasuredOutcome, Sequence[Contrast]]],
    *,
    level: float = LEVEL,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> list[Bands]:
    """Bands for all contrasts of all outcomes of a study: with probability 1 - level every one holds its truth.

    asked: (outcome, its contrasts). Deterministic for a given `seed`.
    """
    generator = np.random.default_rng(seed)
    found = [(measured, weights(contrasts), seed_mask(measured, contrasts)) for measured, contrasts in asked]
    sparse = [too_few_differ(*one, level=level) for one in found]
    variances = [variances_of(*one) for one in found]
    of_seeds, of_clips = np.zeros(replicates), np.zeros(replicates)
    for (measured, contrast, mask), variance, few in zip(found, variances, sparse, strict=True):
        one = (measured, contrast[~few], mask[~few])
        np.maximum(
            of_seeds,
            _largest_of_seeds(*one, pooling=variance.pooling, replicates=replicates, generator=generator),
            out=of_seeds,
        )
        np.maximum(of_clips, _largest_of_clips(*one, replicates=replicates, generator=generator), out=of_clips)
    s, c = np.quantile(of_seeds, 1 - level), np.quantile(of_clips, 1 - level)
    return [_bands(variance, few, float(s), float(c)) for variance, few in zip(variances, sparse, strict=True)]


def too_few_differ(
    measured: MeasuredOutcome, contrast: Floats, mask: NDArray[np.bool_], *, level: float
) -> NDArray[np.bool_]:
    """(contrasts,) whether some clips differ, but fewer than a sign test needs: k of them give p >= 2^(1 - k)."""
    if measured.adds is None or measured.adds.shape[2] < FEW_GROUPS:  # of so few groups none are drawn
        return np.zeros(len(contrast), dtype=bool)
    differs = np.abs(_over_seeds(measured.adds, contrast, mask))
    count = (differs > ROUNDING * differs.max(axis=1, keepdims=True)).sum(axis=1)
    few: NDArray[np.bool_] = (count > 0) & (count < math.ceil(1 - math.log2(level)))
    return few


def _over_seeds(values: Floats, contrast: Floats, mask: NDArray[np.bool_]) -> Floats:
    """(contrasts, groups) of `values` (cells, seeds, groups): the mean over each contrast's seeds."""
    weight = mask / mask.sum(axis=1, keepdims=True).clip(1)  # (contrasts, seeds)
    found: Floats = np.einsum("mk,ms,ksg->mg", contrast, weight, values, optimize=True)
    return found


def _bands(variance: Variances, few: NDArray[np.bool_], s: float, c: float) -> Bands:
    seeds = s**2 * variance.seeds - c**2 * variance.both
    half = np.sqrt(c**2 * variance.clips + np.maximum(0.0, seeds))
    half[few & ~np.isnan(half)] = np.inf
    return Bands(variance, half, np.where(few, np.inf, c * np.sqrt(variance.clips)))


def weights(contrasts: Sequence[Contrast]) -> Floats:
    """(contrasts, cells) weights of the cells' figures."""
    return np.array([contrast.weights for contrast in contrasts])


def seed_mask(measured: MeasuredOutcome, contrasts: Sequence[Contrast]) -> NDArray[np.bool_]:
    """(contrasts, seeds) whether a contrast has a seed."""
    return np.array([[seed in contrast.seeds for seed in measured.seeds] for contrast in contrasts])


def variances_of(measured: MeasuredOutcome, contrast: Floats, mask: NDArray[np.bool_]) -> Variances:
    """The differences of `contrast` (contrasts, cells) over the seeds in `mask` (contrasts, seeds)."""
    count = mask.sum(axis=1)
    values = np.where(np.isfinite(measured.values), measured.values, 0.0)
    differences = contrast @ values
    mean = (differences * mask).sum(axis=1) / np.maximum(1, count)
    own = _between(differences, mask)
    pooled, share = pooled_variance(measured.values)
    squares = (contrast**2).sum(axis=1)
    seeds = own if np.isnan(pooled) else (1 - share) * own + share * pooled * squares
    clips, both = _of_clips(measured, contrast, mask)
    seeds = np.where(count > 1, np.maximum(seeds / np.maximum(1, count), both), np.nan)
    seeds[seeds == 0] = np.nan  # seeds that change nothing at all were not at work
    if np.isnan(pooled) and (count > 1).any():
        pooled = float(np.mean((own / squares)[count > 1]))
    clip_sd = float(np.sqrt(np.mean(clips * measured.clips / squares * 2))) if clips.any() else np.nan
    return Variances(mean, seeds, clips, both, count, share, float(np.sqrt(pooled)), clip_sd)


def _between(differences: Floats, mask: NDArray[np.bool_]) -> Floats:
    """(contrasts,) variance between the seeds of each; NaN with one."""
    count = np.maximum(1, mask.sum(axis=-1))
    mean = (differences * mask).sum(axis=-1, keepdims=True) / count[..., None]
    squares = (((differences - mean) * mask) ** 2).sum(axis=-1)
    found: Floats = np.where(count > 1, squares / np.maximum(1, count - 1), np.nan)
    return found


def pooled_variance(values: Floats) -> tuple[float, float]:
    """(variance between seeds of all cells, how far a contrast's own is to be drawn to it); NaN and 0 for two cells.

    The share follows Smyth (2004): cells whose variances differ no more than few seeds explain lend each other all
    their degrees of freedom, cells that differ more lend fewer.

    values: (cells, seeds); only seeds that all cells have count.
    """
    values = values[:, np.isfinite(values).all(axis=0)]
    cells, seeds = values.shape
    if cells < 3 or seeds < 2:
        return float("nan"), 0.0
    residual = values - values.mean(axis=0)
    residual -= residual.mean(axis=1, keepdims=True)
    squares = (residual**2).sum(axis=1)
    own = seeds - 1
    pooled = float(squares.sum() / own / (cells - 1))
    if pooled <= 0:
        return pooled, 0.0
    # Beside a cell that is very uneven all others' residuals look alike: so variances as they are count, too.
    excess = max(_excess(squares, own), _excess(((values - values.mean(axis=1, keepdims=True)) ** 2).sum(axis=1), own))
    most = (cells - 2) * own  # what the other cells have to lend
    lent = most if excess <= 0 else min(most, 2 * _inverse_trigamma(excess))
    return pooled, lent / (lent + own)


def _excess(squares: Floats, freedom: int) -> float:
    """By how much logarithms of variances differ more than their degrees of freedom explain."""
    logs = np.log(np.maximum(squares, 1e-12 * squares.max()))
    return float(logs.var(ddof=1) - polygamma(1, freedom / 2))


def _inverse_trigamma(value: float) -> float:
    """x with trigamma(x) = value (Smyth 2004, appendix)."""
    x = 0.5 + 1 / value
    for _ in range(_NEWTON):
        at = float(polygamma(1, x))
        step = at * (1 - at / value) / float(polygamma(2, x))
        x += step
        if abs(step) < 1e-9 * x:
            break
    return x


def _of_clips(measured: MeasuredOutcome, contrast: Floats, mask: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """(contrasts,) variance of the mean over clips, and the part of it that differs between seeds."""
    if measured.parts is None:
        spread = np.where(np.isfinite(measured.spread), measured.spread, 0.0)
        return contrast**2 @ spread, np.zeros(len(contrast))
    groups = measured.parts.shape[2]
    widen = groups / max(1, groups - 1)
    clips, both = np.zeros(len(contrast)), np.zeros(len(contrast))
    flat = measured.parts.reshape(len(measured.cells), -1)
    for number, (row, seeds) in enumerate(zip(contrast, mask, strict=True)):
        parts = (row @ flat).reshape(len(seeds), groups)[seeds]  # (seeds, groups) of the difference
        mean = parts.mean(axis=0)
        count = len(parts)
        clips[number] = widen * (mean**2).sum()
        if count > 1:
            both[number] = widen * ((parts - mean) ** 2).sum() / (count * (count - 1))
    return clips, both


def _largest_of_seeds(
    measured: MeasuredOutcome,
    contrast: Floats,
    mask: NDArray[np.bool_],
    *,
    pooling: float,
    replicates: int,
    generator: np.random.Generator,
) -> Floats:
    """(replicates,) the largest |t| of contrasts with two seeds or more, when nothing but seeds differs."""
    there = mask.sum(axis=1) > 1
    if not there.any():
        return np.zeros(replicates)
    contrast, mask = contrast[there], mask[there]
    cells, seeds = measured.values.shape
    complete = np.isfinite(measured.values).all(axis=0)
    squares = (contrast**2).sum(axis=1)
    count = mask.sum(axis=1)
    found = np.empty(replicates)
    chunk = max(1, MANY // (len(contrast) * seeds))
    for start in range(0, replicates, chunk):
        drawn = generator.standard_normal((min(chunk, replicates - start), cells, seeds))
        differences = contrast @ drawn  # (replicates, contrasts, seeds)
        variance = _between(differences, mask)
        if pooling > 0:
            variance = (1 - pooling) * variance + pooling * _pooled(drawn[:, :, complete])[:, None] * squares
        mean = (differences * mask).sum(axis=2) / count
        found[start : start + chunk] = (np.abs(mean) / np.sqrt(variance / count)).max(axis=1)
    return found


def _pooled(drawn: Floats) -> Floats:
    """(replicates,) variance between seeds of all cells, the effect of each seed on all of them taken out."""
    _, cells, seeds = drawn.shape
    residual = drawn - drawn.mean(axis=1, keepdims=True)
    residual -= residual.mean(axis=2, keepdims=True)
    found: Floats = (residual**2).sum(axis=(1, 2)) / ((seeds - 1) * (cells - 1))
    return found


def _largest_of_clips(
    measured: MeasuredOutcome,
    contrast: Floats,
    mask: NDArray[np.bool_],
    *,
    replicates: int,
    generator: np.random.Generator,
) -> Floats:
    """(replicates,) the largest |t| when groups of clips are drawn again, each draw with its own variance."""
    if measured.parts is None:
        spread = np.sqrt(np.where(np.isfinite(measured.spread), measured.spread, 0.0))
        scale = np.sqrt(contrast**2 @ spread**2)
        if not scale.any():
            return np.zeros(replicates)
        moved = (generator.standard_normal((replicates, len(spread))) * spread) @ contrast.T
        return np.asarray((np.abs(moved[:, scale > 0]) / scale[scale > 0]).max(axis=1))
    groups = measured.parts.shape[2]
    means = _over_seeds(measured.parts, contrast, mask)
    means = means[(means**2).sum(axis=1) > 0]
    if not len(means):
        return np.zeros(replicates)
    if groups < FEW_GROUPS:  # too few to draw from: as if each comparison had groups of its own
        drawn = np.abs(generator.standard_t(groups - 1, size=(replicates, len(means))))
        return np.asarray(drawn.max(axis=1))
    found = np.empty(replicates)
    chunk = max(1, MANY // groups)
    for start in range(0, replicates, chunk):
        size = min(chunk, replicates - start)
        picks = generator.integers(groups, size=(size, groups)) + groups * np.arange(size)[:, None]
        times = np.bincount(picks.ravel(), minlength=size * groups).reshape(size, groups)
        moved, squares = times @ means.T, times @ (means**2).T
        variance = np.maximum(squares - moved**2 / groups, 1e-30) * groups / (groups - 1)
        found[start : start + size] = (np.abs(moved) / np.sqrt(variance)).max(axis=1)
    return found
