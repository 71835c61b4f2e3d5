"""Which comparisons a study asks: any two values of an axis, all else equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from soundwave.ablation.claims.measured import ARM, CellSettings, MeasuredOutcome, Setting, value_name

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Contrast:
    """`first` against `second`: two values of an axis, or two cells."""

    axis: str
    first: str
    second: str
    weights: tuple[float, ...]
    """(cells,) of the figures: the mean of those of `first` less the mean of those of `second`."""
    settings: int
    """In how many settings of all other axes the two are compared."""
    seeds: tuple[int, ...]
    """Seeds that all these cells have."""


def contrasts(measured: MeasuredOutcome, *, each: bool = False) -> list[Contrast]:
    """Every pair of values of every axis of `measured`, over the settings of the other axes that have both.

    Where no two cells differ in one axis alone, as in a design of cells, every pair of cells. Pairs without a seed in
    common, as in a study that is half done, are no contrasts: see `apart`.

    Args:
        measured: the study.
        each: one contrast for each setting of the other axes, in place of their mean.
    """
    return [contrast for contrast in _asked(measured, each=each) if contrast.seeds]


def apart(measured: MeasuredOutcome, *, each: bool = False) -> list[tuple[str, str]]:
    """Names of the pairs that have no seed in common: nothing can be said of them."""
    return [(contrast.first, contrast.second) for contrast in _asked(measured, each=each) if not contrast.seeds]


def _asked(measured: MeasuredOutcome, *, each: bool) -> list[Contrast]:
    found = [
        contrast
        for axis in measured.axes
        for one, two in combinations(_values(measured, axis), 2)
        for contrast in _along(measured, axis, one, two, each=each)
    ]
    return found or _cells(measured)


def _values(measured: MeasuredOutcome, axis: str) -> list[Setting]:
    """Values of an axis: arms as they come, numbers from large to small, so that `first` is what was added to."""
    values = list(dict.fromkeys(cell.values.get(axis) for cell in measured.cells))
    if axis != ARM and all(isinstance(value, int | float) for value in values):
        return sorted(values, key=lambda value: -float(value or 0))
    return values


def _along(measured: MeasuredOutcome, axis: str, one: Setting, two: Setting, *, each: bool) -> list[Contrast]:
    def others(cell: CellSettings) -> frozenset[tuple[str, Setting]]:
        return frozenset((name, value) for name, value in cell.settings if name != axis)

    def having(value: Setting) -> dict[frozenset[tuple[str, Setting]], int]:
        return {others(cell): n for n, cell in enumerate(measured.cells) if cell.values.get(axis) == value}

    first, second = having(one), having(two)
    pairs = [(first[rest], second[rest]) for rest in first if rest in second]
    if not pairs:
        return []
    names = value_name(axis, one), value_name(axis, two)
    if not each:
        return [_contrast(measured, axis, names, pairs)]
    rest = [name for name in measured.axes if name != axis]
    found = []
    for pair in pairs:
        where = measured.cells[pair[0]].named(rest)
        found.append(_contrast(measured, axis, tuple(f"{name} ({where})" if where else name for name in names), [pair]))
    return found


def _cells(measured: MeasuredOutcome) -> list[Contrast]:
    names = [cell.named(measured.axes) for cell in measured.cells]
    return [
        _contrast(measured, "", (names[one], names[two]), [(one, two)])
        for one, two in combinations(range(len(names)), 2)
    ]


def _contrast(measured: MeasuredOutcome, axis: str, names: Sequence[str], pairs: Sequence[tuple[int, int]]) -> Contrast:
    """Over the pairs of cells that have the most seeds in common: each must have them all."""
    known = np.isfinite(measured.values)
    shared = [known[one] & known[two] for one, two in pairs]
    most = max(shared, key=lambda seeds: int(seeds.sum()))
    kept = [pair for pair, seeds in zip(pairs, shared, strict=True) if (seeds | ~most).all()]
    weights = np.zeros(len(measured.cells))
    for one, two in kept:
        weights[one] += 1 / len(kept)
        weights[two] -= 1 / len(kept)
    seeds = tuple(seed for seed, there in zip(measured.seeds, most, strict=True) if there)
    return Contrast(axis, names[0], names[1], tuple(weights), len(kept), seeds)
