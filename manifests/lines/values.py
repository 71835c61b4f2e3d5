"""Values of a JSON row, read as DuckDB reads them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

from manifests.lines.jsonl import Repeated


def number(value: Any) -> float | None:
    """A JSON number as float; None for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def walk(value: Any, steps: Iterable[str | int]) -> Any:
    """The value at a path; None where the path leads nowhere."""
    for step in steps:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def as_list(value: Any) -> list[Any]:
    """A list as it is; an empty one for everything else."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str | None:
    """A JSON value as text: a string as it is, others as JSON."""
    return (
        value
        if value is None or isinstance(value, str)
        else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    )


def repeats(row: Any) -> bool:
    """Whether a key occurs twice in an object that facts are read from: parsers differ in which value they take."""
    return any(isinstance(value, Repeated) for value in _read(row))


def _read(row: Any) -> Iterator[Any]:
    cuts = [row, *(walk(track, ("cut",)) for track in as_list(walk(row, ("tracks",))))]
    yield from as_list(walk(row, ("tracks",)))
    for cut in cuts:
        yield from (cut, walk(cut, ("custom",)), walk(cut, ("recording",)), walk(cut, ("recording", "sources", 0)))
        for supervision in as_list(walk(cut, ("supervisions",))):
            yield from (supervision, walk(supervision, ("custom",)))
