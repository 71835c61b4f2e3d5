"""An outcome as a smooth function of shares, sizes and other numbers: curves by least squares, and a Gaussian process.

Every curve is linear in some numbers once a few others (an exponent, a rate) are chosen from a lattice. So a fit is a
matter of many small least squares at once, exact and without starting points, and a band of as many refits is cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, product
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from soundwave.ablation.claims.measured import SIZE
from soundwave.ablation.fits.frame import CellFrame

Floats = NDArray[np.float64]
Columns = Callable[[Floats], Floats]
"""(points, axes) -> (points, coefficients): what a curve is linear in."""

RATES = (0.5, 1.0, 2.0, 4.0, 7.0, 12.0, 20.0, 35.0, 60.0)  # of exponentials of shares
EXPONENTS = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5)  # of sizes
_RIDGE = 1e-9  # of the largest singular value: nearly equal exponentials are one


class Response(Protocol):
    """A fitted function."""

    @property
    def name(self) -> str:
        """What was fitted."""

    @property
    def loo(self) -> Floats:
        """(cells,) what it says of each cell that it has not seen."""

    def predict(self, points: Floats) -> Floats:
        """(points,) at (points, axes) values."""

    def draws(self, points: Floats, count: int, generator: np.random.Generator) -> Floats:
        """(count, points) functions that the rows allow: their spread is the band."""


@dataclass(frozen=True)
class CurveKind:
    """A family of curves."""

    name: str
    lattice: Callable[[CellFrame], list[Columns]]
    """One entry for each choice of what the curve is not linear in; empty: the axes do not allow it."""
    chosen: int
    """How many numbers a choice from the lattice stands for."""


@dataclass(frozen=True)
class FittedCurve:
    """The best of a family of curves."""

    name: str
    frame: CellFrame
    lattice: Sequence[Columns]
    chosen: int
    loo: Floats

    def predict(self, points: Floats) -> Floats:
        """(points,) at (points, axes) values."""
        fitted: Floats = self._refit(self.frame.means[None], points)[0]
        return fitted

    def draws(self, points: Floats, count: int, generator: np.random.Generator) -> Floats:
        """(count, points) refits on the fitted means with new noise, of as many degrees of freedom as there are."""
        fitted = self.predict(self.frame.points)
        width = self.lattice[0](self.frame.points).shape[1] + self.chosen
        freedom = max(1, len(fitted) - width)
        misfit = float((self.frame.seeds * (self.frame.means - fitted) ** 2).sum()) / freedom
        if np.isfinite(self.frame.noise) and self.frame.noise > misfit:
            misfit, freedom = self.frame.noise, self.frame.freedom
        sd = np.sqrt(misfit / self.frame.seeds)
        wide = np.sqrt(freedom / generator.chisquare(freedom, size=(count, 1)))
        noisy = fitted + sd * wide * generator.standard_normal((count, len(fitted)))
        return self._refit(noisy, points)

    def _refit(self, means: Floats, points: Floats) -> Floats:
        """(fits, points) of fits to `means` (fits, cells)."""
        return _fit(self.lattice, self.frame.points, means, self.frame.seeds, points)


def _fit(lattice: Sequence[Columns], seen: Floats, means: Floats, weights: Floats, points: Floats) -> Floats:
    """(fits, points) of the best curves of a lattice: `means` (fits, cells) at `seen` (cells, axes)."""
    scale = np.sqrt(weights)
    columns = np.stack([entry(seen) for entry in lattice]) * scale[:, None]  # (entries, cells, coefficients)
    found = np.linalg.pinv(columns, rcond=_RIDGE) @ (means * scale).T  # (entries, coefficients, fits)
    misfit = ((columns @ found - (means * scale).T) ** 2).sum(axis=1)  # (entries, fits)
    best = misfit.argmin(axis=0)
    answer = np.empty((len(means), len(points)))
    for entry in np.unique(best):
        mine = best == entry
        answer[mine] = (lattice[entry](points) @ found[entry][:, mine]).T
    return answer


def fit_curve(kind: CurveKind, frame: CellFrame) -> FittedCurve | None:
    """Fit a family; None where its axes do not allow it, or cells are fewer than its numbers and one to check them."""
    lattice = kind.lattice(frame)
    cells = len(np.unique(frame.points, axis=0))
    if not lattice or cells < lattice[0](frame.points).shape[1] + kind.chosen + 1:
        return None
    everyone = np.arange(len(frame.means))
    loo = np.empty(len(everyone))
    for left in everyone:
        kept = everyone != left
        seen, means, seeds = frame.points[kept], frame.means[None, kept], frame.seeds[kept]
        loo[left] = _fit(lattice, seen, means, seeds, frame.points[left : left + 1])[0, 0]
    return FittedCurve(kind.name, frame, lattice, kind.chosen, loo)


def _flat(frame: CellFrame) -> list[Columns]:
    return [lambda points: np.ones((len(points), 1))]


def _line(frame: CellFrame) -> list[Columns]:
    plain = 0.0 if any(axis.kind == "log" for axis in frame.axes) else 1.0
    return [lambda points: np.column_stack([np.ones(len(points)), frame.at(points, plain)])]


def _plain_quadratic(frame: CellFrame) -> list[Columns]:
    return _quadratic(frame, plain=1.0)


def _quadratic(frame: CellFrame, plain: float = 0.0) -> list[Columns]:
    def columns(points: Floats) -> Floats:
        at = frame.at(points, plain)
        crossed = [at[:, one] * at[:, two] for one, two in combinations(range(at.shape[1]), 2)]
        return np.column_stack([np.ones(len(points)), at, at**2, *crossed])

    return [columns]


def _exponential(frame: CellFrame) -> list[Columns]:
    """c + k exp(t r): the law of mixing of one share, falling (t < 0) or rising."""
    share = _only_share(frame)
    if share is None or len(frame.axes) > 1:
        return []
    falling = [partial(_mixing, share=share, down=rate, up=None) for rate in RATES]
    return [*falling, *(partial(_mixing, share=share, down=None, up=rate) for rate in RATES)]


def _two_exponentials(frame: CellFrame) -> list[Columns]:
    """Two domains, one that a share feeds and one that it starves: c + k exp(-t r) + l exp(-u (1 - r))."""
    share = _only_share(frame)
    if share is None or len(frame.axes) > 1:
        return []
    return [partial(_mixing, share=share, down=down, up=up) for down, up in product(RATES, RATES)]


def _surface(frame: CellFrame) -> list[Columns]:
    """E + A D^-a + k exp(-t r) + l exp(-u (1 - r)): what data brings and what a share brings."""
    share = _only_share(frame)
    sizes = [number for number, axis in enumerate(frame.axes) if axis.name == SIZE]
    if share is None or len(sizes) != 1 or len(frame.axes) != 2:
        return []
    unit = float(np.exp(np.log(frame.points[:, sizes[0]]).mean()))
    return [
        partial(_size_and_mixing, share=share, size=sizes[0], unit=unit, exponent=exponent, down=down, up=up)
        for exponent, down, up in product(EXPONENTS, RATES[1::2], RATES[1::2])
    ]


def _mixing(points: Floats, *, share: int, down: float | None, up: float | None) -> Floats:
    columns = [np.ones(len(points))]
    if down is not None:
        columns.append(np.exp(-down * points[:, share]))
    if up is not None:
        columns.append(np.exp(-up * (1 - points[:, share])))
    return np.column_stack(columns)


def _size_and_mixing(
    points: Floats, *, share: int, size: int, unit: float, exponent: float, down: float, up: float
) -> Floats:
    mixing = _mixing(points, share=share, down=down, up=up)
    return np.column_stack([mixing, (points[:, size] / unit) ** -exponent])


def _only_share(frame: CellFrame) -> int | None:
    shares = [number for number, axis in enumerate(frame.axes) if axis.kind == "share"]
    return shares[0] if len(shares) == 1 else None


KINDS = (
    CurveKind("no response", _flat, 0),
    CurveKind("straight line", _line, 0),
    CurveKind("exponential law of mixing", _exponential, 1),
    CurveKind("quadratic", _plain_quadratic, 0),
    CurveKind("quadratic in log-ratios", _quadratic, 0),
    CurveKind("two exponential laws", _two_exponentials, 2),
    CurveKind("size law and mixing laws", _surface, 3),
)
"""Simple ones first: of two that foretell unseen cells alike the first is taken."""
