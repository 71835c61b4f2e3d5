"""Does a row keep the contract? One problem each, with the row's id, never an exception."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from manifests.rows import SPLITS, TASKS

CUT_FACTS = ("corpus", "split", "task", "license")
TEXT_FACTS = ("corpus", "split", "task", "license", "text", "target_text")


@dataclass(frozen=True)
class Problem:
    """What is wrong with one row."""

    cut_id: str
    detail: str  # found, expected


def validate_rows(rows: Iterable[dict[str, Any]]) -> Iterator[Problem]:
    """Problems of manifest rows (cuts or text-only), duplicate ids included."""
    seen: set[str] = set()
    for number, row in enumerate(rows, 1):
        cut_id = str(row.get("id", f"row {number}"))
        if "id" not in row:
            yield Problem(cut_id, "no `id`")
        elif cut_id in seen:
            yield Problem(cut_id, "the id occurs twice, expected once in a catalog")
        seen.add(cut_id)
        yield from (Problem(cut_id, detail) for detail in row_problems(row))


def row_problems(row: dict[str, Any]) -> Iterator[str]:
    """What is wrong with one row, in words."""
    if row.get("type") == "Text":
        yield from _fact_problems(row, TEXT_FACTS)
        return
    yield from _fact_problems(row.get("custom") or {}, CUT_FACTS)
    duration = row.get("duration")
    if not isinstance(duration, int | float) or not duration > 0:
        yield f"duration is {duration!r}, expected seconds > 0"
        return
    recording = row.get("recording")
    if not isinstance(recording, dict):
        yield "no `recording`, expected Lhotse's recording with its sources"
        return
    end, length = float(row.get("start", 0.0)) + duration, float(recording.get("duration", 0.0))
    if end > length + 0.01:
        yield f"the cut ends at {end:.3f} s, its recording at {length:.3f} s"
    if len(row.get("supervisions") or []) != 1:
        yield f"{len(row.get('supervisions') or [])} supervisions, expected 1"


def _fact_problems(facts: dict[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        if not facts.get(name):
            yield f"no `{name}`"
    for name, allowed in (("task", TASKS), ("split", SPLITS)):
        if facts.get(name) and facts[name] not in allowed:
            yield f"{name} is {facts[name]!r}, expected one of {', '.join(allowed)}"
