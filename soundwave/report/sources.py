"""Where the page's figures come from: a short chain, and the command that makes each of its links again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soundwave.provenance.links import shown
from soundwave.provenance.told import told
from soundwave.report.outcome import GridResult

Row = dict[str, Any]
MARKS = ("key", "plan", "query", "fingerprint")  # facts that stand for a link
MOST_CHAINS = 60  # of a grid


def command(*words: str | Path) -> str:
    """A call of `soundwave`, as a shell reads it."""
    return shlex.join(["soundwave", *map(str, words)])


def why_row(grid: GridResult, row: Mapping[str, Any]) -> str:
    """The command that looks at the chain of one row of results again."""
    return command("why", _folder(grid, row) / str(row["cell"]), "--stage", str(row["stage"]))


def why_grid(grid: GridResult) -> str:
    """The command that looks at all rows of a grid again."""
    return command("why", grid.folder)


def chains(grid: GridResult) -> list[Row]:
    """Of each row of results: `figure` (cell and stage), `links` (kind, name, mark, problem) and `command`."""
    found = []
    for row in grid.rows[:MOST_CHAINS]:
        links = [
            {
                "kind": link.kind,
                "name": link.name,
                "mark": next((shown(link.facts[name]) for name in MARKS if link.facts.get(name)), ""),
                "problem": next(iter([*link.problems, *link.missing, *link.unknown]), ""),
            }
            for link in told(_folder(grid, row), row)[1:]
        ]
        found.append({"figure": f"{row['cell']}, {row['stage']}", "links": links, "command": why_row(grid, row)})
    return found


def _folder(grid: GridResult, row: Mapping[str, Any]) -> Path:
    """The folder of the results that a row is of: cells that were added later have their own."""
    named = grid.folder.parent / str(row.get("grid") or grid.name)
    return named if named.is_dir() else grid.folder
