"""The catalog's tables, read from schema.sql: the one place that says what a row is.

`python -m manifests.schema > docs/schema.md` writes the page of all columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manifests.errors import ManifestError

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_SQL = Path(__file__).with_name("schema.sql")
TABLES = (
    *("cuts", "words", "labels", "rejects", "features", "embeddings", "plans", "runs", "ledger", "reviews"),
    # Of studies: what runs measured, and what they were made from.
    *("steps", "results", "outcomes", "clips", "locks", "rules", "label_settings", "corpora", "parts"),
)
EXPECTED = {  # SQL type -> what a value in a manifest must be; text may be anything
    "VARCHAR": "text",
    "VARCHAR[]": "a list",
    "FLOAT[]": "a list of numbers",
    "DOUBLE": "a finite number",
    "INTEGER": "a whole number of 32 bits",
    "BIGINT": "a whole number of 64 bits",
    "BOOLEAN": "true or false",
}
FEW = 4  # so many values are listed when one is missing

_TABLE = re.compile(r"^((?:--[^\n]*\n)*)CREATE TABLE (\w+) \(\n(.*?)\n\);", re.DOTALL | re.MULTILINE)
_COLUMN = re.compile(
    r'\s*"?(\w+)"?\s+([A-Z]+(?:\[\])?)(\s+NOT NULL)?,?\s*(?:--\s*(?:\[([^]]*)\]\s*)?(?:\((\w+)\)\s*)?(.*))?$'
)
_MORE = re.compile(r"\s+--\s*(.*)$")  # a line that goes on with the comment of the column above
_CHECK = re.compile(r"CHECK \((\w+) (?:IN \(([^)]*)\)|(>=?) 0(?: OR recording_id IS NULL)?)\)")
_PLACE = re.compile(r"(len\()?(cut|row|supervisions?)\.([\w.]+)\)?(!)?")


@dataclass(frozen=True)
class Place:
    """Where a column's value is read in a manifest's row."""

    root: str  # cut | row | supervision | supervisions
    steps: tuple[str | int, ...]  # keys, and indices from 0
    length: bool = False  # the length of the list there
    needed: bool = False  # by rows of that kind: cuts for every root but `row`

    @property
    def path(self) -> str:
        """As people write it: `custom.split`, `recording.sources[0].source`."""
        return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.steps).removeprefix(".")


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    kind: str  # one of EXPECTED
    nullable: bool
    places: tuple[Place, ...]  # none: not read from a manifest's row
    comment: str
    allowed: tuple[str, ...] = ()  # the only values; () for any
    bound: str = ""  # `> 0` or `>= 0`
    unit: str = ""  # in parentheses before the comment: seconds, Hz, dB

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        if self.allowed:
            return in_words(self.allowed)
        return f"{self.unit or 'a number'} {self.bound}" if self.bound else EXPECTED[self.kind]

    def missing(self, place: Place) -> str:
        """What to say of a row that has nothing at a place where it must."""
        if self.allowed and len(self.allowed) <= FEW:
            return f"{self.name} is missing, expected {self.expected}"
        return f"no `{self.name if place.steps[-1] == self.name else place.steps[0]}`"

    def needed(self, *, text: bool) -> Place | None:
        """Where text-only rows, or else cuts, must have a value; None where they need not."""
        return self._needed[text]

    @cached_property
    def places_of(self) -> dict[bool, tuple[Place, ...]]:
        """The places in text-only rows (True), and in cuts (False)."""
        return {text: tuple(place for place in self.places if (place.root == "row") is text) for text in (True, False)}

    @cached_property
    def _needed(self) -> dict[bool, Place | None]:
        return {
            text: next((place for place in places if place.needed), None) for text, places in self.places_of.items()
        }


@dataclass(frozen=True)
class Table:
    """One table of the catalog."""

    name: str
    comment: str
    columns: tuple[Column, ...]

    @cached_property
    def read(self) -> tuple[Column, ...]:
        """The columns that are read from a manifest's row, in the order of checks."""
        return tuple(by_need(column for column in self.columns if column.places))


def table(name: str) -> Table:
    """One table, with all that schema.sql says of it."""
    return _tables(SCHEMA_SQL)[name]


def columns(name: str) -> dict[str, str]:
    """Column name -> SQL type of one table, in order."""
    return {column.name: column.kind for column in table(name).columns}


def allowed(name: str, column: str) -> tuple[str, ...]:
    """The only values that a column takes, as its CHECK lists them."""
    return next(known.allowed for known in table(name).columns if known.name == column)


def by_need(known: Iterable[Column]) -> list[Column]:
    """In the order of checks: what every row must have, then the rest."""
    return sorted(known, key=lambda column: column.nullable)


def in_words(names: Sequence[str]) -> str:
    """`a, b or c`."""
    return " or ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def arrow_schema(name: str) -> pa.Schema:
    """The table's Arrow schema."""
    import pyarrow as pa

    kinds = {
        "VARCHAR": pa.string(),
        "VARCHAR[]": pa.list_(pa.string()),
        "FLOAT[]": pa.list_(pa.float32()),
        "DOUBLE": pa.float64(),
        "INTEGER": pa.int32(),
        "BIGINT": pa.int64(),
        "BOOLEAN": pa.bool_(),
    }
    return pa.schema([pa.field(c.name, kinds[c.kind], nullable=c.nullable) for c in table(name).columns])


