"""Rows as a table that fits the terminal: 80 columns where there is none, wide where the terminal is wide.

Ids, numbers, paths and words stay whole. Where columns are too wide together, texts wrap at spaces; where that is not
enough, the widest columns stand on lines below their row, by name; where most would, each row is a block of lines.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len, chop_cells
from rich.text import Text

from manifests.shown import DataConsole, shown

GAP = "  "
NARROW = 80  # columns that every terminal has
NARROWEST = 16  # of a text that wraps
SHORTEST = 70  # characters of a text that are shown, however narrow the terminal is
BLOCK = 1000  # characters of a text that stands on lines of its own
TOKEN = 300  # characters of a text without spaces: an id, a path, an address


@dataclass
class TableColumn:
    """A column: its heading and its cells as text. width: what the terminal leaves it."""

    name: str
    cells: list[str]
    right: bool
    width: int = 0

    def natural(self) -> int:
        """The width of its longest line."""
        return max(cell_len(line) for text in (self.name, *self.cells) for line in (text.splitlines() or [""]))

    def least(self) -> int:
        """The width below which a word would break, or a text would be a thin stripe."""
        longest = max(_unbroken(word) for text in (self.name, *self.cells) for word in (text.split() or [""]))
        return max(longest, self.natural() if self.right else min(self.natural(), NARROWEST))

    def lines(self, text: str) -> list[str]:
        """A cell's lines, each as wide as the column."""
        return [_padded(line, self.width, right=self.right) for line in wrapped(text, self.width)]


def print_rows(
    rows: Sequence[Mapping[str, Any]],
    *,
    title: str | None = None,
    names: Sequence[str] = (),
    right: Collection[str] = (),
    stderr: bool = False,
) -> None:
    """Print rows as a table.

    Args:
        rows: each with the same keys.
        title: a line above.
        names: the columns where there are no rows.
        right: columns that stand right; those of numbers do anyway.
        stderr: print to standard error.
    """
    console = DataConsole(stderr=stderr)
    lines = table_lines(rows, names=names, right=right, width=console.width)
    for line in [Text(shown(title), style="italic")] * (title is not None) + [*lines]:
        console.print(line, soft_wrap=True, highlight=False)


def table_lines(
    rows: Sequence[Mapping[str, Any]], *, names: Sequence[str] = (), right: Collection[str] = (), width: int = NARROW
) -> list[Text]:
    """The table's lines; none is wider than `width` but for what has no space in it."""
    names = list(rows[0]) if rows else list(names)
    columns = [_column(name, [row[name] for row in rows], right, max(SHORTEST, width)) for name in names]
    beside, gap = _beside(columns, width)
    if columns and len(beside) * 2 <= len(columns):
        return [Text(line) for line in _blocks(rows, names, width)]
    below = [name for column, name in zip(columns, names, strict=True) if column not in beside]
    lines = [Text(line, style="bold") for line in _row(beside, [column.name for column in beside], gap)]
    lines.append(Text(gap.join("-" * column.width for column in beside)))
    for number, row in enumerate(rows):
        lines += map(Text, _row(beside, [column.cells[number] for column in beside], gap))
        for name in (name for name in below if cell(row[name])):
            lines += map(Text, _named(shown(name), row[name], 4, width))
    return lines


def cell(value: Any, most: int = SHORTEST) -> str:
    """A value as people read it; of a text with spaces `most` characters."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.4f}" if abs(value) < 1000 else f"{value:,.1f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = shown(value, lines=True)
    most = most if len(text.split()) > 1 else max(TOKEN, most)
    return text if len(text) <= most else text[: most - 1] + "…"


def wrapped(text: str, width: int) -> list[str]:
    """A text's lines, broken at spaces; scripts of wide letters, which have none, where a line is full."""
    return [line for given in text.splitlines() or [""] for line in _wrapped(given, width)]


def _wrapped(text: str, width: int) -> Iterator[str]:
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if cell_len(joined) <= width:
            line = joined
            continue
        if line:
            yield line
        *full, line = chop_cells(word, width) if _is_wide(word) and width > 1 else [word]
        yield from full
    yield line


def _column(name: str, values: list[Any], right: Collection[str], most: int) -> TableColumn:
    numbers = bool(values) and all(value is None or isinstance(value, int | float) for value in values)
    return TableColumn(shown(name), [cell(value, most) for value in values], numbers or name in right)


def _beside(columns: list[TableColumn], width: int) -> tuple[list[TableColumn], str]:
    """The columns that stand beside each other, with their widths, and what parts them.

    The first column always stands there; of the others the widest go until the rest fits.
    """
    beside = list(columns)
    least = {id(column): column.least() for column in columns}
    whole = sum(least.values())
    gap = GAP if whole + len(GAP) * (len(columns) - 1) <= width or whole + len(columns) - 1 > width else " "
    while len(beside) > 1 and sum(least[id(one)] for one in beside) + len(gap) * (len(beside) - 1) > width:
        widest = max(beside[1:], key=lambda one: least[id(one)])
        beside = [one for one in beside if one is not widest]
    for column in beside:
        column.width = least[id(column)]
    spare = width - len(gap) * (len(beside) - 1) - sum(column.width for column in beside)
    natural = {id(column): column.natural() for column in beside}
    while spare > 0 and (growing := [one for one in beside if one.width < natural[id(one)]]):
        min(growing, key=lambda one: one.width).width += 1
        spare -= 1
    return beside, gap


def _row(columns: list[TableColumn], cells: list[str], gap: str) -> Iterator[str]:
    """The lines of a row."""
    parts = [column.lines(text) for column, text in zip(columns, cells, strict=True)]
    for number in range(max(map(len, parts), default=0)):
        line = [
            part[number] if number < len(part) else " " * column.width
            for column, part in zip(columns, parts, strict=True)
        ]
        yield gap.join(line).rstrip()


def _blocks(rows: Sequence[Mapping[str, Any]], names: Sequence[str], width: int) -> Iterator[str]:
    longest = max(cell_len(shown(name)) for name in names)
    for number, row in enumerate(rows, 1):
        yield f"row {number}"
        for name in names:
            yield from _named(_padded(shown(name), longest), row[name], 2, width)
    if not rows:
        yield from (f"  {shown(name)}" for name in names)


def _named(name: str, value: Any, indent: int, width: int) -> Iterator[str]:
    """`name  value`, further lines of the value below its first."""
    margin = " " * indent + name + GAP
    for line in wrapped(cell(value, BLOCK), max(width - cell_len(margin), NARROWEST)):
        yield (margin + line).rstrip()
        margin = " " * cell_len(margin)


def _unbroken(word: str) -> int:
    """The cells of a word that must stay whole."""
    return 2 if _is_wide(word) else cell_len(word)


def _is_wide(word: str) -> bool:
    return cell_len(word) > len(word)


def _padded(line: str, width: int, *, right: bool = False) -> str:
    space = " " * max(width - cell_len(line), 0)
    return space + line if right else line + space
