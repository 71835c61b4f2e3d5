"""How commands print rows: a table for people, JSON for programs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

WIDEST = 70  # characters of a cell
_HALVES = re.compile("[\ud800-\udfff]")


def print_json(value: Any) -> None:
    """Print indented JSON on standard output; halves of characters, which UTF-8 has no bytes for, as `\\udc80`."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    sys.stdout.write(_HALVES.sub(lambda half: f"\\u{ord(half[0]):04x}", text) + "\n")


def say(text: str, *, error: bool = False, end: str = "\n") -> None:
    """Print lines for people that have data in them, at once; what would steer the terminal is made visible."""
    from manifests.shown import shown

    print(shown(text, lines=True), file=sys.stderr if error else sys.stdout, end=end, flush=True)


def print_rows(rows: Sequence[Mapping[str, Any]], *, title: str | None = None, names: Sequence[str] = ()) -> None:
    """Print rows as a table; numbers stand right. `names` keep their columns when there are no rows."""
    from rich.table import Table

    from manifests.shown import DataConsole

    columns = list(rows[0]) if rows else list(names)
    table = Table(title=title, title_justify="left")
    for name in columns:
        numbers = bool(rows) and all(isinstance(row[name], int | float) or row[name] is None for row in rows)
        table.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell(row[name]) for name in columns))
    DataConsole().print(table)


def cell(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.4f}" if abs(value) < 1000 else f"{value:,.1f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = str(value)
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"
