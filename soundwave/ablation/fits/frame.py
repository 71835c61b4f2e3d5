"""Cells as points: coordinates along the axes that are numbers, the mean of an outcome, and its noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from soundwave.ablation.claims.bands import pooled_variance
from soundwave.ablation.claims.measured import SIZE, CellSettings, MeasuredOutcome, Setting, value_name

Floats = NDArray[np.float64]
Kind = Literal["share", "log", "linear"]
SHARES = ("share.", "shares.")
WIDE = 20.0  # a positive axis whose ends are further apart than this is looked at in logarithms


@dataclass(frozen=True)
class NumberAxis:
    """An axis whose values are numbers, and how it is looked at."""

    name: str
    kind: Kind
    low: float
    """Smallest value that was measured."""
    high: float
    least: float
    """Half the smallest value above 0: what stands for 0 in a log-ratio."""
    whole: bool = False
    """Its values are whole numbers, and so is every one that is proposed."""

    def coordinate(self, value: Floats) -> Floats:
        """Values as coordinates in which steps are alike: logarithms, log-ratios of shares."""
        if self.kind == "share":
            return np.asarray(np.log(value + self.least) - np.log(1 - value + self.least))
        return np.asarray(np.log(value)) if self.kind == "log" else value

    def scaled(self, value: Floats, plain: float = 0.0) -> Floats:
        """Values as coordinates from 0 to 1 over what was measured; `plain`: so much of them as they are, 0 to 1."""
        ends = self.coordinate(np.array([self.low, self.high]))
        bent = (self.coordinate(value) - ends[0]) / max(float(ends[1] - ends[0]), 1e-12)
        return np.asarray((1 - plain) * bent + plain * (value - self.low) / max(self.high - self.low, 1e-12))

    def between(self, count: int) -> Floats:
        """(count,) values over what was measured, evenly spread in coordinates; of shares half of them evenly. Of whole
        numbers each once.
        """
        spread = self._spread(count)
        return np.unique(np.round(spread)) if self.whole else spread

    def _spread(self, count: int) -> Floats:
        steps = np.linspace(0, 1, count)
        plain = self.low + steps * (self.high - self.low)
        if self.kind == "linear":
            return plain
        if self.kind == "log":
            return np.asarray(np.exp(np.log(self.low) + steps * (np.log(self.high) - np.log(self.low))))
        low, high = self.coordinate(np.array([self.low, self.high]))
        ratio = np.exp(low + steps * (high - low))
        uneven = (ratio * (1 + self.least) - self.least) / (1 + ratio)
        both = np.sort(np.concatenate([plain[::2], np.clip(uneven[1::2], self.low, self.high)]))
        return np.asarray(both)

    def setting(self, value: float) -> float | int:
        """A value as settings have it: a whole number, or one of few digits."""
        return round(value) if self.whole else float(f"{value:.3g}")

    def named(self, value: float) -> str:
        """For people."""
        return value_name(self.name, self.setting(value))


@dataclass(frozen=True)
class CellFrame:
    """Cells that differ along number axes alone, and one outcome of theirs."""

    axes: tuple[NumberAxis, ...]
    fixed: tuple[tuple[str, Setting], ...]
    """What all these cells have in common along the other axes."""
    points: Floats
    """(cells, axes) values."""
    means: Floats
    """(cells,) of the outcome over seeds."""
    seeds: Floats
    """(cells,) how many."""
    noise: float
    """Variance of one run's outcome between seeds; NaN where one seed is all there is."""
    freedom: int
    """Degrees of freedom of `noise`."""

    @property
    def scaled(self) -> Floats:
        """(cells, axes) the points as coordinates from 0 to 1."""
        return self.at(self.points)

    def at(self, points: Floats, plain: float = 0.0) -> Floats:
        """(points, axes) values as coordinates from 0 to 1; `plain` as of an axis."""
        return np.column_stack([axis.scaled(points[:, n], plain) for n, axis in enumerate(self.axes)])

    @property
    def inner(self) -> NDArray[np.bool_]:
        """(cells,) cells that lie at no end of an axis: leaving them out asks for nothing beyond what was measured."""
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        return np.asarray(((self.points > low) & (self.points < high)).all(axis=1))

    def named(self, point: Floats) -> str:
        """For people: a point."""
        return ", ".join(axis.named(float(value)) for axis, value in zip(self.axes, point, strict=True))

    @property
    def title(self) -> str:
        """For people: what the cells have in common."""
        return ", ".join(value_name(name, value) for name, value in self.fixed)


def frames(measured: MeasuredOutcome) -> list[CellFrame]:
    """The study's cells by what they have in common along axes that are no numbers (arms, names)."""
    axes = [name for name in measured.axes if _numbers([cell.values.get(name) for cell in measured.cells])]
    groups: dict[tuple[tuple[str, Setting], ...], list[int]] = {}
    for number, cell in enumerate(measured.cells):
        fixed = tuple((name, cell.values.get(name)) for name in measured.axes if name not in axes)
        groups.setdefault(fixed, []).append(number)
    found = [_frame(measured, fixed, members, axes) for fixed, members in groups.items()]
    return [frame for frame in found if frame is not None]


def _frame(
    measured: MeasuredOutcome, fixed: tuple[tuple[str, Setting], ...], members: Sequence[int], axes: Sequence[str]
) -> CellFrame | None:
    cells, values = [measured.cells[n] for n in members], measured.values[list(members)]
    columns = {name: np.array([_number(cell, name) for cell in cells]) for name in axes}
    columns = _free({name: column for name, column in columns.items() if len(np.unique(column)) > 1})
    if not columns:
        return None
    known = np.isfinite(values)
    pooled, _ = pooled_variance(values)
    complete = int(known.all(axis=0).sum())
    return CellFrame(
        axes=tuple(_axis(name, column, cells) for name, column in columns.items()),
        fixed=fixed,
        points=np.column_stack(list(columns.values())),
        means=np.where(known, values, 0.0).sum(axis=1) / known.sum(axis=1),
        seeds=known.sum(axis=1).astype(np.float64),
        noise=pooled,
        freedom=max(0, (len(cells) - 1) * (complete - 1)),
    )


def _free(columns: dict[str, Floats]) -> dict[str, Floats]:
    """Without the last of shares that sum to the same in all cells: the others say what it is."""
    shares = [name for name in columns if name.startswith(SHARES)]
    if len(shares) > 1 and np.ptp(np.sum([columns[name] for name in shares], axis=0)) < 1e-9:
        return {name: column for name, column in columns.items() if name != shares[-1]}
    return columns


def _numbers(values: Sequence[Setting]) -> bool:
    return all(
        isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value) for value in values
    )


def _number(cell: CellSettings, name: str) -> float:
    value = cell.values.get(name)
    return float(value) if isinstance(value, int | float) else float("nan")


def _axis(name: str, column: Floats, cells: Sequence[CellSettings]) -> NumberAxis:
    whole = name != SIZE and all(isinstance(cell.values.get(name), int) for cell in cells)
    low, high = float(column.min()), float(column.max())
    above = column[column > 0]
    least = min(0.01, float(above.min()) / 2) if len(above) else 0.01
    if name.startswith(SHARES) and low >= 0 and high <= 1:
        return NumberAxis(name, "share", low, high, least)
    wide = name == SIZE or (low > 0 and high / low >= WIDE)
    return NumberAxis(name, "log" if wide and low > 0 else "linear", low, high, least, whole)