def markdown() -> str:
    """The page docs/schema.md: every table and column."""
    pages = [_page(known) for known in _tables(SCHEMA_SQL).values()]
    return "\n".join([_HEAD, *pages])


_HEAD = """# Tables and columns

Made from `manifests/schema.sql` by `python -m manifests.schema > docs/schema.md`. Times are in seconds unless a name
says otherwise. "Read from" names places in a manifest's row: of several the first that holds a value counts; bold: a
row of that kind needs it. `cut` is a Lhotse cut, `row` a text-only row, `supervisions` all of a cut's supervisions in
the order of their times (texts joined by a space, lists one after another), `supervision` the one value that they give.

A row is one cut: one speaker, one language, one text. So a cut's supervisions are used together, or the cut is a reject
that says why: supervisions that lie outside the cut (by more than 0.05 s), that have no length, that are on another
channel, that name several speakers or languages, or two with a text that overlap in time. Nothing is cut up and nothing
is left out: make a cut of each first, as Lhotse's `CutSet.trim_to_supervisions` does. Sounds may overlap. A supervision
without times counts for the whole cut; those of a mixed cut stand in all of its tracks.

Words of closed vocabularies ("one of") may be written in any letter case. A line of a manifest is one JSON object, by
the standard: UTF-8, at most 16 MB, at most 100 levels deep, no key twice where the columns are read; it ends with a
line feed, alone or after a carriage return, and nothing else does. A byte-order mark before it does not count. What
breaks a rule is a row of `rejects` with the row's id, or FILE:LINE. Files may be packed: .gz, .bz2, .xz, .zst, .lz4.
"""


def _page(known: Table) -> str:
    read = any(column.places for column in known.columns)
    heads = ["column", "type", *(["read from"] if read else []), "what it is"]
    lines = [f"## {known.name}\n", f"{known.comment}\n", _line(heads), _line(["---"] * len(heads))]
    for column in known.columns:
        kind = column.kind if column.nullable else f"{column.kind} NOT NULL"
        rule = f"one of {', '.join(column.allowed)}" if column.allowed else column.bound
        unit = f"({column.unit}) " if column.unit else ""
        said = unit + "; ".join(part for part in (column.comment, rule) if part)
        places = [", ".join(map(_cell, column.places))] if read else []
        lines.append(_line([f"`{column.name}`", kind, *places, said]))
    return "\n".join(lines) + "\n"


def _cell(place: Place) -> str:
    path = f"`{place.root}.{place.path}`"
    return f"length of {path}" if place.length else f"**{path}**" if place.needed else path


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


@cache
def _tables(path: Path) -> dict[str, Table]:  # asked for every row that is written: the file is read once
    text = path.read_text(encoding="utf-8")
    return {name: Table(name, _comment(head), _columns(name, body)) for head, name, body in _TABLE.findall(text)}


def _comment(head: str) -> str:
    return " ".join(line.removeprefix("--").strip() for line in head.splitlines())


def _columns(name: str, body: str) -> tuple[Column, ...]:
    found: list[Column] = []
    listed, _, checks = body.partition("\n  CHECK ")
    for line in listed.splitlines():
        if (more := _MORE.fullmatch(line)) and found:
            found[-1] = replace(found[-1], comment=f"{found[-1].comment} {more[1]}")
        elif match := _COLUMN.fullmatch(line):
            column, kind, needed, places, unit, comment = match.groups()
            if kind not in EXPECTED:
                raise ManifestError(f"{SCHEMA_SQL}: {name}.{column} is {kind}, expected one of {', '.join(EXPECTED)}.")
            known = tuple(_place(name, column, place) for place in (places or "").split("|") if place)
            found.append(Column(column, kind, needed is None, known, comment or "", unit=unit or ""))
        else:
            raise ManifestError(f"{SCHEMA_SQL}: a line of {name} is no column: {line.strip()}")
    rules = _checks(name, f"CHECK {checks}" if checks else "")
    return tuple(replace(column, **rules.get(column.name, {})) for column in found)


def _place(table: str, column: str, text: str) -> Place:
    match = _PLACE.fullmatch(text.strip())
    if match is None:
        raise ManifestError(
            f"{SCHEMA_SQL}: {table}.{column} is read from {text.strip()!r}, expected e.g. cut.custom.x."
        )
    steps = tuple(int(step) if step.isdigit() else step for step in match[3].split("."))
    return Place(match[2], steps, length=match[1] is not None, needed=match[4] is not None)


def _checks(name: str, text: str) -> dict[str, dict[str, Any]]:
    """Column -> the fields of `Column` that its CHECK fills."""
    plain = re.sub(r"\s+", " ", re.sub(r"--.*", "", text)).replace("( ", "(").replace(" )", ")")
    found: dict[str, dict[str, Any]] = {}
    for column, values, bound in _CHECK.findall(plain):
        found[column] = {"allowed": tuple(re.findall(r"'([^']*)'", values))} if values else {"bound": f"{bound} 0"}
    if len(found) != plain.count("CHECK ("):
        raise ManifestError(f"{SCHEMA_SQL}: a CHECK of {name} is neither NAME IN (...) nor NAME > 0 nor NAME >= 0.")
    return found


if __name__ == "__main__":
    print(markdown(), end="")
