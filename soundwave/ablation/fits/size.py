"""Error against hours of data: a power law with a band, where the points allow one.

    error = offset + scale * hours ** -exponent        offset >= 0, scale > 0, exponent > 0

Three numbers need four sizes. From three sizes the offset is held at 0 (the pure power law); from fewer there is
no curve. What a fit says outside the sizes it saw is a guess, so it has to be asked for by name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares
from scipy.stats import norm

from manifests.errors import InputError
from manifests.units import Hours
from soundwave.evaluate.metric import Figure

Floats = NDArray[np.float64]
Parameters = tuple[float, float, float]  # offset, scale, exponent

SIZES_FOR_OFFSET = 4
SIZES_FOR_PURE = 3
MAX_EXPONENT = 5.0  # steeper than any published data-scaling curve: a fit that ends here has not found one
STARTS = (0.05, 0.3, 1.0, 2.0)  # exponents that the search starts from
Z95 = 1.959964


@dataclass(frozen=True)
class Point:
    """One cell: its training hours, its error, and the error's 95 % band when there is one."""

    hours: Hours
    error: float
    low: float | None = None
    high: float | None = None

    @property
    def sigma(self) -> float:
        """Standard error that the band implies (0 without a band)."""
        return 0.0 if self.low is None or self.high is None else max(0.0, self.high - self.low) / (2 * Z95)


@dataclass(frozen=True)
class Curve:
    """A fitted power law, and what it was fitted on."""

    offset: float
    scale: float
    exponent: float
    smallest: Hours  # the sizes it saw
    largest: Hours
    sizes: int
    points: int
    rmse: float
    replicates: tuple[Parameters, ...]  # (offset, scale, exponent) of each bootstrap refit
    band_from: str  # what the band reflects; empty when there is none

    @property
    def formula(self) -> str:
        """For people."""
        tail = f"{self.scale:.3g} · hours^-{self.exponent:.2f}"
        return f"{self.offset:.3f} + {tail}" if self.offset > 0 else tail

    def predict(self, hours: ArrayLike, *, extrapolate: bool = False) -> Floats:
        """Error at each of `hours`.

        Raises:
            InputError: a size outside what the curve saw, unless `extrapolate`.
        """
        asked = self._asked(hours, extrapolate)
        return power_law(asked, self.offset, self.scale, self.exponent)

    def band(
        self, hours: ArrayLike, *, extrapolate: bool = False, certainty: float = 0.95
    ) -> tuple[Floats, Floats] | None:
        """Pointwise band (low, high) at each of `hours` from the refits, or None when nothing gives one.

        It is as far to both sides of the curve in logarithms: refits of a curve that bends lean to one side, as it does
        itself, and their percentiles would lean twice.

        Raises:
            InputError: as `predict`.
        """
        asked = self._asked(hours, extrapolate)
        if not self.replicates:
            return None
        values = np.stack([power_law(asked, *parameters) for parameters in self.replicates])  # (replicates, hours)
        fitted = power_law(asked, self.offset, self.scale, self.exponent)
        sd = np.sqrt((np.log(values / fitted) ** 2).mean(axis=0))
        wide = np.exp(norm.ppf(0.5 + certainty / 2) * sd)
        return fitted / wide, fitted * wide

    def _asked(self, hours: ArrayLike, extrapolate: bool) -> Floats:
        asked = np.atleast_1d(np.asarray(hours, dtype=np.float64))
        slack = 1e-9 * self.largest
        outside = asked[(asked < self.smallest - slack) | (asked > self.largest + slack)]
        if len(outside) and not extrapolate:
            raise InputError(
                f"The curve saw {self.smallest:.3g} to {self.largest:.3g} hours and was asked about {outside[0]:.3g}. "
                "That would be extrapolation: ask for it by name (extrapolate=True), and say so where it is shown."
            )
        return asked


@dataclass(frozen=True)
class FitResult:
    """A curve, or why there is none."""

    curve: Curve | None
    reason: str  # why there is no curve; or what the curve leaves out


def power_law(hours: Floats, offset: float, scale: float, exponent: float) -> Floats:
    """offset + scale * hours ** -exponent."""
    return offset + scale * hours**-exponent


def fit_power_law(points: Sequence[Point], *, replicates: int = 200, seed: int = 0) -> FitResult:
    """Fit the power law to `points`, with a bootstrap band over seeds and over the points' own error bands.

    Equal sizes (to 2 %) count as one size. Deterministic for a given `seed`.
    """
    usable = [point for point in points if np.isfinite(point.error) and point.hours > 0 and point.error > 0]
    groups = _by_size(usable)
    if len(groups) < SIZES_FOR_PURE:
        return FitResult(None, f"{len(groups)} distinct sizes, a power law needs at least {SIZES_FOR_PURE}")
    free = len(groups) >= SIZES_FOR_OFFSET
    parameters = _solve(*_arrays(usable), free)
    offset, scale, exponent = parameters
    if exponent <= 1e-3:
        return FitResult(None, "the error does not fall with hours")
    if exponent >= MAX_EXPONENT - 1e-3:
        return FitResult(None, "the error falls faster than any power law in reach: the sizes are too close together")
    hours, errors = _arrays(usable)
    refits, source = _bootstrap(usable, parameters, free, replicates, seed)
    residual = errors - power_law(hours, *parameters)
    curve = Curve(
        offset=offset,
        scale=scale,
        exponent=exponent,
        smallest=float(hours.min()),
        largest=float(hours.max()),
        sizes=len(groups),
        points=len(usable),
        rmse=float(np.sqrt(np.mean(residual**2))),
        replicates=refits,
        band_from=source,
    )
    return FitResult(curve, "" if free else f"offset held at 0: {len(groups)} sizes cannot tell it from the slope")


