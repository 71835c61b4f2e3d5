"""The axes of a grid's file: names, values, and what is wrong with them.

    share.DOMAIN         [0, 0.1, 0.2]            the domain's share; the others keep their ratio
    shares               {lattice: 4} | {line: [{a: 1}, {b: 1}], steps: 5} | {values: [{a: 1, b: 3}]} | {domains: [a]}
    size                 {fractions: [0.25, 1], repeats: matched}
    temperature          [1, 5, {start: 1, add_per_epoch: 5}]
    rule.SETTING         [0.1, 1.0]               of the mixture's rules, or of its query's header
    leave_out            {corpora: [esc50], domains: [sound]}: one at a time, beside nothing
    stage.STAGE.SETTING  any setting of a stage, at any depth
    mixture.MIXTURE.SETTING  any of a mixture: max_repeats, budget, select, ...

Where a list stands, `{values: [...], stage: NAME}` says for which stage it holds, and `{range: [low, high], scale: log,
steps: 5}` that the values lie in a range: so many of them, or without `steps` wherever the design wants one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from manifests.names import hint, nearest
from manifests.settings.fields import STRICT

SHAPES = {
    "share": "share.DOMAIN",
    "shares": "shares",
    "size": "size",
    "temperature": "temperature",
    "rule": "rule.SETTING",
    "leave_out": "leave_out",
    "stage": "stage.STAGE.SETTING",
    "mixture": "mixture.MIXTURE.SETTING",
}
DOTTED = {kind for kind, shape in SHAPES.items() if "." in shape}
DIGITS = 6  # significant ones of a value that a design chooses: a file, a name and a key say the same number
MOST_POINTS = 10_000  # of a lattice


class AxisSpec(BaseModel):
    """Values of one axis: given ones, or a range."""

    model_config = STRICT

    stage: str | None = None
    """The stage (or mixture) that it holds for; null: every one that it fits."""
    values: tuple[Any, ...] | None = Field(default=None, min_length=1)
    """The values."""
    range: tuple[float, float] | None = None
    """Lowest and highest value."""
    steps: int | None = Field(default=None, ge=2, le=1000)
    """So many values, evenly over the range."""
    scale: Literal["linear", "log"] = "linear"
    """In which evenly is meant."""


class SharesSpec(BaseModel):
    """Points of shares, each domain -> share."""

    model_config = STRICT

    stage: str | None = None
    """As of other axes."""
    domains: tuple[str, ...] = ()
    """Between which the shares move, within what they have together; empty: all of the mixture."""
    values: tuple[dict[str, float], ...] | None = Field(default=None, min_length=1)
    """The points."""
    line: tuple[dict[str, float], dict[str, float]] | None = None
    """Both ends of a line, with `steps` points."""
    steps: int = Field(default=5, ge=2, le=1000)
    """Points of the line, its ends included."""
    lattice: int | None = Field(default=None, ge=1, le=100)
    """All points whose shares are multiples of 1 / lattice."""
    least: float = Field(default=0.0, ge=0, lt=1)
    """What each domain has at least, on a lattice or in a design."""


class SizeSpec(BaseModel):
    """Sizes, and what they keep."""

    model_config = STRICT

    fractions: tuple[float, ...] = Field(min_length=1)
    """Shares of each domain's candidates."""
    repeats: Literal["matched", "free"] | tuple[Literal["matched", "free"], ...] | None = None
    """As of a mixture; several: a line each."""


class LeftOut(BaseModel):
    """What is left out, one at a time."""

    model_config = STRICT

    stage: str | None = None
    """As of other axes."""
    corpora: tuple[str, ...] = ()
    """Corpora, each of which is left out once."""
    domains: tuple[str, ...] = ()
    """Domains, likewise."""
    nothing: bool = True
    """Whether there are cells with all of them, to compare with."""


