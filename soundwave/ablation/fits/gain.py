"""Which cell would tell most for what it costs: the knowledge gradient over a Gaussian process of each frame.

The gain of a run is how much better the best cell will look, on average, once its result is known (Frazier, Powell and
Dayanik 2009). It counts new cells and new seeds of old ones alike: what has been measured often has little to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from soundwave.ablation.fits.frame import CellFrame
from soundwave.ablation.fits.optimum import Better, lattice
from soundwave.ablation.fits.process import FittedProcess, fit_process

Floats = NDArray[np.float64]

CANDIDATES = {1: 41, 2: 9}  # along an axis, by how many axes there are
MOST = 160
QUANTILES = norm.ppf((np.arange(32) + 0.5) / 32)
"""Results that a run may have, each as likely as the others."""


@dataclass(frozen=True)
class Gain:
    """One run that could be next."""

    frame: CellFrame
    point: Floats
    """(axes,) values."""
    seen: bool
    """Another seed of a cell that is there."""
    gain: float
    """How much better the best cell will look, on average, in units of the outcome."""
    cost: float
    predicted: float
    sd: float
    """Of the prediction, before the run."""


def gains(frames: Sequence[CellFrame], better: Better, cost: Callable[[CellFrame, Floats], Floats]) -> list[Gain]:
    """Runs that could be next, the best gain for its cost first; none where no frame has enough cells.

    cost: (frame, (points, axes)) -> (points,) of a run there, in any unit.
    """
    fitted = [(frame, process) for frame in frames if (process := fit_process(frame)) is not None]
    sign = 1.0 if better == "lower" else -1.0
    looked = [_look(frame, process, sign) for frame, process in fitted]
    best = [float(mean.min()) for _, mean, _ in looked]
    found: list[Gain] = []
    for number, ((frame, process), (points, mean, covariance)) in enumerate(zip(fitted, looked, strict=True)):
        others = min((value for n, value in enumerate(best) if n != number), default=np.inf)
        told = _knowledge(mean, covariance, process.noise, others)
        costs = np.maximum(cost(frame, points), 1e-12)
        for n, point in enumerate(points):
            found.append(
                Gain(
                    frame=frame,
                    point=point,
                    seen=bool((np.abs(frame.points - point).max(axis=1) < 1e-12).any()),
                    gain=float(told[n]),
                    cost=float(costs[n]),
                    predicted=float(sign * mean[n]),
                    sd=float(np.sqrt(covariance[n, n])),
                )
            )
    return sorted(found, key=lambda one: -one.gain / one.cost)


def _look(frame: CellFrame, process: FittedProcess, sign: float) -> tuple[Floats, Floats, Floats]:
    """Candidates (points, axes), their means (lower is better) and covariance."""
    points = candidates(frame)
    mean, covariance = process.moments(points)
    return points, sign * mean, covariance


def candidates(frame: CellFrame) -> Floats:
    """(points, axes) cells that could be next: those that there are, and values between them."""
    count = CANDIDATES.get(len(frame.axes))
    if count is None:
        new = lattice(frame)
        new = new[:: max(1, len(new) // MOST)]
    else:
        grid = np.meshgrid(*(axis.between(count) for axis in frame.axes), indexing="ij")
        new = np.column_stack([part.ravel() for part in grid])
    new = np.array([[axis.setting(value) for axis, value in zip(frame.axes, point, strict=True)] for point in new])
    new = np.unique(new.astype(np.float64), axis=0)
    shares = [n for n, axis in enumerate(frame.axes) if axis.kind == "share"]
    new = new[new[:, shares].sum(axis=1) <= 1] if shares else new
    apart = np.abs(frame.at(new)[:, None] - frame.scaled[None]).max(axis=2).min(axis=1)
    old = np.unique(frame.points, axis=0)
    return np.concatenate([old, new[apart > 0.01]])


def _knowledge(mean: Floats, covariance: Floats, noise: float, others: float) -> Floats:
    """(points,) knowledge gradient of a run at each point; `others`: the best of frames that it says nothing of."""
    variance = np.maximum(np.diag(covariance), 0.0)
    moves = covariance / np.sqrt(np.maximum(variance + noise, 1e-30))[None, :]  # (point that moves, run)
    now = min(float(mean.min()), others)
    after = np.zeros(len(mean))
    for step in QUANTILES:
        after += np.minimum((mean[:, None] + step * moves).min(axis=0), others)
    return np.maximum(0.0, now - after / len(QUANTILES))
