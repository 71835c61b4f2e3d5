"""Which cell to run next where no curve says it: one sentence, from simple rules over the rows there are.

`next_cell` asks these rules where a study has no axis of numbers but size, or too few cells on it.

1. A cell that is missing comes first.
2. Arms, sizes or neighbours of a ladder that their bands cannot tell apart: another seed where there are fewest.
3. Every step of a ladder is clear: a size in its widest gap, which settles the curve's shape.
4. Otherwise: another seed for the widest band.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from soundwave.ablation.grid import Grid
from soundwave.ablation.results import pooled
from soundwave.evaluate.metric import Figure


@dataclass(frozen=True)
class Suggestion:
    """The cell to run next."""

    arm: str
    fraction: float
    seed: int
    reason: str

    @property
    def sentence(self) -> str:
        """For people."""
        return f"Run {self.arm} at {self.fraction * 100:g} % with seed {self.seed} next: {self.reason}."


@dataclass(frozen=True)
class GridPlace:
    """One arm at one size: the mean of its figure over seeds, and a 95 % band."""

    arm: str
    fraction: float
    mean: float
    low: float
    high: float
    seeds: tuple[int, ...]

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.arm} at {self.fraction * 100:g} %"


def suggest_next(grid: Grid, rows: Sequence[Mapping[str, Any]]) -> Suggestion | None:
    """The next cell of `grid` given its result rows (last stage of each cell counts); None when there is no row."""
    if (missing := missing_cell(grid, rows)) is not None:
        return missing
    found = places(rows, grid.figure)
    if not found:
        return None
    return _close_pair(found) or _widest_gap(found) or _widest_band(found)


def places(rows: Iterable[Mapping[str, Any]], figure: Figure) -> list[GridPlace]:
    """Arms and sizes with the mean of `figure` after the last stage, and the band of clips and seeds together."""
    groups: dict[tuple[str, float], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["last"]:
            groups[row["arm"], row["fraction"]].append(row)
    found = []
    for (arm, fraction), members in sorted(groups.items()):
        value = pooled(members, figure.name, figure)
        if value is not None:
            low, high = (value.mean if end is None else end for end in (value.low, value.high))
            found.append(GridPlace(arm, fraction, value.mean, low, high, value.seeds))
    return found


def missing_cell(grid: Grid, rows: Sequence[Mapping[str, Any]]) -> Suggestion | None:
    """The first cell that the grid asks for and that has no result; None: all have one."""
    there = {(row["arm"], row["fraction"], row["seed"]) for row in rows if row["last"]}
    for arm in grid.arms:
        for fraction in grid.fractions:
            for seed in grid.seeds:
                if (arm, fraction, seed) not in there:
                    return Suggestion(arm, fraction, seed, "the grid asks for it and it has no result yet")
    return None


def _close_pair(found: Sequence[GridPlace]) -> Suggestion | None:
    """Two places one step apart with bands that overlap: one more seed for the place with fewer."""
    pairs = [(one, two) for one, two in pairwise(_ladder_order(found)) if one.arm == two.arm]
    pairs += [(one, two) for one in found for two in found if one.arm < two.arm and one.fraction == two.fraction]
    unclear = [
        (abs(one.mean - two.mean), one, two) for one, two in pairs if one.low <= two.high and two.low <= one.high
    ]
    if not unclear:
        return None
    gap, one, two = min(unclear, key=lambda item: (item[0], item[1].name, item[2].name))
    weak = min((one, two), key=lambda place: (len(place.seeds), place.low - place.high))
    reason = (
        f"{one.name} ({_band(one)}) and {two.name} ({_band(two)}) are {gap:.3f} apart, less than their bands can tell, "
        f"and it has {_count(len(weak.seeds))}"
    )
    return Suggestion(weak.arm, weak.fraction, max(weak.seeds) + 1, reason)


def _widest_gap(found: Sequence[GridPlace]) -> Suggestion | None:
    """Halfway (on a log scale) in the widest step of a ladder of three sizes or more."""
    steps = [
        (big.fraction / small.fraction, small, big)
        for small, big in pairwise(_ladder_order(found))
        if small.arm == big.arm and sum(place.arm == small.arm for place in found) >= 3
    ]
    if not steps:
        return None
    ratio, small, big = max(steps, key=lambda item: (item[0], item[1].name))
    middle = round((small.fraction * big.fraction) ** 0.5, 3)
    reason = (
        f"every step of the ladder is clear, and the widest, from {small.fraction * 100:g} % to "
        f"{big.fraction * 100:g} % ({ratio:.3g} times), has no point inside"
    )
    return Suggestion(small.arm, middle, small.seeds[0], reason)


def _widest_band(found: Sequence[GridPlace]) -> Suggestion:
    place = max(found, key=lambda item: (item.high - item.low, item.name))
    reason = f"it has the widest band ({_band(place)}) and {_count(len(place.seeds))}"
    return Suggestion(place.arm, place.fraction, max(place.seeds) + 1, reason)


def _ladder_order(found: Sequence[GridPlace]) -> list[GridPlace]:
    return sorted(found, key=lambda place: (place.arm, place.fraction))


def _band(place: GridPlace) -> str:
    return f"{place.low:.2f} to {place.high:.2f}"


def _count(seeds: int) -> str:
    return "one seed" if seeds == 1 else f"{seeds} seeds"
