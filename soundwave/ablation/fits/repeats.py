"""What another pass over the same clips is worth: effective hours under repetition.

    error = E + A D'^-a,   D' = U + U R* (1 - exp(-R / R*)),   R = passes - 1

U are the hours of different audio and R* says how fast passes lose their worth: the n-th pass counts exp(-(n-1) / R*)
of a first one (Muennighoff et al. 2023, section 3). Telling R* from a needs sizes whose passes are equal and sizes
whose passes grow: `repeats: matched` and `repeats: free`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifests.errors import InputError
from manifests.files import read_object
from manifests.plans import LOCK
from manifests.units import Hours

Floats = NDArray[np.float64]

EXPONENTS = np.geomspace(0.05, 3.0, 30)
DECAYS = np.geomspace(0.3, 100.0, 24)  # R*
STEP = DECAYS[1] / DECAYS[0]  # no band is narrower than a step of the lattice
CELLS = 6  # the fewest for four numbers and a band
DRAWS = 200
APART = 1.5  # passes must differ by this factor between cells of one size


@dataclass(frozen=True)
class RepeatFit:
    """Effective hours, fitted."""

    offset: float
    scale: float
    exponent: float
    decay: float
    """R*."""
    decay_low: float
    """Of its 90 % band."""
    decay_high: float
    sentence: str

    def row(self) -> dict[str, Any]:
        """As written to JSON."""
        return asdict(self)


def effective_hours(hours: Floats, passes: Floats, decay: float) -> Floats:
    """What `hours` of different audio are worth after `passes`, in hours heard once."""
    return np.asarray(hours + hours * decay * (1 - np.exp(-np.maximum(0, passes - 1) / decay)))


def heard_hours(rows: Sequence[Mapping[str, Any]], plans: Path) -> dict[str, Hours]:
    """Cell -> hours that its trainings heard in all, repeats included; cells whose plans say nothing are left out.

    rows: of all stages; plans: the folder of plans.
    """
    found: dict[str, Hours] = {}
    unknown = set()
    for row in rows:
        try:
            lock = read_object(plans / str(row.get("plan")) / LOCK)
            seconds, planned = float(lock["seconds"]), int(lock["steps"])
        except (InputError, KeyError, TypeError, ValueError):
            unknown.add(row["cell"])
            continue
        found[row["cell"]] = found.get(row["cell"], 0.0) + seconds / 3600 * (row.get("steps") or planned) / planned
    return {cell: hours for cell, hours in found.items() if cell not in unknown}


def fit_repeats(hours: Floats, passes: Floats, errors: Floats, *, seed: int = 0) -> RepeatFit | str:
    """Fit effective hours to cells or runs: (N,) unique hours, passes, errors; or why that cannot be, in a sentence."""
    usable = (hours > 0) & (passes >= 1 - 1e-6) & np.isfinite(errors)
    hours, passes, errors = hours[usable], passes[usable], errors[usable]
    if len(errors) < CELLS:
        return f"{len(errors)} runs with hours and passes: what passes are worth needs at least {CELLS}."
    if np.ptp(np.log(hours)) < np.log(1.5):
        return "All runs have about the same hours of different audio: what hours are worth cannot be told."
    law = np.polynomial.polynomial.polyfit(np.log(hours), np.log(passes), 1)
    left = np.log(passes) - np.polynomial.polynomial.polyval(np.log(hours), law)
    if np.ptp(left) < np.log(APART):
        return "Passes go with hours in these runs: what a pass is worth needs both `repeats: matched` and `free`."
    unit = float(np.exp(np.log(hours).mean()))
    lattice = list(product(EXPONENTS, DECAYS))
    columns = np.stack([_columns(hours, passes, unit, *entry) for entry in lattice])
    (best,), _ = _search(columns, errors[None])
    exponent, decay = lattice[best]
    offset, scale = _linear(columns[best], errors)
    fitted = columns[best] @ [offset, scale]
    if scale <= 0 or not np.ptp(fitted):
        return "The error does not fall with effective hours: there is no value of a pass to tell."
    sd = np.sqrt(((errors - fitted) ** 2).sum() / max(1, len(errors) - 4))
    generator = np.random.default_rng(seed)
    again, _ = _search(columns, fitted + sd * generator.standard_normal((DRAWS, len(errors))))
    low, high = np.percentile([lattice[n][1] for n in again], [5, 95]) * STEP ** np.array([-0.5, 0.5])
    said = _said(decay, float(low), float(high), float(passes.max()))
    return RepeatFit(
        float(offset), float(scale * unit**exponent), float(exponent), float(decay), float(low), float(high), said
    )


def _columns(hours: Floats, passes: Floats, unit: float, exponent: float, decay: float) -> Floats:
    return np.column_stack([np.ones(len(hours)), (effective_hours(hours, passes, decay) / unit) ** -exponent])


def _search(columns: Floats, errors: Floats) -> tuple[NDArray[np.int64], Floats]:
    """(fits,) best entries of the lattice for errors (fits, runs), and their misfits; the offset is 0 or more."""
    inverse = np.linalg.pinv(columns)
    found = inverse @ errors.T  # (entries, 2, fits)
    free = ((columns @ found - errors.T) ** 2).sum(axis=1)
    slope = columns[:, :, 1]
    alone = (slope @ errors.T) / (slope**2).sum(axis=1, keepdims=True)  # (entries, fits) without an offset
    held = ((slope[:, :, None] * alone[:, None, :] - errors.T) ** 2).sum(axis=1)
    misfit = np.where(found[:, 0] >= 0, free, held)
    return misfit.argmin(axis=0), misfit.min(axis=0)


def _linear(columns: Floats, errors: Floats) -> tuple[float, float]:
    offset, scale = np.linalg.lstsq(columns, errors, rcond=None)[0]
    if offset >= 0:
        return float(offset), float(scale)
    slope = columns[:, 1]
    return 0.0, float(slope @ errors / (slope @ slope))


def _said(decay: float, low: float, high: float, most: float) -> str:
    if high >= DECAYS[-1] and low <= DECAYS[0]:
        return "these runs do not tell what a pass is worth"
    band = f"R* is {decay:.2g} ({low:.2g} to {high:.2g})"
    if decay >= DECAYS[-1]:
        return f"{band}: up to {most:.0f} passes, each is worth about a first one"
    half = 1 + decay * np.log(2)
    return f"{band}: about the {half:.0f}. pass is worth half of a first one"
