"""One look for every progress bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


def progress_bar() -> Progress:
    """A rich progress display on standard error: name, bar, count, free field `note`, elapsed, remaining.

    Add tasks with `add_task(name, total=N, note="")`. When standard error is no terminal, bars print once
    at the end, so that logs stay short.
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

    return Progress(
        TextColumn("{task.description:<28}", markup=False, highlighter=AsText()),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False, highlighter=AsText()),
        TimeElapsedColumn(),
        TimeRemainingColumn(compact=True),
        console=DataConsole(stderr=True),
    )
