"""Phases of a long job: each timed, announced, and remembered, so that a second run can say what the first took."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from manifests.errors import InputError
from manifests.files import read_object, write_json
from manifests.progress import is_quiet
from manifests.shown.tables import print_rows
from manifests.units import Seconds, clock


@dataclass
class TimedPhase:
    """One phase. The block fills in `note` and sets `reused` when there was nothing to do."""

    name: str
    title: str
    note: str = ""
    reused: bool = False
    seconds: Seconds = 0.0  # what making it took, summed over interrupted runs
    facts: dict[str, Any] = field(default_factory=dict)  # numbers for summary.json


class Phases:
    """The phases of one run, with the times of earlier runs from `path` (timings.json)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: list[TimedPhase] = []
        self.began = time.monotonic()
        try:
            rows = list(read_object(path, "phases")["phases"])
            self.known: dict[str, dict[str, Any]] = {row["name"]: row for row in rows}
        except (InputError, TypeError, KeyError):  # times of before are no more than a help
            self.known = {}

    @contextmanager
    def phase(self, name: str, title: str) -> Iterator[TimedPhase]:
        """Run a block as a phase. Its time counts even when the block is interrupted."""
        tell(f"==> {title}")
        before = float(self.known.get(name, {}).get("seconds", 0.0))
        current, start = TimedPhase(name, title), time.monotonic()
        try:
            yield current
            self.done.append(current)
        except KeyboardInterrupt:
            print(f"\ninterrupted in {name}; run the same command again to go on from here", file=sys.stderr)
            raise
        finally:
            spent = time.monotonic() - start
            current.seconds = before if current.reused and before else before + spent
            self.known[name] = asdict(current)
            write_json(self.path, {"phases": list(self.known.values())})
        tell(f"    {current.note}{' (reused)' if current.reused else ''}")

    def table(self) -> None:
        """The closing table, on standard error."""
        names = ("step", "result", "made in", "this run")
        rows = [
            (phase.name, phase.note, clock(phase.seconds), "reused" if phase.reused else "made") for phase in self.done
        ]
        rows.append(("total", "", clock(sum(phase.seconds for phase in self.done)), clock(self.elapsed())))
        title = "Every step of the way"
        print_rows([dict(zip(names, row, strict=True)) for row in rows], title=title, right=("made in",), stderr=True)

    def elapsed(self) -> Seconds:
        """Seconds since this run began."""
        return time.monotonic() - self.began


def tell(line: str) -> None:
    """Say a line of progress on standard error, unless it is to be quiet."""
    if not is_quiet():
        print(line, file=sys.stderr, flush=True)
