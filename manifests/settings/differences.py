"""What differs between something stored and what is asked for now, key by key, for messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LONGEST = 160  # characters of a value that a message shows


@dataclass(frozen=True)
class Difference:
    """One thing that differs."""

    name: str
    """Dotted: `optimiser.learning_rate`."""
    found: Any
    asked: Any

    def __str__(self) -> str:
        return f"{self.name}: found {_shown(self.found)}, asked {_shown(self.asked)}"


def compare(found: Mapping[str, Any], asked: Mapping[str, Any], *, prefix: str = "") -> Iterator[Difference]:
    """Differences of two nested mappings, by dotted key."""
    one, two = dict(_flat(found, prefix)), dict(_flat(asked, prefix))
    for name in sorted(one.keys() | two.keys()):
        if one.get(name) != two.get(name):
            yield Difference(name, one.get(name), two.get(name))


def _flat(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple) and value and all(isinstance(item, Mapping) for item in value):
            yield from _flat({str(place): item for place, item in enumerate(value)}, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
