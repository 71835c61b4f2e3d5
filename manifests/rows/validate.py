"""Does a row keep the contract? One problem each, with the row's id, never an exception.

The rules are those of manifests/schema.sql; curation/catalog/columns.py makes the same
rules of it for whole files, and tests hold the two together.
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from manifests.lines.jsonl import no_object
from manifests.lines.supervisions import PADDING, disagreement, overlaps, spoken, supervision_problems
from manifests.lines.values import as_list, as_text, number, repeats, walk
from manifests.names import nearest
from manifests.rows.splits import known_split
from manifests.schema import Column, Place, in_words, table
from manifests.units import SLACK, Seconds

TEXT, MIXED = "Text", "MixedCut"
KINDS_OF_ROW = ("MonoCut", "MultiCut", MIXED, TEXT)  # Lhotse's kinds of cut, and text-only rows
REPEATED = "a key occurs twice in one object, expected once: readers of JSON differ in which value they take"
SHOWN = 80  # characters of a value in a message
_BITS = {"INTEGER": 31, "BIGINT": 63}
_BOUNDS: dict[str, Callable[[float, float], bool]] = {"> 0": operator.gt, ">= 0": operator.ge}


@dataclass(frozen=True)
class Problem:
    """What is wrong with one row."""

    cut_id: str
    detail: str  # found, expected


def validate_rows(rows: Iterable[Any]) -> Iterator[Problem]:
    """Problems of manifest rows (cuts or text-only), duplicate ids included; any JSON value may stand for a row."""
    seen: set[str] = set()
    for place, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            yield Problem(f"row {place}", no_object(row))
            continue
        cut_id = str(row.get("id", f"row {place}"))
        if cut_id in seen:
            yield Problem(cut_id, "the id occurs twice, expected once in a catalog")
        seen.add(cut_id)
        yield from (Problem(cut_id, detail) for detail in row_problems(row))


def row_problems(row: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with one row (JSON of a manifest), in words; nothing if it keeps the contract."""
    if repeats(row):
        yield REPEATED
        return
    found = _Reading(row)
    id_, *others = table("cuts").read
    yield from _column_problems(id_, found)
    if found.kind not in KINDS_OF_ROW:
        yield f"type is {_shown(found.kind or 'missing')}, expected {in_words(KINDS_OF_ROW)}"
        return
    for column in others:
        yield from _column_problems(column, found)
    if not found.text:
        yield from supervision_problems(row, found.spoken, found.duration())
        if len(found.spoken) > 1:
            yield from _disagreements(others, found)
    end, length = found.end(), found.length()
    if end is not None and length is not None and end > length + SLACK:
        yield f"the cut ends at {end:.3f} s, its recording at {length:.3f} s"


def _disagreements(columns: Iterable[Column], found: _Reading) -> Iterator[str]:
    """Where several supervisions do not go together."""
    for column in columns:
        for place in column.places:
            if place.root == "supervision":
                yield from disagreement(column.name, place.steps, found.spoken)
    yield from overlaps(found.spoken)


def in_own_letters(row: dict[str, Any]) -> dict[str, Any]:
    """A row that keeps the contract, with the words of closed vocabularies as they are listed."""
    for column in table("cuts").columns:
        for place in column.places if column.allowed else ():
            parent, name = (row if place.root in ("row", "cut") else None), str(place.steps[-1])
            parent = walk(parent, place.steps[:-1])
            if isinstance(parent, dict) and isinstance(word := parent.get(name), str):
                parent[name] = (known_split(word) if column.name == "split" else None) or word.lower()
    return row


