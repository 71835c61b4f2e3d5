"""Filter boxes and SQL, as one condition over cuts, their labels and their marks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb
from pydantic import BaseModel, Field, ValidationError

from curation.duck import one_condition, short
from manifests.errors import QueryError, SettingsError
from manifests.names import hint
from manifests.settings.fields import STRICT
from soundwave.explore.asking import Explorer, quoted_name

FACETS = ("corpus", "split", "domain", "task", "language", "mark")
NUMBERS = ("duration",)
OTHERS = ("cut_id", "speaker")  # that the table can be sorted by as well
SOURCE = "cuts LEFT JOIN extras USING (cut_id) LEFT JOIN (SELECT cut_id, mark, note FROM reviews) USING (cut_id)"
WHERE = "the filter"


class CutFilter(BaseModel):
    """What the page asks for; everything that is given must hold."""

    model_config = STRICT

    where: str = Field(default="", max_length=20_000)
    """A SQL condition."""
    text: str = Field(default="", max_length=1000)
    """Stands in the cut's id, text or answer, in any letter case."""
    among: dict[str, list[str | None]] = Field(default_factory=dict)
    """Column -> values of which the cut has one; null: it has none."""
    between: dict[str, tuple[float | None, float | None]] = Field(default_factory=dict)
    """Column -> lowest and highest value; null: no such bound."""
    plan: str | None = None
    """A plan that draws it."""


@dataclass(frozen=True)
class Condition:
    """A filter in SQL: FROM `source` WHERE `sql`."""

    source: str
    sql: str
    parameters: dict[str, Any] = field(default_factory=dict)


def facet_columns(explorer: Explorer) -> list[str]:
    """Columns that the page counts values of."""
    return [*FACETS, *(label.name for label in explorer.labels if not label.number)]


def number_columns(explorer: Explorer) -> list[str]:
    """Columns that the page draws histograms of."""
    return [*NUMBERS, *(label.name for label in explorer.labels if label.number)]


def read_filter(value: Any) -> CutFilter:
    """The filter in a request.

    Raises:
        SettingsError: it is none.
    """
    try:
        return CutFilter.model_validate(value or {})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"]) or "the whole"
        raise SettingsError(f"The filter is not understood: {place}: {first['msg']}.") from error


def condition(con: duckdb.DuckDBPyConnection, explorer: Explorer, asked: CutFilter) -> Condition:
    """The filter in SQL. Labels and marks are joined only where it speaks of them: most filters read `cuts` alone.

    Raises:
        SettingsError: a column that the table does not have.
        QueryError: SQL that is no condition, or does more than read.
    """
    parts: list[str] = []
    values: dict[str, Any] = {}

    def add(value: Any) -> str:
        values[f"v{len(values)}"] = value
        return f"$v{len(values) - 1}"

    for name, allowed in asked.among.items():
        parts.append(_among(_known(name, facet_columns(explorer)), allowed, add(list(map(str, _given(allowed))))))
    for name, bounds in asked.between.items():
        column = _known(name, number_columns(explorer))
        for bound, sign in zip(bounds, (">=", "<="), strict=True):
            if bound is not None and math.isfinite(bound):
                parts.append(f"{column} {sign} {add(bound)}")
    if asked.text.strip():
        found = add(asked.text.strip().lower())
        parts.append(f"contains(lower(concat_ws(chr(10), cut_id, text, target_text)), {found})")
    if asked.plan is not None:
        parts.append(f"cut_id IN (SELECT cut_id FROM plans WHERE plan = {add(asked.plan)})")
    joined = not {*asked.among, *asked.between} <= {*FACETS[:-1], *NUMBERS}
    if asked.where.strip():
        own = one_condition(con, asked.where, where=WHERE)
        joined = joined or not _runs(con, f"SELECT 1 FROM cuts WHERE {own}")
        parts.append(own)
        if joined:
            _need_run(con, f"SELECT 1 FROM {SOURCE} WHERE {own}")
    return Condition(SOURCE if joined else "cuts", " AND ".join(parts) or "true", values)


def order_by(explorer: Explorer, name: str | None, *, down: bool) -> str:
    """ORDER BY of a column, or nothing: the catalog's own order.

    Raises:
        SettingsError: no such column.
    """
    if not name:
        return ""
    column = _known(name, [*OTHERS, *facet_columns(explorer), *number_columns(explorer)])
    return f"ORDER BY {column} {'DESC' if down else 'ASC'} NULLS LAST, cut_id"


def needs_join(explorer: Explorer, name: str | None) -> bool:
    """Whether sorting by a column needs labels or marks."""
    return bool(name) and (name == "mark" or any(label.name == name for label in explorer.labels))


def _known(name: str, known: list[str]) -> str:
    if name not in known:
        raise SettingsError(f"The table has no column {name!r} for that ({hint(name, known)}).")
    return quoted_name(name)


def _given(values: list[str | None]) -> list[str]:
    return [value for value in values if value is not None]


def _among(column: str, allowed: list[str | None], listed: str) -> str:
    inside = f"list_contains({listed}, CAST({column} AS VARCHAR))"
    return f"({inside} OR {column} IS NULL)" if None in allowed else f"coalesce({inside}, false)"


def _runs(con: duckdb.DuckDBPyConnection, sql: str) -> bool:
    try:
        con.execute(f"EXPLAIN {sql}")
    except duckdb.Error:
        return False
    return True


def _need_run(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    try:
        con.execute(f"EXPLAIN {sql}")
    except duckdb.Error as error:
        raise QueryError(f"{WHERE}: {short(error)}") from error


def plain(value: Any) -> Any:
    """A value as JSON has it: what is no finite number is nothing."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value
