"""One look for every progress bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


ROOMY = 110  # columns for long names and bars beside a note
_state = {"quiet": False}


def set_quiet(wanted: bool) -> None:
    """Whether this process shows progress: no bars, no lines of how far something is."""
    _state["quiet"] = wanted


def is_quiet() -> bool:
    """Whether no progress is to be shown."""
    return _state["quiet"]


def progress_bar() -> Progress:
    """A rich progress display on standard error: name, bar, count, free field `note`, elapsed, remaining.

    Add tasks with `add_task(name, total=N, note="")`. When standard error is no terminal, bars print once
    at the end, so that logs stay short. A quiet process shows none.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from manifests.shown import AsText, DataConsole

    console = DataConsole(stderr=True)
    wide = console.width >= ROOMY
    return Progress(
        TextColumn("{task.description:<28}" if wide else "{task.description}", markup=False, highlighter=AsText()),
        BarColumn(bar_width=28 if wide else 10),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False, highlighter=AsText()),
        TimeElapsedColumn(),
        TimeRemainingColumn(compact=True),
        console=console,
        disable=is_quiet(),
    )
