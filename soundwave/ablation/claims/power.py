"""What a study could show: the smallest difference that seeds and clips leave visible, and how many seeds one needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.stats import norm, t

LEVEL, POWER = 0.05, 0.8
MOST_SEEDS = 60  # more than this is said as "not by seeds"

# Of a small test set as the demo's (29 clips, 311 words): word error rates of one recipe with two seeds were 0.34 and
# 0.40, and clips answered differently by two runs moved a clip's part in the rate by 0.3 or so.
SEED_SD, CLIP_SD = 0.03, 0.25


@dataclass(frozen=True)
class Noise:
    """How much a figure moves when nothing that is asked about has changed."""

    seed_sd: float = SEED_SD
    """Standard deviation of a cell's figure between seeds."""
    clip_sd: float = CLIP_SD
    """Standard deviation over clips of a clip's difference between two cells, in units of the figure."""


def smallest_difference(
    seeds: int,
    clips: int,
    seed_sd: float,
    clip_sd: float,
    *,
    cells: int = 2,
    comparisons: int | None = None,
    level: float = LEVEL,
    power: float = POWER,
) -> float:
    """The smallest difference between two cells that would be claimed with probability `power`; inf with one seed.

    Args:
        seeds: that every cell is trained with.
        clips: of the test set, or groups of them (by speaker).
        seed_sd: standard deviation of a cell's figure between seeds.
        clip_sd: standard deviation over clips of a clip's difference between two cells, its weight included.
        cells: in the study: they lend each other what they say of seeds.
        comparisons: that the study makes; None: every pair of cells.
        level: of false claims over all comparisons together.
        power: how likely the difference is to be claimed.
    """
    if seeds < 2:
        return math.inf
    many = comparisons or cells * (cells - 1) // 2 or 1
    of_seeds, of_clips = 2 * seed_sd**2 / seeds, clip_sd**2 / max(1, clips)
    s = _quantile(level / many, (seeds - 1) * max(1, cells - 1))
    c = _quantile(level / many, max(1, clips - 1))
    half = math.hypot(s * math.sqrt(of_seeds), c * math.sqrt(of_clips))
    return half + float(norm.ppf(power)) * math.sqrt(of_seeds + of_clips)


def seeds_needed(
    difference: float,
    clips: int,
    noise: Noise,
    *,
    cells: int = 2,
    comparisons: int | None = None,
    level: float = LEVEL,
    power: float = POWER,
) -> int | None:
    """The fewest seeds with which `difference` would be claimed; None when no number up to MOST_SEEDS does."""
    for seeds in range(2, MOST_SEEDS + 1):
        smallest = smallest_difference(
            seeds,
            clips,
            noise.seed_sd,
            noise.clip_sd,
            cells=cells,
            comparisons=comparisons,
            level=level,
            power=power,
        )
        if smallest <= abs(difference):
            return seeds
    return None


def clips_needed(
    difference: float, seeds: int, noise: Noise, *, cells: int = 2, comparisons: int | None = None
) -> int | None:
    """About how many test clips would show `difference` with as many seeds; None: seeds alone hide it."""
    clips = 8
    while clips <= 10**7:
        if smallest_difference(seeds, clips, noise.seed_sd, noise.clip_sd, cells=cells, comparisons=comparisons) <= abs(
            difference
        ):
            return clips
        clips = math.ceil(clips * 1.25)
    return None


def _quantile(level: float, freedom: int) -> float:
    return float(t.isf(level / 2, freedom))
