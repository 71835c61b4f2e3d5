"""A link of the chain from a number to its data, and what is found of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from manifests.errors import InputError, MissingFileError

KINDS = ("row", "evaluation", "run", "plan", "rules", "catalog", "labels", "corpus")
SHORT = 12  # hex digits of a fingerprint in a message
State = Literal["whole", "unknown", "missing", "broken"]


@dataclass
class Link:
    """One step of the chain."""

    kind: str
    """Of KINDS."""
    name: str
    path: Path | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    """What identifies it: fingerprints, settings, texts."""
    problems: list[str] = field(default_factory=list)
    """Where it is not what the chain says: what was found and what was expected."""
    missing: list[str] = field(default_factory=list)
    """What is not there, and how to say where it is."""
    unknown: list[str] = field(default_factory=list)
    """What cannot be checked: nobody wrote it down."""

    @property
    def state(self) -> State:
        """The worst that was found."""
        if self.problems:
            return "broken"
        return "missing" if self.missing else "unknown" if self.unknown else "whole"

    def row(self) -> dict[str, Any]:
        """As JSON."""
        path = None if self.path is None else str(self.path)
        return {"kind": self.kind, "name": self.name, "state": self.state, **vars(self), "path": path}

    def checking(self) -> Checking:
        """In this block errors of reading become problems of the link, or what is missing."""
        return Checking(self)

    def same(self, what: str, found: Any, expected: Any) -> None:
        """Note a problem where two values differ."""
        if found != expected:
            self.problems.append(f"{what}: found {shown(found)}, expected {shown(expected)}")


class Checking:
    """See `Link.checking`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def __enter__(self) -> None:
        """Nothing is to be done."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        """Take an error that input or disk gave; all others go on."""
        if isinstance(error, MissingFileError):
            self._link.missing.append(str(error))
        elif isinstance(error, InputError | OSError):
            self._link.problems.append(str(error))
        else:
            return False
        return True


def shown(value: Any) -> str:
    """A value as messages have it; of a fingerprint the beginning."""
    text = "nothing" if value is None else str(value)
    is_fingerprint = len(text) in (32, 64) and all(letter in "0123456789abcdef" for letter in text)
    return text[:SHORT] if is_fingerprint else text if len(text) <= 120 else text[:117] + "..."
