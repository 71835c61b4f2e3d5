"""SQL made from manifests/schema.sql: what to read of a manifest's row, its values, and what breaks the contract.

cuts.sql has the query; here are the pieces that follow the columns. `_NAME` is a column's value as the row gives it
(JSON, or text), NAME the value with the column's type. manifests/validate.py checks single rows by the same columns.
"""

from __future__ import annotations

import json
from typing import Any

from curation.duck import sql_text
from manifests.schema import Column, Place, by_need, columns, in_words, table
from manifests.validate import KINDS_OF_ROW, SHOWN

RAW = ("VARCHAR",)  # kinds that any JSON value fits: read as text at once
LIST = '["VARCHAR"]'
# A cut that one mono file gives as it is; manifests/audio/cuts.py reads all others from their row.
PLAIN_SOUND = """
      r.type = 'MonoCut'
      AND len(r.recording.sources) = 1
      AND r.recording.sources[1].type = 'file'
      AND coalesce(len(r.recording.sources[1].channels), 1) = 1
      AND coalesce(CAST(r.recording.transforms AS VARCHAR), '[]') IN ('[]', 'null')
      AND coalesce(r.channel, '0') = coalesce(r.recording.sources[1].channels[1], '0')
      AND coalesce(len(list_filter(r.supervisions, lambda x: x.channel <> coalesce(r.channel, '0'))), 0) = 0"""


def structure() -> str:
    """The fields that cuts.sql reads, as DuckDB's from_json wants them."""
    cut: dict[str, Any] = {"id": "VARCHAR", "type": "VARCHAR", "recording": {"duration": "JSON"}}
    supervision: dict[str, Any] = {}
    row: dict[str, Any] = {}
    for column in table("cuts").columns:
        for place in column.places:
            root = {"cut": cut, "row": row}.get(place.root, supervision)
            leaf: Any = ["VARCHAR"] if place.length else "VARCHAR" if column.kind in RAW else "JSON"
            _insert(root, place.steps, leaf)
    for name, leaf in (("type", "VARCHAR"), ("channels", ["VARCHAR"])):  # these and below: for PLAIN_SOUND
        _insert(cut, ("recording", "sources", 0, name), leaf)
    _insert(cut, ("recording", "transforms"), "JSON")
    supervision["channel"] = "VARCHAR"
    cut["supervisions"] = [supervision]
    tracks = [{"type": "VARCHAR", "offset": "JSON", "cut": cut}]
    return sql_text(json.dumps(_merged(cut, row) | {"tracks": tracks}))


def given() -> str:
    """Select list: `_NAME` of every column that is read from the row."""
    return ",\n    ".join(f'{_given(column)} AS "_{column.name}"' for column in _read())


def values() -> str:
    """Select list: NAME of every column, with its type."""
    typed = [f'{_value(column)} AS "{column.name}"' for column in _read()]
    manifest = "CAST(manifest AS VARCHAR)"
    decoding = f"CASE WHEN NOT coalesce(is_text OR ({PLAIN_SOUND}), false) THEN {manifest} END AS decoding"
    return ",\n    ".join([*typed, decoding, f"{manifest} AS manifest"])


def problems() -> str:
    """WHEN clauses: the first thing that breaks the contract, in words."""
    id_, *others = by_need(_read())
    kind = f"WHEN kind IS NULL OR kind NOT IN ({', '.join(map(sql_text, KINDS_OF_ROW))}) THEN 'type is ' "
    kind += f"|| left(coalesce(kind, 'missing'), {SHOWN}) || {sql_text(f', expected {in_words(KINDS_OF_ROW)}')}"
    return "\n    ".join([*_problems(id_), kind, *(clause for column in others for clause in _problems(column))])


def empty(name: str) -> str:
    """SELECT without rows that has the table's columns."""
    nulls = ", ".join(f'CAST(NULL AS {kind}) AS "{column}"' for column, kind in columns(name).items())
    return f"SELECT {nulls} WHERE false"


def typed(name: str, body: str) -> str:
    """SELECT of the table's columns, with their types, from a query that has columns of these names."""
    casts = ", ".join(f'CAST("{column}" AS {kind}) AS "{column}"' for column, kind in columns(name).items())
    return f"SELECT {casts} FROM ({body})"


def names(name: str) -> str:
    """Select list of the table's columns."""
    return ", ".join(f'"{column}"' for column in columns(name))


def json_columns(name: str, **others: str) -> str:
    """The argument `columns` of read_json for a table; `others` are columns read with another type."""
    return "{" + ", ".join(f"'{column}': '{others.get(column, kind)}'" for column, kind in columns(name).items()) + "}"


def _read() -> list[Column]:
    return [column for column in table("cuts").columns if column.places]