class _Reading:
    """A row's values by column, read where schema.sql says."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.row = row
        self.kind = as_text(row.get("type"))
        self.text, self.mixed = self.kind == TEXT, self.kind == MIXED
        tracks = [track for track in as_list(row.get("tracks")) if isinstance(track, dict)] if self.mixed else []
        self.tracks = tracks
        audible = [track for track in tracks if track.get("type") not in (None, PADDING)]
        self.first = walk(audible[0], ("cut",)) if audible else None
        self.spoken = () if self.text else spoken(row, tracks)
        self.supervisions = [one.fields for one in self.spoken]

    def value(self, column: Column) -> Any:
        """The first value among the column's places; None where there is none."""
        if column.name == "start" and (self.text or self.mixed):
            return 0.0
        if column.name == "duration" and (self.text or self.mixed):
            return 0.0 if self.text else self._span()
        for place in column.places_of[self.text]:
            if (value := self._at(column, place)) is not None:
                return value
        return None

    def duration(self) -> Seconds | None:
        """Length of the cut."""
        return None if self.text else self._span() if self.mixed else number(self.row.get("duration"))

    def end(self) -> Seconds | None:
        """Where the cut ends in its recording."""
        spans = [number(self.row.get(name)) for name in ("start", "duration")]
        return None if self.text or self.mixed or None in spans else math.fsum(filter(None, spans))

    def length(self) -> Seconds | None:
        """Length of the recording, where it says one."""
        return number(walk(self.row, ("recording", "duration")))

    def _at(self, column: Column, place: Place) -> Any:
        if place.root == "row":
            return walk(self.row, place.steps)
        if place.root == "cut":
            found = walk(self.row, place.steps)
            found = walk(self.first, place.steps) if found is None and self.mixed else found
            return len(as_list(found)) if place.length else found
        found = [walk(supervision, place.steps) for supervision in self.supervisions]
        given = [value for value in found if value is not None]
        if place.root == "supervision" or len(found) < 2:
            return given[0] if given else None
        return _joined(column, given) if given else None

    def _span(self) -> Seconds | None:
        """Length of a mixed cut: the end of the track that ends last."""
        ends = [
            (number(track.get("offset")) or 0.0) + length
            for track in self.tracks
            if (length := number(walk(track, ("cut", "duration")))) is not None
        ]
        return max(ends, default=None)


def _column_problems(column: Column, found: _Reading) -> Iterator[str]:
    value = found.value(column)
    place = column.needed(text=found.text)
    numeric = column.kind in ("DOUBLE", *_BITS)
    if value is None or (column.kind == "VARCHAR" and value == ""):
        if place is not None:
            yield f"{column.name} is no number, expected {column.expected}" if numeric else column.missing(place)
    elif not _fits(column, value, text=found.text):
        yield f"{column.name} is {_found(column, value)}, expected {column.expected}{near(column, value)}"


def near(column: Column, value: Any) -> str:
    """The allowed value most like one that is not, for a message."""
    close = nearest(str(value), column.allowed)[:1] if column.allowed else []
    return f" (nearest: {close[0]})" if close else ""


def _found(column: Column, value: Any) -> str:
    """A value as it is named in a message."""
    if column.kind == "DOUBLE" and (as_float := number(value)) is not None:
        return str(as_float)
    needed = any(column.needed(text=text) for text in (True, False))
    if needed and column.kind in ("DOUBLE", *_BITS) and number(value) is None:
        return "no number"
    return _shown(
        json.dumps(value, ensure_ascii=False) if isinstance(value, str) and column.kind != "VARCHAR" else value
    )


def _fits(column: Column, value: Any, *, text: bool) -> bool:
    """Whether a JSON value has the column's type and keeps its CHECK; any value can be kept as text."""
    if column.kind == "VARCHAR[]":
        return isinstance(value, list) and None not in value
    if column.kind == "BOOLEAN":
        return isinstance(value, bool)
    if column.kind == "VARCHAR":
        known = column.name == "split" and isinstance(value, str) and known_split(value) is not None
        return known or not column.allowed or str(value).lower() in column.allowed
    as_float = number(value)
    if as_float is None or not math.isfinite(as_float):
        return False
    if column.bound and not text and not _BOUNDS[column.bound](as_float, 0):
        return False
    return column.kind == "DOUBLE" or (as_float.is_integer() and abs(value + 0.5) < 2 ** _BITS[column.kind])


def _joined(column: Column, values: list[Any]) -> Any:
    """Values of several supervisions in one; where a list is expected and one of them is none, that one."""
    if column.kind == "VARCHAR":
        return " ".join(filter(None, map(as_text, values)))
    wrong = [value for value in values if not isinstance(value, list)]
    return wrong[0] if wrong else [item for value in values for item in value]


def _shown(value: Any) -> str:
    return str(as_text(value))[:SHOWN]
