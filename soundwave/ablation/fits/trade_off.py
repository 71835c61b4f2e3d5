"""Several outcomes at once: the cells that no other beats in all of them, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr, t

from soundwave.ablation.claims.bands import pooled_variance
from soundwave.ablation.claims.measured import SIZE, CellSettings, MeasuredOutcome

Floats = NDArray[np.float64]
DRAWS = 1000
FEWEST_RANKS = 4


@dataclass(frozen=True)
class FrontCell:
    """One cell with several outcomes."""

    cell: str
    values: dict[str, float]
    """Outcome -> mean over seeds."""
    on_front: bool
    """No other cell is at least as good in every outcome and better in one."""
    certainty: float | None
    """How often it is, when seeds and clips are drawn again; None: one seed, or two cells."""

    def row(self) -> dict[str, Any]:
        """As written to JSON."""
        return asdict(self)


def pareto(measured: Sequence[MeasuredOutcome], *, seed: int = 0) -> list[FrontCell] | str:
    """The cells that have all outcomes, best first by the first one; or why there is no trade-off to show."""
    if len(measured) < 2:
        return "One outcome has no trade-off."
    shared = [cell for cell in measured[0].cells if all(cell in one.cells for one in measured[1:])]
    if len(shared) < 2:
        return "No two cells have all outcomes: there is no trade-off to show."
    generator = np.random.default_rng(seed)
    means, noise = zip(*(_means(one, shared, generator) for one in measured), strict=True)
    signs = np.array([1.0 if one.figure.better == "lower" else -1.0 for one in measured])
    losses = np.column_stack(means) * signs  # (cells, outcomes): lower is better
    known = all(np.isfinite(one).all() for one in noise)
    drawn = losses + np.stack(noise, axis=2) if known else None
    front = _front(losses[None])[0]
    sure = _front(drawn).mean(axis=0) if drawn is not None else None
    axes = measured[0].axes
    found = [
        FrontCell(
            cell=cell.named(axes),
            values={one.outcome: float(mean[n]) for one, mean in zip(measured, means, strict=True)},
            on_front=bool(front[n]),
            certainty=None if sure is None else float(sure[n]),
        )
        for n, cell in enumerate(shared)
    ]
    return [found[n] for n in np.argsort(losses[:, 0], kind="stable")]


def _means(
    measured: MeasuredOutcome, cells: Sequence[CellSettings], generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """(cells,) means over seeds, and (draws, cells) how else they might have come out: other seeds, other clips."""
    places = [measured.cells.index(cell) for cell in cells]
    values = measured.values[places]
    known = np.isfinite(values)
    count = known.sum(axis=1)
    variance, _ = pooled_variance(values)
    freedom = max(1, (values.shape[1] - 1) * (len(cells) - 1))
    of_seeds = np.sqrt(variance / count) * generator.standard_t(freedom, (DRAWS, len(cells)))
    if measured.parts is None:
        spread = np.where(np.isfinite(measured.spread[places]), measured.spread[places], 0.0)
        of_clips = np.sqrt(spread) * generator.standard_normal((DRAWS, len(cells)))
    else:  # all cells hear the same clips
        parts = measured.parts[places].sum(axis=1) / count[:, None]  # (cells, groups)
        groups = parts.shape[1]
        of_clips = generator.standard_normal((DRAWS, groups)) @ parts.T * np.sqrt(groups / max(1, groups - 1))
    means = np.where(known, values, 0.0).sum(axis=1) / count
    return means, of_seeds + of_clips


def _front(losses: Floats) -> NDArray[np.bool_]:
    """(draws, cells) which cells nobody beats, for losses (draws, cells, outcomes)."""
    no_worse = (losses[:, None] <= losses[:, :, None]).all(axis=3)  # (draws, cell, other): other no worse than cell
    better = (losses[:, None] < losses[:, :, None]).any(axis=3)
    beaten: NDArray[np.bool_] = np.asarray(no_worse & better)
    return np.asarray(~beaten.any(axis=2))


def rank_agreement(measured: MeasuredOutcome) -> str:
    """Whether the smallest size orders recipes as the largest does: Spearman's correlation in a sentence."""
    sizes = sorted({float(value) for cell in measured.cells if isinstance(value := cell.values.get(SIZE), int | float)})
    if len(sizes) < 2:
        return "All cells have one size: small budgets cannot be held against large ones."

    def at(size: float) -> dict[tuple[tuple[str, object], ...], float]:
        return {
            tuple((name, value) for name, value in cell.settings if name != SIZE): float(np.nanmean(measured.values[n]))
            for n, cell in enumerate(measured.cells)
            if cell.values.get(SIZE) == size
        }

    small, large = at(sizes[0]), at(sizes[-1])
    both = [recipe for recipe in small if recipe in large]
    ends = f"{sizes[0] * 100:g} % and {sizes[-1] * 100:g} % of the data"
    if len(both) < FEWEST_RANKS:
        return f"{len(both)} recipes have results at {ends}: ranks need at least {FEWEST_RANKS}."
    one, two = [small[recipe] for recipe in both], [large[recipe] for recipe in both]
    if len(set(one)) < 2 or len(set(two)) < 2:
        return f"All recipes are equal at one of {ends}: there are no ranks to compare."
    rank = float(spearmanr(one, two).statistic)
    low, high = _rank_band(rank, len(both))
    verdict = "orders recipes as the large one does" if low > 0 else "does not show how the large one orders recipes"
    found = f"{rank:.2f} ({low:.2f} to {high:.2f})"
    return f"Rank correlation of {ends} over {len(both)} recipes: {found}: the small one {verdict}."


def _rank_band(rank: float, count: int) -> tuple[float, float]:
    """95 % band by Fisher's z with the variance of Bonett and Wright (2000) for ranks."""
    z = np.arctanh(np.clip(rank, -0.999999, 0.999999))
    half = float(t.isf(0.025, count - 2)) * np.sqrt((1 + rank**2 / 2) / max(1, count - 3))
    return float(np.tanh(z - half)), float(np.tanh(z + half))
