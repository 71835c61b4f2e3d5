"""The table of cuts: pages, and what facets and histograms count."""

from __future__ import annotations

from typing import Any

import duckdb

from curation.duck import records
from soundwave.explore.asking import Explorer, quoted_name
from soundwave.explore.filters import (
    SOURCE,
    Condition,
    CutFilter,
    condition,
    facet_columns,
    needs_join,
    number_columns,
    order_by,
)

SHOWN = "cut_id, corpus, split, domain, task, language, speaker, duration, text, target_text, sound"
MOST_ROWS = 200  # of a page
BINS = 24
MOST_VALUES = 30  # of a facet
WHERE = "the filter"


def page(explorer: Explorer, asked: CutFilter, *, order: str | None, down: bool, first: int, rows: int) -> Any:
    """A page of cuts: rows with their labels and mark, and of all that the filter leaves their number and hours.

    Raises:
        SettingsError, QueryError: as `filters.condition`.
    """
    rows, first = max(1, min(rows, MOST_ROWS)), max(0, first)
    with explorer.asking(WHERE) as con:
        found = condition(con, explorer, asked)
        source = SOURCE if needs_join(explorer, order) else found.source
        by = order_by(explorer, order, down=down)
        # One pass over the texts: what is left is counted, and the page's rows are fetched by their ids.
        key = f", {quoted_name(order)}" if order and order not in ("cut_id", "duration") else ""
        count, seconds, ids = con.execute(
            f"WITH found AS MATERIALIZED (SELECT cut_id, duration{key} FROM {source} WHERE {found.sql}) "
            "SELECT (SELECT count(*) FROM found), (SELECT sum(duration) FROM found), "
            f"ARRAY(SELECT cut_id FROM found {by} LIMIT {rows} OFFSET {first})",
            found.parameters,
        ).fetchall()[0]
        chosen = _rows_of(con, ids)
    return {"rows": chosen, "first": first, "cuts": count, "hours": (seconds or 0) / 3600}


def _rows_of(con: duckdb.DuckDBPyConnection, ids: list[str]) -> list[dict[str, Any]]:
    """The rows of cuts, in the order of their ids, with labels and marks."""
    if not ids:
        return []
    sql = f"SELECT {SHOWN} FROM cuts WHERE cut_id IN (SELECT unnest($ids))"
    rows = {row["cut_id"]: row for row in records(con.execute(sql, {"ids": ids}))}
    chosen = [rows[cut_id] for cut_id in ids]
    _add_labels(con, chosen)
    return chosen


def _add_labels(con: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]]) -> None:
    """Labels and marks of a page's rows."""
    ids = {"ids": [row["cut_id"] for row in rows]}
    for table, columns in (("extras", "*"), ("reviews", "cut_id, mark, note")):
        sql = f"SELECT {columns} FROM {table} WHERE cut_id IN (SELECT unnest($ids))"
        found = {row["cut_id"]: row for row in records(con.execute(sql, ids))}
        for row in rows:
            row.update(found.get(row["cut_id"], {}))


def facets(explorer: Explorer, asked: CutFilter) -> Any:
    """Counts of values and histograms, of all cuts and of those that the filter leaves.

    Returns:
        `facets`: column -> [{value, all, cuts}], most first; `histograms`: column -> {low, step, all, cuts} with
        counts of BINS bins from `low` on, the last with all that is higher.

    Raises:
        SettingsError, QueryError: as `filters.condition`.
    """
    with explorer.asking(WHERE) as con:
        if "facets" not in explorer.kept:
            explorer.kept["spans"] = _spans(con, explorer)
            explorer.kept["facets"] = _count(con, explorer, Condition(SOURCE, "true"))
        everything, spans = explorer.kept["facets"], explorer.kept["spans"]
        unfiltered = asked == CutFilter()
        chosen = everything if unfiltered else _count(con, explorer, condition(con, explorer, asked))
        if unfiltered and "mark" in everything:  # marks come and go
            chosen = everything | {"mark": _marks(con)}
    found: dict[str, Any] = {"facets": {}, "histograms": {}}
    for name in facet_columns(explorer):
        counts = everything[name] if name != "mark" else chosen[name]
        values = sorted(counts, key=lambda value: (value is None, -counts[value], str(value)))[:MOST_VALUES]
        rows = [{"value": v, "all": counts[v], "cuts": chosen[name].get(v, 0)} for v in values]
        found["facets"][name] = rows
    for name, (low, step) in spans.items():
        bins = [[counted[name].get(place, 0) for place in range(BINS)] for counted in (everything, chosen)]
        found["histograms"][name] = {"low": low, "step": step, "all": bins[0], "cuts": bins[1]}
    return found


def _marks(con: duckdb.DuckDBPyConnection) -> dict[str | None, int]:
    rows = con.execute("SELECT mark, count(*) FROM reviews SEMI JOIN cuts USING (cut_id) GROUP BY ALL").fetchall()
    total = con.execute("SELECT count(*) FROM cuts").fetchall()[0][0]
    return {**dict(rows), None: total - sum(count for _, count in rows)}


def _spans(con: duckdb.DuckDBPyConnection, explorer: Explorer) -> dict[str, tuple[float, float]]:
    """Where each histogram begins, and how wide its bins are: 99.5 % of the values lie below its last bin's end."""
    found = {}
    for name in number_columns(explorer):
        table, column = "cuts" if name == "duration" else "extras", quoted_name(name)
        known = f"{column} IS NOT NULL AND isfinite({column})"
        low, high = con.execute(
            f"SELECT min({column}), approx_quantile({column}, 0.995) FROM {table} WHERE {known}"
        ).fetchall()[0]
        if low is not None and float(high) - float(low) > 1e-6 * abs(float(low)):  # else it is one value throughout
            found[name] = (float(low), (float(high) - float(low)) / BINS)
    return found


def _count(con: duckdb.DuckDBPyConnection, explorer: Explorer, found: Condition) -> dict[str, dict[Any, int]]:
    """Column -> value (of numbers: number of its bin) -> cuts, in one pass."""
    spans: dict[str, tuple[float, float]] = explorer.kept["spans"]
    extra = {label.name for label in explorer.labels} | {"mark"}
    columns = {name: f"CAST({quoted_name(name)} AS VARCHAR)" for name in facet_columns(explorer)}
    for name, (low, step) in spans.items():
        value = quoted_name(name)
        place = f"CAST(least({BINS - 1}, greatest(0, floor(({value} - {low!r}) / {step!r}))) AS INTEGER)"
        columns[name] = f"CASE WHEN isfinite({value}) THEN {place} END"
    joined = bool(extra & columns.keys())
    chosen = ", ".join(f"{sql} AS c{number}" for number, sql in enumerate(columns.values()))
    sets = ", ".join(f"(c{number})" for number in range(len(columns)))
    whole = ", ".join(f"c{number}" for number in range(len(columns)))
    inner = f"SELECT {chosen} FROM {SOURCE if joined else found.source} WHERE {found.sql}"
    rows = con.execute(
        f"SELECT GROUPING_ID({whole}), {whole}, count(*) FROM ({inner}) GROUP BY GROUPING SETS ({sets})",
        found.parameters,
    ).fetchall()
    names, every = list(columns), (1 << len(columns)) - 1
    counted: dict[str, dict[Any, int]] = {name: {} for name in names}
    for row in rows:
        number = len(names) - 1 - (every ^ row[0]).bit_length() + 1
        name, value = names[number], row[1 + number]
        if name in spans:
            if value is not None:
                counted[name][int(value)] = row[-1]
        else:
            counted[name][value] = row[-1]
    return counted