@dataclass(frozen=True)
class Axis:
    """One axis: either `values`, or a range (`bounds`), or all shares of some domains (`simplex`)."""

    name: str
    kind: str
    target: str
    """What stands behind the kind: a domain, a setting."""
    stage: str | None
    values: tuple[Any, ...] = ()
    bounds: tuple[float, float] | None = None
    log: bool = False
    simplex: tuple[str, ...] = ()
    lattice: int | None = None
    least: float = 0.0

    @property
    def dimensions(self) -> int:
        """Coordinates that a point of a design needs for it."""
        return max(1, len(self.simplex) - 1)

    def listed(self) -> tuple[Any, ...]:
        """The values, for designs that combine all.

        Raises:
            ValueError: it has a range without steps.
        """
        if self.values:
            return self.values
        raise ValueError(
            f"axis {self.name} has no list of values, expected one (`values`, or `steps` of its range, or `lattice`), "
            "or a design that chooses: `design: {kind: sobol, cells: 24}`"
        )

    def at(self, place: Sequence[float]) -> Any:
        """The value at a place of the unit cube (`dimensions` numbers from 0 to below 1)."""
        if self.values:
            return self.values[min(int(place[0] * len(self.values)), len(self.values) - 1)]
        if self.bounds is None:
            return dict(zip(self.simplex, _on_simplex(place, self.least), strict=True))
        low, high = (math.log(end) for end in self.bounds) if self.log else self.bounds
        value = low + place[0] * (high - low)
        return _rounded(math.exp(value) if self.log else value)

    def over(self, domains: Sequence[str]) -> Axis:
        """An axis of shares, where the mixture says which domains there are."""
        if self.kind != "shares" or self.simplex or self.values:
            return self
        if self.lattice is None:
            return replace(self, simplex=tuple(domains))
        return replace(self, simplex=tuple(domains), values=tuple(_lattice(domains, self.lattice, self.least)))


def read_axis(name: str, said: Any) -> Axis:
    """An axis as the grid's file says it.

    Raises:
        ValueError: an unknown kind (with the nearest), or values that it cannot have.
    """
    kind, _, target = name.partition(".")
    if kind not in SHAPES or bool(target) != (kind in DOTTED) or (kind in {"stage", "mixture"} and "." not in target):
        close = [kind] if kind in SHAPES else nearest(kind, SHAPES)
        said = (
            f"nearest: {', '.join(SHAPES[one] for one in close)}" if close else f"known: {', '.join(SHAPES.values())}"
        )
        raise ValueError(f"axis `{name}` is unknown ({said})")
    if kind == "size":
        return _size(name, said)
    if kind == "leave_out":
        return _left_out(name, said)
    if kind == "shares":
        return _shares(name, said)
    spec = _checked(AxisSpec, said if isinstance(said, Mapping) else {"values": said}, name)
    found = Axis(name, kind, target, spec.stage, *_values(name, spec))
    for value in found.values or found.bounds or ():
        _check_value(found, value)
    return found


def axis_labels(axis: Axis, value: Any) -> dict[str, Any]:
    """What a row's `axes` say of a value: JSON values by name."""
    if axis.kind == "size":
        fraction, repeats = value
        varies = len({kept for _, kept in axis.values}) > 1
        return {"size": fraction} | ({"repeats": repeats} if varies else {})
    if axis.kind == "shares":
        return {f"share.{domain}": share for domain, share in value.items()}
    return {axis.name: value}


def _values(name: str, spec: AxisSpec) -> tuple[tuple[Any, ...], tuple[float, float] | None, bool]:
    if (spec.values is None) == (spec.range is None):
        raise ValueError(f"axis {name}: give `values` or `range`, one of the two")
    log = spec.scale == "log"
    if spec.values is not None:
        _need_distinct(name, spec.values)
        return spec.values, None, log
    assert spec.range is not None
    low, high = spec.range
    if not low < high or (log and low <= 0):
        raise ValueError(f"axis {name}: range is {list(spec.range)}, expected a lower number{' above 0' * log} first")
    if spec.steps is None:
        return (), (low, high), log
    places = np.geomspace(low, high, spec.steps) if log else np.linspace(low, high, spec.steps)
    return tuple(_rounded(float(place)) for place in places), None, log


def _size(name: str, said: Any) -> Axis:
    spec = _checked(SizeSpec, said if isinstance(said, Mapping) else {"fractions": said}, name)
    if bad := [size for size in spec.fractions if not 0 < size <= 1]:
        raise ValueError(f"axis {name}: fractions hold {bad[0]}, expected numbers in (0, 1]")
    kept = spec.repeats if isinstance(spec.repeats, tuple) else (spec.repeats,)
    values = tuple((fraction, repeats) for repeats in kept for fraction in spec.fractions)
    _need_distinct(name, values)
    return Axis(name, "size", "", None, values)


def _left_out(name: str, said: Any) -> Axis:
    spec = _checked(LeftOut, said if isinstance(said, Mapping) else {"corpora": said}, name)
    values = [*(f"corpus:{corpus}" for corpus in spec.corpora), *(f"domain:{domain}" for domain in spec.domains)]
    if not values:
        raise ValueError(f"axis {name}: it names neither `corpora` nor `domains` to leave out")
    _need_distinct(name, values)
    return Axis(name, "leave_out", "", spec.stage, (*((None,) if spec.nothing else ()), *values))


