"""One look at this machine, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["ok", "missing", "broken", "unfit"]


@dataclass(frozen=True)
class HealthCheck:
    """One thing that was looked at.

    Args:
        kind: python, package, device, cache, disk, dask or optional.
        name: of the thing.
        state: ok; missing: not installed; broken: it is there and does not work; unfit: of a version that is refused.
        said: what was found.
        do: the command that mends it; "" where nothing is to be done.
        core: whether the product needs it.
    """

    kind: str
    name: str
    state: State
    said: str
    do: str = ""
    core: bool = False

    def row(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def looked(kind: str, name: str, look: Callable[[], Iterable[HealthCheck]], *, core: bool = False) -> list[HealthCheck]:
    """What `look` finds; what it raises is a finding, too."""
    try:
        return list(look())
    except Exception as error:  # whatever a broken package raises
        return [HealthCheck(kind, name, "broken", said_of(error), core=core)]


def said_of(error: BaseException) -> str:
    """An error in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
