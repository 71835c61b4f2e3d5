"""Which combinations of the axes' values are cells. The same file gives the same cells on every machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from itertools import product
from math import ceil, log2
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from manifests.settings.fields import LARGEST, STRICT
from soundwave.ablation.axes.kinds import Axis

Point: TypeAlias = dict[str, Any]
"""Axis name -> value."""


class Sobol(BaseModel):
    """Points that cover all axes evenly, however few they are."""

    model_config = STRICT

    kind: Literal["sobol"]
    """`sobol`."""
    cells: Annotated[int, Field(ge=1, le=4096)]
    """Points; each is trained in every arm with every seed."""
    seed: Annotated[int, Field(ge=0, le=LARGEST)] = 0
    """Other points."""


Design: TypeAlias = Literal["full", "paired"] | Sobol


def design_points(axes: Sequence[Axis], design: Design) -> list[Point]:
    """The points of a design over axes; one empty point where there are none.

    Raises:
        ValueError: axes that the design cannot combine: a range in `full`, values of different numbers in `paired`.
    """
    names = [axis.name for axis in axes]
    if isinstance(design, Sobol) and axes:
        return _distinct(_sobol(axes, design))
    listed = [axis.listed() for axis in axes]
    if design == "paired" and axes:
        counts = {axis.name: len(values) for axis, values in zip(axes, listed, strict=True)}
        if len(set(counts.values())) > 1:
            raise ValueError(f"design paired takes as many values of every axis, found {counts}")
        return [dict(zip(names, values, strict=True)) for values in zip(*listed, strict=True)]
    return [dict(zip(names, values, strict=True)) for values in product(*listed)]


def _sobol(axes: Sequence[Axis], design: Sobol) -> list[Point]:
    from scipy.stats import qmc  # takes a second, and few grids need it

    sizes = [axis.dimensions for axis in axes]
    if sum(sizes) > qmc.Sobol.MAXDIM:
        raise ValueError(f"the axes have {sum(sizes)} dimensions, a Sobol design has at most {qmc.Sobol.MAXDIM}")
    places = _cube(sum(sizes), design)
    points = []
    for row in places:
        parts = np.split(row, np.cumsum(sizes)[:-1])
        points.append({axis.name: axis.at(part.tolist()) for axis, part in zip(axes, parts, strict=True)})
    return points


def _cube(dimensions: int, design: Sobol) -> NDArray[np.float64]:
    """Points (cells, dimensions). The sequence is moved by a number of our own making, not by a generator of numpy's:
    those may change between versions."""
    from scipy.stats import qmc

    sequence = qmc.Sobol(dimensions, scramble=False).random_base2(max(1, ceil(log2(design.cells))))
    digest = hashlib.shake_256(f"sobol:{design.seed}".encode()).digest(8 * dimensions)
    moved = np.frombuffer(digest, dtype="<u8").astype(np.float64) / 2.0**64
    found: NDArray[np.float64] = (sequence[: design.cells] + moved) % 1.0
    return found


def _distinct(points: Sequence[Point]) -> list[Point]:
    """Points of few values may meet."""
    return list({json.dumps(point, sort_keys=True, default=str): point for point in points}.values())
