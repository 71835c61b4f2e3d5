"""Where a fitted outcome is best, how sure that is, and the two cells that would check it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from soundwave.ablation.fits.choose import CERTAINTY, DRAWS, ChosenFit
from soundwave.ablation.fits.frame import CellFrame

Floats = NDArray[np.float64]
Better = Literal["lower", "higher"]

STEPS = {1: 201, 2: 31}  # of the lattice along an axis, by how many axes there are
SCATTERED = 1024  # points where axes are more
FLAT = 0.9  # a band over so much of what was measured is no optimum


@dataclass(frozen=True)
class Optimum:
    """The best point of a fit, inside what was measured."""

    at: dict[str, float]
    """Axis -> value."""
    value: float
    low: dict[str, float]
    """Axis -> low end of the 90 % band of where the optimum is."""
    high: dict[str, float]
    sentence: str

    def row(self) -> dict[str, Any]:
        """As written to JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Prediction:
    """What a fit says of a cell before it runs."""

    at: dict[str, float]
    value: float
    low: float
    """Of the 90 % band of what `seeds` new runs measure, on average."""
    high: float
    seeds: int
    why: str

    def row(self) -> dict[str, Any]:
        """As written to JSON."""
        return asdict(self)


def lattice(frame: CellFrame) -> Floats:
    """(points, axes) values over what was measured, ends included. Shares of several domains sum to 1 at most."""
    count = len(frame.axes)
    if count in STEPS:
        points = np.array(list(product(*(axis.between(STEPS[count]) for axis in frame.axes))))
    else:
        cube = qmc.Sobol(count, scramble=False).random(SCATTERED)
        columns = [axis.between(201)[np.round(cube[:, n] * 200).astype(int)] for n, axis in enumerate(frame.axes)]
        points = np.concatenate([np.column_stack(columns), frame.points])
    shares = [n for n, axis in enumerate(frame.axes) if axis.kind == "share"]
    return points[points[:, shares].sum(axis=1) <= 1 + 1e-9] if shares else points


def find_optimum(fit: ChosenFit, better: Better, *, seed: int = 0) -> Optimum:
    """The best point of the fit, and where the best points of all functions that the rows allow are (90 %)."""
    frame, points = fit.frame, lattice(fit.frame)
    sign = 1.0 if better == "lower" else -1.0
    predicted = fit.response.predict(points)
    best = points[(sign * predicted).argmin()]
    drawn = fit.draws(points, DRAWS, np.random.default_rng(seed))
    places = points[(sign * drawn).argmin(axis=1)]
    tail = 50 * (1 - CERTAINTY)
    low, high = np.percentile(places, [tail, 100 - tail], axis=0)
    value = float(sign * (sign * predicted).min())
    names = [axis.name for axis in frame.axes]
    return Optimum(
        at=_row(names, best),
        value=value,
        low=_row(names, low),
        high=_row(names, high),
        sentence=_said(frame, best, low, high, value),
    )


def _row(names: Sequence[str], values: Floats) -> dict[str, float]:
    return {name: float(f"{value:.4g}") for name, value in zip(names, values, strict=True)}


def _said(frame: CellFrame, best: Floats, low: Floats, high: Floats, value: float) -> str:
    parts = []
    for axis, at, least, most in zip(frame.axes, best, low, high, strict=True):
        width = float(axis.scaled(np.array([most]))[0] - axis.scaled(np.array([least]))[0])
        said = f"{axis.named(float(at))} ({least:.3g} to {most:.3g})"
        if width >= FLAT:
            said = f"{axis.name} anywhere from {least:.3g} to {most:.3g}: these cells do not say where"
        elif at <= axis.low or at >= axis.high:
            said += f", {'the least' if at <= axis.low else 'the most'} that was tried: the best may lie beyond"
        parts.append(said)
    return f"best at {'; '.join(parts)}; there {value:.3g} is predicted"


def propose_check(fit: ChosenFit, better: Better, *, seeds: int = 1, seed: int = 0) -> list[Prediction]:
    """Two cells that test a fit: one at its optimum, and one away, where it says most surely that it is worse."""
    points = lattice(fit.frame)
    sign = 1.0 if better == "lower" else -1.0
    drawn = sign * fit.draws(points, DRAWS, np.random.default_rng(seed))
    best = int((sign * fit.response.predict(points)).argmin())
    apart = np.sqrt(((fit.frame.at(points) - fit.frame.at(points[best : best + 1])) ** 2).sum(axis=1))
    unseen = ((fit.frame.at(points)[:, None] - fit.frame.scaled[None]) ** 2).sum(axis=2).min(axis=1) > 0.03**2
    worse = drawn - drawn[:, best : best + 1]
    sure = worse.mean(axis=0) / np.maximum(worse.std(axis=0), 1e-12)
    allowed = (apart > 0.25) & unseen
    sure = np.where(allowed if allowed.any() else apart > 0, sure, -np.inf)
    chosen = [(best, "the predicted optimum"), (int(sure.argmax()), "away from it, where the fit says it is worse")]
    return [predict(fit, points[place], why=why, seeds=seeds, seed=seed) for place, why in chosen]


def predict(fit: ChosenFit, point: Floats, *, why: str, seeds: int = 1, seed: int = 0) -> Prediction:
    """What `seeds` new runs at a point (axes,) will measure on average, with its 90 % band."""
    generator = np.random.default_rng(seed)
    drawn = fit.draws(point[None], 4 * DRAWS, generator)[:, 0]
    drawn = drawn + generator.standard_normal(len(drawn)) * np.sqrt(run_noise(fit) / seeds)
    tail = 50 * (1 - CERTAINTY)
    low, high = np.percentile(drawn, [tail, 100 - tail])
    names = [axis.name for axis in fit.frame.axes]
    value = float(fit.response.predict(point[None])[0])
    return Prediction(_row(names, point), value, float(low), float(high), seeds, why)


def run_noise(fit: ChosenFit) -> float:
    """Variance of one run between seeds: of the cells, else what the fit leaves over."""
    if np.isfinite(fit.frame.noise) and fit.frame.noise > 0:
        return fit.frame.noise
    residual = fit.response.loo - fit.frame.means
    return float((fit.frame.seeds * residual**2).mean())


def check(predictions: Sequence[Prediction], frame: CellFrame) -> list[str]:
    """Whether predictions held: a sentence for each, with what was measured where there is a cell like it."""
    said = []
    for one in predictions:
        point = np.array([[one.at[axis.name] for axis in frame.axes]])
        near = ((frame.at(point) - frame.scaled) ** 2).sum(axis=1)
        place = int(near.argmin())
        said.append(judged(one, frame, None if near[place] > 1e-4 else float(frame.means[place])))
    return said


def judged(one: Prediction, frame: CellFrame, found: float | None) -> str:
    """Whether a prediction held, in a sentence; found: what was measured, None: nothing yet."""
    point = np.array([one.at[axis.name] for axis in frame.axes])
    said = f"{frame.named(point)} ({one.why}): predicted {one.value:.3g} ({one.low:.3g} to {one.high:.3g})"
    if found is None:
        return f"{said}, not trained yet."
    return f"{said}, measured {found:.3g}: the prediction {'held' if one.low <= found <= one.high else 'did not hold'}."
