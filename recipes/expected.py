"""What a corpus's makers count, and what was found of it."""

from __future__ import annotations

from typing import Any

from manifests.rows import CorpusInfo
from recipes.common import Recipe

Row = dict[str, Any]


def totals(recipe: Recipe) -> tuple[int | None, float | None]:
    """Items and hours that are expected in all; None where nobody says."""
    items = sum(part.items for part in recipe.expected.values())
    hours = sum(part.hours for part in recipe.expected.values())
    return items or None, round(hours, 3) or None


def compare(recipe: Recipe, info: CorpusInfo) -> list[Row]:
    """A row for each part that is expected or was found: items and hours of both, and in words how they differ."""
    rows = []
    for part in dict.fromkeys([*recipe.expected, *(info.parts if recipe.expected else ())]):
        expected, found = recipe.expected.get(part), info.parts.get(part)
        items = int(found["cuts"] + found["rejects"]) if found else 0
        rows.append(
            {
                "part": part,
                "split": info.splits.get(part),
                "expected": expected.items if expected else None,
                "cuts": int(found["cuts"]) if found else 0,
                "rejects": int(found["rejects"]) if found else 0,
                "expected_hours": expected.hours if expected and expected.hours else None,
                "hours": round(found["hours"], 3) if found else 0.0,
                "note": _note(expected.items if expected else None, items),
            }
        )
    return rows


def _note(expected: int | None, found: int) -> str:
    if expected is None:
        return "not a part that the recipe knows counts of"
    if not found:
        return "not there"
    if found == expected or not expected:
        return ""
    less = found < expected
    return f"counts differ by {found - expected:+,} ({'half a download, or ' if less else ''}another version?)"
