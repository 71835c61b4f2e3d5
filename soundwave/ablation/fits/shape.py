"""A fit over the first one or two axes that one looks at, as points of a curve or tiles of a surface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from soundwave.ablation.fits.choose import ChosenFit
from soundwave.ablation.fits.frame import Floats

FULL = 1 + 1e-9  # that shares of several domains sum to at most


def curve(fit: ChosenFit, count: int) -> list[dict[str, float]]:
    """Up to `count` points of a fit along its one axis: x, value, and low and high of the 90 % band."""
    points = fit.frame.axes[0].between(count)[:, None]
    columns = zip(points[:, 0], fit.response.predict(points), *fit.band(points), strict=True)
    return [dict(zip(("x", "value", "low", "high"), map(float, row), strict=True)) for row in columns]


def tiles(
    fit: ChosenFit, along: Sequence[int], count: int, others: Mapping[int, float] | None = None
) -> list[dict[str, float]]:
    """Tiles that cover what was measured along two axes; none where shares would sum to more than 1.

    Each has its edges x, x2, y, y2, the point at_x, at_y that it stands for, and there value, low and high (90 %).

    Args:
        fit: the fit.
        along: numbers of the two axes.
        count: tiles along each, fewer on axes of whole numbers.
        others: number of each further axis -> where it is held.
    """
    axes = fit.frame.axes
    values = [axes[number].between(count) for number in along]
    places = np.array(list(np.ndindex(*map(len, values))))
    points = np.empty((len(places), len(axes)))
    for number, held in (others or {}).items():
        points[:, number] = held
    for place, number in enumerate(along):
        points[:, number] = values[place][places[:, place]]
    shares = [number for number, axis in enumerate(axes) if axis.kind == "share"]
    possible = points[:, shares].sum(axis=1) <= FULL
    points, places = points[possible], places[possible]
    across, up = map(_edges, values)
    return [
        {"x": float(across[a]), "x2": float(across[a + 1]), "y": float(up[b]), "y2": float(up[b + 1])}
        | {"at_x": float(values[0][a]), "at_y": float(values[1][b])}
        | {"value": float(mean), "low": float(low), "high": float(high)}
        for (a, b), mean, low, high in zip(places, fit.response.predict(points), *fit.band(points), strict=True)
    ]


def _edges(values: Floats) -> Floats:
    """(n + 1,) where the tiles of `values` (n,) begin and end."""
    return np.concatenate([values[:1], (values[1:] + values[:-1]) / 2, values[-1:]])
