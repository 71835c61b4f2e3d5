"""A Gaussian process over a few cells, averaged over its length scales and noise, not fitted to the best ones.

With 6 to 30 cells the best length scale is a guess, and a band that takes it as known is too narrow. So every choice
from a lattice of length scales, noises and coordinates has the weight that the rows give it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from soundwave.ablation.fits.frame import CellFrame

Floats = NDArray[np.float64]

LENGTHS = (0.12, 0.2, 0.35, 0.6, 1.0, 2.0)  # in coordinates from 0 to 1 over what was measured
NOISES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # variance of a run between seeds, in variances of the signal
BENDS = (0.0, 0.5, 1.0)  # how far shares and sizes are looked at as they are, not in logarithms
LEVEL, SLOPE = 10.0, 1.0  # variances of the constant and of straight lines, in variances of the signal
NAME = "Gaussian process"
_JITTER = 1e-8
LIGHT = 1e-4  # weights of choices, in the largest, that are left out
CELLS = 4  # the fewest that say anything of a length scale


@dataclass(frozen=True)
class _Choice:
    """One length scale and noise: its weight and what it makes of the rows."""

    weight: float
    length: float
    plain: float
    """Of the coordinates: see `NumberAxis.scaled`."""
    signal: float
    """Variance of the process."""
    factor: Floats
    """Cholesky factor of the cells' covariance."""
    answer: Floats
    """Inverse covariance times centred means."""


@dataclass(frozen=True)
class _Weighed:
    """A choice before all are known."""

    log: float
    """Of its weight."""
    choice: _Choice
    unseen: Floats
    """(cells,) what it says of each cell that it has not seen, less the mean of all."""
    noise: float
    """Variance of one run between seeds."""


@dataclass(frozen=True)
class FittedProcess:
    """A Gaussian process given cells."""

    frame: CellFrame
    choices: tuple[_Choice, ...]
    loo: Floats
    noise: float
    """Variance of one run between seeds, as the weights say."""
    name: str = NAME

    def predict(self, points: Floats) -> Floats:
        """(points,) at (points, axes) values."""
        found = np.full(len(points), float(self.frame.means.mean()))
        for choice in self.choices:
            found += choice.weight * (self._across(choice, points) @ choice.answer)
        return found

    def draws(self, points: Floats, count: int, generator: np.random.Generator) -> Floats:
        """(count, points) functions that the rows allow."""
        weights = np.array([choice.weight for choice in self.choices])
        shares = generator.multinomial(count, weights / weights.sum())
        freedom = len(self.frame.means) + self.frame.freedom
        parts = []
        for choice, share in zip(self.choices, shares, strict=True):
            if share:
                mean, covariance = self.joint(choice, points)
                wide = np.sqrt(freedom / generator.chisquare(freedom, size=(int(share), 1)))
                normal = generator.standard_normal((int(share), len(points)))
                parts.append(mean + wide * (normal @ np.linalg.cholesky(covariance).T))
        drawn: Floats = np.concatenate(parts)
        return drawn[generator.permutation(count)]

    def joint(self, choice: _Choice, points: Floats) -> tuple[Floats, Floats]:
        """(points,) mean and (points, points) covariance under one choice."""
        at, across = self.frame.at(points, choice.plain), self._across(choice, points)
        half = np.linalg.solve(choice.factor, across.T)
        covariance = choice.signal * (_kernel(at, at, choice.length) - half.T @ half)
        covariance[np.diag_indices(len(at))] += _JITTER * choice.signal * (1 + LEVEL)
        return float(self.frame.means.mean()) + across @ choice.answer, covariance

    def _across(self, choice: _Choice, points: Floats) -> Floats:
        """(points, cells) covariance of points with cells, in signals."""
        return _kernel(
            self.frame.at(points, choice.plain), self.frame.at(self.frame.points, choice.plain), choice.length
        )

    def moments(self, points: Floats) -> tuple[Floats, Floats]:
        """(points,) mean and (points, points) covariance over all choices."""
        each = [(choice.weight, *self.joint(choice, points)) for choice in self.choices]
        total = sum(weight for weight, _, _ in each)
        mean = np.sum([weight * at for weight, at, _ in each], axis=0) / total
        spread = [weight * (covariance + np.outer(at - mean, at - mean)) for weight, at, covariance in each]
        return mean, np.asarray(np.sum(spread, axis=0) / total)


def fit_process(frame: CellFrame) -> FittedProcess | None:
    """Fit to a frame's cells; None where they are too few, or all alike."""
    means = frame.means - frame.means.mean()
    if len(np.unique(frame.points, axis=0)) < CELLS or not means.any():
        return None
    bends = BENDS if any(axis.kind != "linear" for axis in frame.axes) else BENDS[:1]
    weighed = [one for plain, length in product(bends, LENGTHS) for one in _weigh(frame, means, plain, length)]
    logs = np.array([one.log for one in weighed])
    weights = np.exp(logs - logs.max())
    heavy = weights > LIGHT
    weights = weights[heavy] / weights[heavy].sum()
    kept = [one for one, counts in zip(weighed, heavy, strict=True) if counts]
    return FittedProcess(
        frame,
        tuple(replace(one.choice, weight=float(weight)) for one, weight in zip(kept, weights, strict=True)),
        loo=np.asarray(frame.means.mean() + weights @ np.array([one.unseen for one in kept])),
        noise=float(weights @ np.array([one.noise for one in kept])),
    )


def _weigh(frame: CellFrame, means: Floats, plain: float, length: float) -> list[_Weighed]:
    """One bend and length scale with every noise."""
    seen, noise = frame.at(frame.points, plain), np.array(NOISES)
    own = noise[:, None] / frame.seeds + _JITTER  # (noises, cells)
    covariance = _kernel(seen, seen, length) + own[:, :, None] * np.eye(len(means))
    factor, inverse = np.linalg.cholesky(covariance), np.linalg.inv(covariance)
    answer = inverse @ means  # (noises, cells)
    squares, cells = answer @ means, len(means)
    within = frame.freedom if np.isfinite(frame.noise) and frame.noise > 0 else 0
    if within:  # what seeds differ by in the same cell is noise and nothing else
        squares = squares + within * frame.noise / noise
    signal = squares / (cells + within)  # the likeliest scale
    halves = np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1) + 0.5 * within * np.log(noise)
    logs = -0.5 * (cells + within) * np.log(signal) - halves
    unseen = means - answer / np.diagonal(inverse, axis1=1, axis2=2)
    return [
        _Weighed(
            log=float(logs[n]),
            choice=_Choice(1.0, length, plain, float(signal[n]), factor[n], answer[n]),
            unseen=unseen[n],
            noise=float(noise[n] * signal[n]),
        )
        for n in range(len(noise))
    ]


def _kernel(one: Floats, two: Floats, length: float) -> Floats:
    apart = ((one[:, None, :] - two[None, :, :]) ** 2).sum(axis=2)
    lines = (one - 0.5) @ (two - 0.5).T
    found: Floats = LEVEL + SLOPE * lines + np.exp(-apart / (2 * length**2))
    return found
