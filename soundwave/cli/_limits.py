"""Options of commands that run SQL which users wrote: how long it may run, how much memory it may take."""

import os
import sys
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from soundwave.cli._settings import finite
from soundwave.cli._tables import say

if TYPE_CHECKING:
    from curation.duck import Limits

SecondsOption: TypeAlias = Annotated[
    float, typer.Option(help="The most time that a statement may take.", callback=finite)
]
MemoryOption: TypeAlias = Annotated[
    str, typer.Option(help="The most memory that a statement may take; eight times as much is spilled to disk.")
]
SECONDS = 600.0
MEMORY = "4GB"


def limits(seconds: float, memory: str) -> "Limits":
    """The limits that options ask for; what does not end then ends the process.

    Raises:
        SettingsError: no limits.
    """
    from curation.duck import Limits, memory_bytes

    return Limits(seconds, memory_bytes(memory), give_up=_leave)


def _leave(message: str) -> None:
    """End the process from another thread: the main one is inside a function that hears nothing."""
    say(f"error: {message.replace('`seconds`', '`seconds` (--seconds)')}", error=True)
    sys.stderr.flush()
    os._exit(2)