def _shares(name: str, said: Any) -> Axis:
    spec = _checked(SharesSpec, said if isinstance(said, Mapping) else {"values": said}, name)
    given = [key for key in ("values", "line", "lattice") if getattr(spec, key) is not None]
    if len(given) > 1:
        raise ValueError(f"axis {name}: give one of `values`, `line` and `lattice`, found {' and '.join(given)}")
    points = spec.values or tuple(_line(spec)) or None
    if points is None:
        axis = Axis(name, "shares", "", spec.stage, lattice=spec.lattice, least=spec.least)
        return axis.over(spec.domains) if spec.domains else axis
    for point in points:
        wrong = [share for share in point.values() if not (math.isfinite(share) and share >= 0)]
        if wrong or not sum(point.values()) > 0:
            raise ValueError(f"axis {name}: found the shares {dict(point)}, expected numbers >= 0, one above it")
    domains = spec.domains or tuple(dict.fromkeys(domain for point in points for domain in point))
    if odd := sorted({domain for point in points for domain in point} - set(domains)):
        raise ValueError(f"axis {name}: a point names {odd[0]}, which is not among its domains {list(domains)}")
    values = tuple(_normal({domain: point.get(domain, 0.0) for domain in domains}) for point in points)
    _need_distinct(name, values)
    return Axis(name, "shares", "", spec.stage, values, simplex=domains)


def _line(spec: SharesSpec) -> Iterator[dict[str, float]]:
    if spec.line is None:
        return
    start, end = (_normal(point) for point in spec.line)
    for place in np.linspace(0, 1, spec.steps):
        names = dict.fromkeys([*start, *end])
        yield {name: (1 - place) * start.get(name, 0.0) + place * end.get(name, 0.0) for name in names}


def _lattice(domains: Sequence[str], parts: int, least: float) -> Iterator[dict[str, float]]:
    """All points of shares in multiples of 1 / parts; with `least`, drawn in towards the middle."""
    count, free = len(domains), 1 - least * len(domains)
    if free <= 0 or math.comb(parts + count - 1, count - 1) > MOST_POINTS:
        raise ValueError(f"the lattice of {parts} parts over {count} domains with at least {least:g} each has no points"
                         f" or more than {MOST_POINTS:,}")  # fmt: skip
    for bars in combinations(range(parts + count - 1), count - 1):
        gaps = [high - low - 1 for low, high in pairwise((-1, *bars, parts + count - 1))]
        yield {domain: round(least + free * gap / parts, 2 * DIGITS) for domain, gap in zip(domains, gaps, strict=True)}


def _on_simplex(place: Sequence[float], least: float) -> list[float]:
    """Shares, uniformly over all that there are: the gaps between sorted numbers."""
    ends = [0.0, *sorted(place), 1.0]
    free = 1 - least * (len(ends) - 1)
    shares = [round(least + free * (high - low), DIGITS) for low, high in pairwise(ends)]
    return [*shares[:-1], round(max(0.0, 1 - sum(shares[:-1])), DIGITS)]


def _normal(point: Mapping[str, float]) -> dict[str, float]:
    total = sum(point.values())
    return {name: round(share / total, 2 * DIGITS) for name, share in point.items()} if total > 0 else dict(point)


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _need_distinct(name: str, values: Sequence[Any]) -> None:
    written = [json.dumps(value, sort_keys=True, default=str) for value in values]
    if twice := next((one for one in written if written.count(one) > 1), None):
        raise ValueError(f"axis {name} holds {twice} twice, expected each value once")


def _check_value(axis: Axis, value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if axis.kind == "share" and not (number and 0 <= value <= 1):
        raise ValueError(f"axis {axis.name} holds {value!r}, expected shares from 0 to 1")
    if axis.kind == "temperature" and not ((number and value > 0) or isinstance(value, Mapping)):
        raise ValueError(f"axis {axis.name} holds {value!r}, expected numbers above 0 or {{start, add_per_epoch}}")
    if axis.kind == "rule" and not (number or isinstance(value, str)):
        raise ValueError(f"axis {axis.name} holds {value!r}, expected numbers or texts")


def _checked(model: type[BaseModel], said: Mapping[str, Any], name: str) -> Any:
    try:
        return TypeAdapter(model).validate_python(dict(said))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        known = list(model.model_fields)
        said_wrong = f"unknown key ({hint(key, known)})" if first["type"] == "extra_forbidden" else first["msg"]
        raise ValueError(f"axis {name}: `{key}`: {said_wrong}") from error
