"""What `soundwave prepare` shows: the recipes, and what became of a corpus."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from soundwave.cli._tables import print_json, print_rows, say

NARROW = 80  # columns that every terminal has
LANGUAGES = 2  # that a row names
Row = dict[str, Any]


def show_recipes(rows: list[Row], names: Sequence[str], *, as_json: bool) -> None:
    """Two lines a recipe; with names all that is known of these recipes.

    Raises:
        SettingsError: no such recipe.
    """
    from recipes import registry

    found = [registry.find(name).corpus for name in names]
    chosen = [row for row in rows if not names or row["corpus"] in found]
    if as_json:
        print_json(chosen)
        return
    if names:
        for row in chosen:
            _show_whole(row)
        return
    say(_columns("recipe", "task", "items", "hours", "lang", "access"))
    for row in chosen:
        say(
            _columns(
                row["name"], row["task"], _number(row["items"]), _number(row["hours"]), _spoken(row), row["access"]
            )
        )
        for line in textwrap.wrap(f"{row['license']}; {row['source']}", NARROW - 4):
            say(f"    {line}")
    say("\nAll that is known of one, and what to put where: soundwave prepare NAME --list")


def _columns(*cells: str) -> str:
    return "{:<26} {:<8} {:>11} {:>9}  {:<10} {}".format(*cells).rstrip()


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"


def _spoken(row: Row) -> str:
    codes = row["languages"]
    return " ".join(codes) if len(codes) <= LANGUAGES else f"{len(codes)} of them"


def _show_whole(row: Row) -> None:
    facts = {
        "recipe": f"{row['name']} (corpus {row['corpus']})",
        "what": row["title"],
        "task": row["task"],
        "languages": ", ".join(row["languages"]) or "-",
        "licence": row["license"],
        "makers": row["makers"],
        "access": row["access"],
        "source": row["source"],
        "to obtain": row["obtain"] or "-",
    }
    for name, value in facts.items():
        for number, line in enumerate(textwrap.wrap(value, NARROW - 12, break_long_words=False) or ["-"]):
            say(f"{name if number == 0 else '':<12}{line}")
    for part, counts in row["parts"].items():
        say(f"{'expected':<12}{part}: {counts['items']:,} items, {_number(counts['hours'] or None)} hours")
    for one in row["downloads"]:
        only = " (only if named)" if one["asked"] else ""
        say(f"{'--fetch':<12}{one['part'] or one['url'].rpartition('/')[2]}{only}: {one['url']}")
    say("")


def show_corpora(rows: list[Row], *, as_json: bool) -> None:
    """What was prepared, and how that differs from what the corpora's makers count."""
    if as_json:
        print_json(rows)
        return
    print_rows(
        [
            {name: row[name] for name in ("corpus", "cuts")}
            | {"hours": f"{row['hours']:.3f}"}
            | {name: row[name] for name in ("texts", "rejects")}
            | {"why": ", ".join(f"{count} {reason}" for reason, count in row["reasons"].items())}
            for row in rows
        ],
        names=("corpus", "cuts", "hours", "texts", "rejects", "why"),
        right=("hours",),
    )
    for row in rows:
        if row["lengths"]["files"]:
            say(f"{row['corpus']}: {row['lengths']['text']}")
        _show_parts(row)


def _show_parts(row: Row) -> None:
    if not row["parts"]:
        return
    say(f"\n{'expected and found':<24}{'items':>10} {'cuts':>9} {'rejects':>8} {'hours':>9} {'found':>9}")
    for one in row["parts"]:
        numbers = f"{_number(one['expected']):>10} {one['cuts']:>9,} {one['rejects']:>8,}"
        hours = f"{_number(one['expected_hours']):>9} {one['hours']:>9,.1f}"
        say(f"{one['part']:<24}{numbers} {hours}")
    for one in row["parts"]:
        if one["note"] and one["note"] != "not there":
            say(f"{one['part']}: {one['note']}")
    if missing := [one["part"] for one in row["parts"] if one["note"] == "not there"]:
        say(f"Not there: {', '.join(missing)}.")
