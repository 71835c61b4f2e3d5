"""Which function describes an outcome: the one that foretells cells which it has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soundwave.ablation.fits.frame import CellFrame
from soundwave.ablation.fits.process import fit_process
from soundwave.ablation.fits.response import KINDS, Response, fit_curve

Floats = NDArray[np.float64]

MARGIN = 0.98  # a richer function must foretell this much better
DRAWS = 1000
CERTAINTY = 0.9  # of bands of fits
FEWEST = 4  # cells
INNER = 3  # cells between the ends of all axes: with as many, cells at an end are not left out


@dataclass(frozen=True)
class ChosenFit:
    """The function that was chosen, and what the others would have got wrong."""

    frame: CellFrame
    response: Response
    errors: dict[str, float]
    """Function -> root mean square of its errors on cells left out, one at a time."""
    all: tuple[Response, ...]
    """Every function that was fitted: a band counts those that foretell nearly as well."""

    def draws(self, points: Floats, count: int, generator: np.random.Generator) -> Floats:
        """(count, points) functions that the rows allow: of each kind as many as its errors on left out cells allow."""
        errors = np.array([self.errors[one.name] for one in self.all])
        weights = (errors.min() / np.maximum(errors, 1e-300)) ** _asked(self.frame).sum()
        shares = generator.multinomial(count, weights / weights.sum())
        drawn = [one.draws(points, int(n), generator) for one, n in zip(self.all, shares, strict=True) if n]
        return np.asarray(np.concatenate(drawn)[generator.permutation(count)])

    def band(self, points: Floats, *, draws: int = DRAWS, seed: int = 0) -> tuple[Floats, Floats]:
        """(points,) low and high ends of the 90 % band at (points, axes) values."""
        found = self.draws(points, draws, np.random.default_rng(seed))
        tail = 50 * (1 - CERTAINTY)
        low, high = np.percentile(found, [tail, 100 - tail], axis=0)
        return low, high

    @property
    def sentence(self) -> str:
        """Which function, out of which, and how good."""
        others = ", ".join(f"{name} {error:.3g}" for name, error in self.errors.items() if name != self.response.name)
        return f"{self.response.name}: its error on cells left out is {self.errors[self.response.name]:.3g}" + (
            f" (others: {others})" if others else ""
        )


def choose_fit(frame: CellFrame) -> ChosenFit | str:
    """The function with the smallest error on cells left out; or why there is none, in a sentence."""
    cells = len(np.unique(frame.points, axis=0))
    if cells < FEWEST:
        return f"{cells} cells along {', '.join(axis.name for axis in frame.axes)}: a curve needs at least {FEWEST}."
    if not np.ptp(frame.means):
        return "The outcome is the same in every cell: there is no curve to fit."
    fitted: list[Response] = [found for kind in KINDS if (found := fit_curve(kind, frame)) is not None]
    if (process := fit_process(frame)) is not None:
        fitted.append(process)
    errors = {one.name: _error(one, frame) for one in fitted}
    best = fitted[0]
    for one in fitted[1:]:
        if errors[one.name] < MARGIN * errors[best.name]:
            best = one
    return ChosenFit(frame, best, errors, tuple(fitted))


def _error(response: Response, frame: CellFrame) -> float:
    return float(np.sqrt(np.mean((response.loo - frame.means)[_asked(frame)] ** 2)))


def _asked(frame: CellFrame) -> NDArray[np.bool_]:
    """(cells,) those that are left out."""
    return frame.inner if frame.inner.sum() >= INNER else np.ones(len(frame.means), dtype=bool)