def fit_arm(rows: Sequence[Mapping[str, Any]], arm: str, figure: Figure) -> FitResult:
    """The power law of one arm's last stage over hours: of the distance from the figure's best value."""
    if figure.best is None:
        return FitResult(None, f"`{figure.name}` has no best value, a power law needs the distance from one")
    points = []
    for row in rows:
        if row["arm"] == arm and row["last"] and row.get(figure.name) is not None:
            ends = [end for part in ("low", "high") if (end := row.get(f"{figure.name}_{part}")) is not None]
            low, high = sorted(map(figure.error, ends)) if len(ends) == 2 else (None, None)
            points.append(Point(row["hours"], figure.error(row[figure.name]), low, high))
    return fit_power_law(points)


def _by_size(points: Sequence[Point]) -> list[list[Point]]:
    groups: list[list[Point]] = []
    for point in sorted(points, key=lambda item: (item.hours, item.error)):
        if groups and point.hours <= groups[-1][0].hours * 1.02:
            groups[-1].append(point)
        else:
            groups.append([point])
    return groups


def _arrays(points: Sequence[Point]) -> tuple[Floats, Floats]:
    return np.array([point.hours for point in points]), np.array([point.error for point in points])


def _solve(hours: Floats, errors: Floats, free: bool, near: float | None = None) -> Parameters:
    """Least squares on the log of the error, which treats 0.8 -> 0.4 and 0.4 -> 0.2 as equal steps.

    `near` is an exponent to start the search from, for refits; without it the search starts from several.
    """
    unit = float(np.exp(np.mean(np.log(hours))))  # hours in units of their middle, so that parameters are of order 1
    log_scale, exponent, offset = (_with_offset if free else _pure)(np.log(hours / unit), np.log(errors), near)
    return offset, float(np.exp(log_scale) * unit**exponent), exponent


def _pure(x: Floats, y: Floats, near: float | None) -> tuple[float, float, float]:
    """log error = log scale - exponent * log hours: a straight line, so the exact answer needs no search."""
    slope = float(np.polyfit(x, y, 1)[0])
    exponent = min(max(0.0, -slope), MAX_EXPONENT)
    return float(np.mean(y + exponent * x)), exponent, 0.0


def _with_offset(x: Floats, y: Floats, near: float | None) -> tuple[float, float, float]:
    smallest = float(np.exp(y.min()))

    def residual(parameters: Floats) -> Floats:
        gap: Floats = np.log(parameters[2] + np.exp(parameters[0] - parameters[1] * x)) - y
        return gap

    def slopes(parameters: Floats) -> Floats:
        falling = np.exp(parameters[0] - parameters[1] * x)
        found: Floats = np.column_stack([falling, -x * falling, np.ones_like(x)]) / (parameters[2] + falling)[:, None]
        return found

    bounds = ([-30.0, 0.0, 0.0], [30.0, MAX_EXPONENT, smallest])
    tries = []
    for exponent in STARTS if near is None else (near,):
        start = [float(np.median(y)), min(max(exponent, 1e-3), MAX_EXPONENT - 1e-3), smallest / 2]
        tries.append(least_squares(residual, start, jac=slopes, bounds=bounds))
    log_scale, exponent, offset = min(tries, key=lambda found: float(found.cost)).x
    return float(log_scale), float(exponent), float(offset)


def _bootstrap(
    points: Sequence[Point], parameters: Parameters, free: bool, replicates: int, seed: int
) -> tuple[tuple[Parameters, ...], str]:
    """Refits on the fitted errors with new noise: of seeds as wide as the points are spread about the curve, with as
    many degrees of freedom as are left, and of clips by each point's own standard error.
    """
    hours, errors = _arrays(points)
    seeded = len(points) > len(_by_size(points))
    sigma = np.array([point.sigma for point in points])
    if not (seeded or sigma.any()):
        return (), ""
    generator = np.random.default_rng(seed)
    fitted = power_law(hours, *parameters)
    freedom = max(1, len(points) - (3 if free else 2))
    spread = math.sqrt(float(((np.log(errors) - np.log(fitted)) ** 2).sum()) / freedom) if seeded else 0.0
    refits = []
    for _ in range(replicates):
        wide = spread * math.sqrt(freedom / generator.chisquare(freedom))
        noisy = fitted * np.exp(wide * generator.normal(size=len(points))) + sigma * generator.normal(size=len(points))
        refits.append(_solve(hours, np.maximum(noisy, 1e-3), free, parameters[2]))
    sources = [name for name, there in (("seeds", seeded), ("test clips", bool(sigma.any()))) if there]
    return tuple(refits), " and ".join(sources)