def _insert(tree: dict[str, Any], steps: tuple[str | int, ...], leaf: Any) -> None:
    """Put a leaf into a structure of from_json; an index makes its parent a list."""
    key, *rest = steps
    if not rest:
        tree[str(key)] = leaf
    elif isinstance(rest[0], int):
        if rest[1:]:
            _insert(tree.setdefault(str(key), [{}])[0], tuple(rest[1:]), leaf)
        else:
            tree[str(key)] = [leaf]
    else:
        _insert(tree.setdefault(str(key), {}), tuple(rest), leaf)


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Both structures in one; where both have a field it is the same field, or one of objects."""
    both = {key: _merged(one[key], other[key]) for key in one.keys() & other if isinstance(one[key], dict)}
    return {**other, **one, **both}


def _given(column: Column) -> str:
    of_text = [_path("r", place) for place in column.places if place.root == "row"]
    of_cut = [expression for place in column.places if place.root != "row" for expression in _of_cut(column, place)]
    return f"CASE WHEN is_text THEN {_first(of_text)} ELSE {_first(of_cut)} END"


def _first(expressions: list[str]) -> str:
    return f"coalesce({', '.join(expressions)})" if expressions else "NULL"


def _of_cut(column: Column, place: Place) -> list[str]:
    """Where a cut has a value: of a mixed cut in itself, then in its first track."""
    if place.root == "cut":
        return [_path("r", place), _path("b", place)]
    first = _path("s[1]", place)
    if place.root == "supervision":
        return [first]
    every = f"list_filter(list_transform(s, lambda x: {_path('x', place)}), lambda x: x IS NOT NULL)"
    if column.kind == "VARCHAR":
        return [f"CASE WHEN len(s) > 1 THEN array_to_string({every}, ' ') ELSE {first} END"]
    # One JSON list of all; where one of them is no list, that one stands for them.
    wrong = f"list_filter({every}, lambda x: NOT starts_with(x, '['))[1]"
    joined = f"to_json(flatten(list_transform({every}, lambda x: from_json(x, '{LIST}'))))"
    return [f"CASE WHEN len(s) > 1 THEN coalesce({wrong}, {joined}) ELSE {first} END"]


def _path(root: str, place: Place) -> str:
    steps = "".join(f"[{step + 1}]" if isinstance(step, int) else f'."{step}"' for step in place.steps)
    return f"len({root}{steps})" if place.length else f"{root}{steps}"


def _value(column: Column) -> str:
    name, text = f'"_{column.name}"', f'CAST("_{column.name}" AS VARCHAR)'
    if column.kind == "VARCHAR":
        return name if column.nullable else f"nullif({name}, '')"
    if column.kind == "VARCHAR[]":
        return f"CASE WHEN starts_with({name}, '[') THEN from_json({name}, '{LIST}') END"
    if column.kind == "BOOLEAN":
        return f"CASE {text} WHEN 'true' THEN true WHEN 'false' THEN false END"
    if column.kind == "DOUBLE":
        return f"TRY_CAST({text} AS DOUBLE)"
    whole = f"TRY_CAST({text} AS {column.kind})"
    return f"CASE WHEN {whole} = TRY_CAST({text} AS DOUBLE) THEN {whole} END"


def _problems(column: Column) -> list[str]:
    raw, value = f'"_{column.name}"', f'"{column.name}"'
    needed = {kind: column.needed(text=kind == "is_text") for kind in ("is_text", "NOT is_text")}
    clauses = [
        f"WHEN {kind} AND coalesce({value}, '') = '' THEN {sql_text(column.missing(place))}"
        for kind, place in needed.items()
        if place is not None and column.kind == "VARCHAR"
    ]
    if column.kind in ("VARCHAR[]", "BOOLEAN"):
        clauses.append(_when(f"{raw} IS NOT NULL AND {value} IS NULL", column, raw))
    elif column.kind != "VARCHAR":
        bad = [f"({raw} IS NOT NULL AND {value} IS NULL)"]
        bad += [f"({kind} AND {value} IS NULL)" for kind, place in needed.items() if place is not None]
        bad += [f"NOT isfinite({value})"] if column.kind == "DOUBLE" else []
        bad += [f"(NOT is_text AND NOT {value} {column.bound})"] if column.bound else []
        found = "'no number'" if any(needed.values()) else f"CAST({raw} AS VARCHAR)"
        clauses.append(_when(" OR ".join(bad), column, f"coalesce(CAST({value} AS VARCHAR), {found})"))
    if column.allowed:
        clauses.append(_when(f"{value} NOT IN ({', '.join(map(sql_text, column.allowed))})", column, raw))
    return clauses


def _when(condition: str, column: Column, found: str) -> str:
    said = f"left(CAST({found} AS VARCHAR), {SHOWN}) || {sql_text(f', expected {column.expected}')}"
    return f"WHEN {condition} THEN '{column.name} is ' || {said}"
