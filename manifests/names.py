"""Names that are like one that does not exist, for messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

CLOSE = 0.65  # how alike two names must be to be listed (difflib's ratio)
MOST = 3  # names in such a list


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """The known names most like `name`, the best first; `learning_rate` is like `optimiser.learning_rate` too."""
    scored = [(_likeness(name.lower(), other.lower()), other) for other in known]
    close = sorted((-score, other) for score, other in scored if score >= CLOSE)
    return [other for _, other in close[:MOST]]


def hint(name: str, known: Sequence[str]) -> str:
    """`nearest: a, b`, or `known: ...` where no known name is like `name`."""
    close = nearest(name, known)
    return f"nearest: {', '.join(close)}" if close else f"known: {', '.join(known) or 'none'}"


def _likeness(one: str, two: str) -> float:
    """Of the last parts; of the whole names too where other parts differ and there are as many."""
    (place, last), (other_place, other_last) = _parted(one), _parted(two)
    alike = difflib.SequenceMatcher(None, last, other_last).ratio()
    if place == other_place:
        return alike
    as_many = place.count(".") == other_place.count(".") and bool(place) == bool(other_place)
    whole = difflib.SequenceMatcher(None, one, two).ratio() if as_many else 0.0
    return max(whole, alike - 0.01)


def _parted(name: str) -> tuple[str, str]:
    place, _, last = name.replace("/", ".").rpartition(".")
    return place, last
