"""All supervisions of a cut, in the order of their times, and why some cannot stand in one row of the catalog.

A row is one cut, with one speaker, one language and one text, so its supervisions are used together or not at all:
texts one after another in time, sound labels in a list. Everything else breaks the contract.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from manifests.lines.values import as_list, as_text, number, walk
from manifests.units import SLACK, Seconds

PADDING = "PaddingCut"
NO_LIST = "supervisions is no list, expected a list of objects"
NO_OBJECT = "is no object"
NO_SPAN = "has no span, expected numbers `start` and `duration`, duration > 0 (seconds)"
SPLIT = "expected one: make a cut of each, as Lhotse's trim_to_supervisions does"
OVERLAP = "overlap and both have text, expected one after the other"
NO_CHANNEL = r"[\[\]\" \t\r\n]"  # characters of a JSON list that are no channel


@dataclass(frozen=True)
class Spoken:
    """One supervision of a cut."""

    start: Seconds  # in the cut
    number: int  # place in the manifest, from 1
    fields: Any  # its JSON object
    channels: str  # of the cut it stands in, as text; empty where the cut names none

    @property
    def span(self) -> tuple[Seconds, Seconds | None] | None:
        """Start and length; no length: to the end of the cut; None where they are no times."""
        values = [walk(self.fields, (name,)) for name in ("start", "duration")]
        given = [number(value) for value in values if value is not None]
        length = number(values[1])
        if any(value is None or not math.isfinite(value) for value in given) or (length is not None and length <= 0):
            return None
        return self.start, length

    @property
    def end(self) -> Seconds:
        """Where it ends in the cut."""
        length = number(walk(self.fields, ("duration",)))
        return math.inf if length is None else self.start + length


def spoken(row: Mapping[str, Any], tracks: Sequence[Any] = ()) -> tuple[Spoken, ...]:
    """A cut's supervisions by their times, then places; those of a mixed cut stand in its tracks."""
    own = row.get("supervisions")
    if not isinstance(own, list) and tracks:
        given = [
            (number(track.get("offset")) or 0.0, fields, channels(walk(track, ("cut", "channel"))))
            for track in tracks
            if track.get("type") != PADDING
            for fields in as_list(walk(track, ("cut", "supervisions")))
        ]
    else:
        given = [(0.0, fields, channels(row.get("channel"))) for fields in as_list(own)]
    found = [
        Spoken(offset + _finite(walk(fields, ("start",))), place, fields, known)
        for place, (offset, fields, known) in enumerate(given, 1)
    ]
    return tuple(sorted(found, key=lambda one: (one.start, one.number)))


def channels(value: Any) -> str:
    """Channels as text, e.g. `0,1`; empty where none is named."""
    return re.sub(NO_CHANNEL, "", as_text(value) or "")


def supervision_problems(row: Mapping[str, Any], said: Sequence[Spoken], duration: Seconds | None) -> Iterator[str]:
    """What is wrong with single supervisions of a cut."""
    own = row.get("supervisions")
    if own is not None and not isinstance(own, list):
        yield NO_LIST
    odd = [one.number for one in said if not isinstance(one.fields, dict)]
    yield from (f"supervision {place} {NO_OBJECT}" for place in sorted(odd))
    yield from (f"supervision {one.number} {NO_SPAN}" for one in said if one.span is None)
    for one in said:
        if duration is not None and (span := one.span) and not _inside(span, duration):
            end = one.start + (span[1] or 0.0)
            yield f"supervision {one.number} lies from {one.start:.3f} to {end:.3f} s of a cut of {duration:.3f} s"
    for one in said:
        other = channels(walk(one.fields, ("channel",)))
        if other and one.channels and not set(other.split(",")) <= set(one.channels.split(",")):
            yield f"supervision {one.number} is on channel {other}, the cut on channel {one.channels}"


def disagreement(name: str, steps: Sequence[str | int], said: Sequence[Spoken]) -> Iterator[str]:
    """Whether supervisions give several values where a row has one."""
    values = {as_text(walk(one.fields, steps)) for one in said} - {None}
    if len(values) > 1:
        yield f"supervisions name {len(values)} values of {name}, {SPLIT}"


def overlaps(said: Sequence[Spoken]) -> Iterator[str]:
    """Supervisions with texts that are said at the same time."""
    texts = [one for one in said if walk(one.fields, ("text",)) is not None]
    for one, other in pairwise(texts):
        if other.start < one.end - SLACK:
            yield f"supervisions {one.number} and {other.number} {OVERLAP}"


def _inside(span: tuple[Seconds, Seconds | None], duration: Seconds) -> bool:
    start, length = span
    return start >= -SLACK and start + (length or 0.0) <= duration + SLACK


def _finite(value: Any) -> float:
    found = number(value)
    return found if found is not None and math.isfinite(found) else 0.0
