"""What a training shows: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from manifests.progress import is_quiet, progress_bar
from manifests.units import clock

LINE_SECONDS = 15.0
WAIT, PADDING = 0.01, 0.2  # seconds of a step, share of its frames: less is not said


class Shown(Protocol):
    """Takes a row of metrics after each step."""

    def __call__(self, row: dict[str, Any]) -> None:
        """Show it."""


@contextmanager
def shown(name: str, step: int, steps: int) -> Iterator[Shown]:
    """Show steps `step` to `steps` of the run `name` on standard error."""
    if is_quiet() or not sys.stderr.isatty():
        yield (lambda row: None) if is_quiet() else _lines(name, step)
        return
    with progress_bar() as bar:
        task = bar.add_task(name, total=steps, completed=step, note="")
        yield lambda row: bar.update(task, completed=row["step"] + 1, note=note(row))


def note(row: dict[str, Any]) -> str:
    """`loss 1.234, waited 0.12 s, padding 8 %`: waits of a hundredth of a second and more."""
    if row["loss"] is None:
        return "batch dropped"
    waited, padding = row.get("wait_seconds", 0.0), row.get("padding", 0.0)
    said = [f"loss {row['loss']:.3f}"] + [f"waited {waited:.2f} s"] * (waited >= WAIT)
    return ", ".join([*said, *[f"padding {padding:.0%}"] * (padding >= PADDING)])


def _lines(name: str, first: int) -> Shown:
    last = began = time.monotonic()

    def show(row: dict[str, Any]) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_SECONDS or row["step"] + 1 == row["steps"]:
            last, done = time.monotonic(), row["step"] + 1
            left = (last - began) / (done - first) * (row["steps"] - done)
            rest = f", {clock(left)} left" if done < row["steps"] else ""
            print(f"{name}: step {done}/{row['steps']}, {note(row)}{rest}", file=sys.stderr, flush=True)

    return show
