"""How commands print rows: a table for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

WIDEST = 70  # characters of a cell


def print_json(value: Any) -> None:
    """Print indented JSON on standard output."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False, default=str)
    sys.stdout.write("\n")


def print_rows(rows: Sequence[Mapping[str, Any]], *, title: str | None = None, names: Sequence[str] = ()) -> None:
    """Print rows as a table; numbers stand right. `names` keep their columns when there are no rows."""
    from rich.console import Console
    from rich.table import Table

    columns = list(rows[0]) if rows else list(names)
    table = Table(title=title, title_justify="left")
    for name in columns:
        numbers = bool(rows) and all(isinstance(row[name], int | float) or row[name] is None for row in rows)
        table.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell(row[name]) for name in columns))
    Console().print(table)


def cell(value: Any) -> str:
    """A value as people read it."""
    from rich.markup import escape

    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.4f}" if abs(value) < 1000 else f"{value:,.1f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = str(value)
    return escape(text if len(text) <= WIDEST else text[: WIDEST - 1] + "…")
