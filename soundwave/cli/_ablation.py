"""What `soundwave ablate` prints beside its results: forecasts, and commands for a scheduler."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from soundwave.ablation.running.forecast import Forecast

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
SHOWN = 24  # cells in a table


def seconds(text: str | None) -> float | None:
    """A length of time as people type it: 90s, 30m, 2h, 1.5d.

    Raises:
        SettingsError: something else.
    """
    from manifests.errors import SettingsError

    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if not found or float(found[1]) <= 0:
        raise SettingsError(f"--time-limit is {text!r}, expected a number above 0 and its unit: 90s, 30m, 2h or 1.5d.")
    return float(found[1]) * UNITS[found[2]]


def resources(pairs: Sequence[str] | None) -> Mapping[str, float]:
    """What a job takes of a Dask worker: NAME=NUMBER each.

    Raises:
        SettingsError: something else.
    """
    from manifests.errors import SettingsError

    found = {}
    for pair in pairs or ():
        name, _, number = pair.partition("=")
        if not name or not re.fullmatch(r"\d+(\.\d+)?", number):
            raise SettingsError(f"--resource is {pair!r}, expected NAME=NUMBER, such as GPU=1.")
        found[name] = float(number)
    return found


def show_forecast(found: Forecast) -> None:
    """For people."""
    from manifests.units import clock
    from soundwave.cli._tables import print_rows, say

    rows = [{"cell": row["cell"], "can be had": "yes" if row["feasible"] else "no"} for row in found.cells]
    print_rows(rows[:SHOWN], names=["cell", "can be had"])
    if len(rows) > SHOWN:
        say(f"and {len(rows) - SHOWN} more cells (--json has all)")
    for row in found.cells:
        if not row["feasible"]:
            near = ", ".join(f"{name} {value:.4g}" for name, value in row["nearest"].items())
            say(f"{row['cell']}: {row['why']}" + (f" Nearest that can be had: {near}." if near else ""))
    for note in found.notes:
        say(f"note: {note}")
    there = sum(row["feasible"] for row in found.cells)
    say(f"{there} of {len(rows)} cells, {found.trainings} distinct trainings ({found.trained} are there)")
    say(f"{found.audio_hours:.3g} hours of audio to draw, repeats included")
    if found.seconds is None or found.wall_seconds is None:
        say("time: not known, no step was measured")
    else:
        spent = f"{clock(found.wall_seconds)} ({clock(found.seconds)} of processors)"
        say(f"time: {spent} of training; evaluation comes on top")
    if found.memory:
        say(f"memory: {found.memory / 2**30:.2g} GiB for all processes together")
    for stage, cost in found.costs.items():
        say(f"  {stage}: from {cost.source}")
    for name, facts in found.power.items():
        _show_power(name, facts)


def _show_power(name: str, facts: Mapping[str, object]) -> None:
    from soundwave.cli._tables import say

    where = f"{facts['seeds']} seeds, {facts['clips'] or 'no'} held-out clips"
    smallest = facts["smallest_difference"]
    if isinstance(smallest, float):
        say(f"{name}: {where}: a difference of {smallest:.3g} or more could be claimed")
    else:
        say(f"{name}: {where}: what could be claimed is not known ({facts['source']})")
