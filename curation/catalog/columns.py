"""SQL made from manifests/schema.sql: what to read of a manifest's row, its values, and what breaks the contract.

cuts.sql has the query; here are the pieces that follow the columns. `_NAME` is a column's value as the row gives it
(JSON, or text), NAME the value with the column's type. manifests/rows/validate.py checks rows by the same columns.
"""

from __future__ import annotations

import json
from typing import Any

from curation.duck import sql_text
from manifests.lines.supervisions import NO_CHANNEL, NO_LIST, NO_OBJECT, NO_SPAN, OVERLAP, SPLIT
from manifests.rows.validate import KINDS_OF_ROW, SHOWN
from manifests.schema import Column, Place, by_need, columns, in_words, table
from manifests.units import SLACK

RAW = ("VARCHAR",)  # kinds that any JSON value fits: read as text at once
LIST = '["VARCHAR"]'
# A cut that one mono file gives as it is; manifests/audio/cuts.py reads all others from their row.
PLAIN_SOUND = """
      r.type = 'MonoCut'
      AND len(r.recording.sources) = 1
      AND r.recording.sources[1].type IN ('file', 'place')
      AND (r.recording.sources[1].type = 'place') = regexp_matches(r.recording.sources[1].source, '^(tar|s3|memory):')
      AND coalesce(len(r.recording.sources[1].channels), 1) = 1
      AND coalesce(CAST(r.recording.transforms AS VARCHAR), '[]') IN ('[]', 'null')
      AND coalesce(r.channel, '0') = coalesce(r.recording.sources[1].channels[1], '0')
      AND coalesce(len(list_filter(r.supervisions, lambda x: x.channel <> coalesce(r.channel, '0'))), 0) = 0"""
FOLDER = "getvariable('folder')"  # the corpus's, NULL for one that is not on this machine
RELATIVE = "x.type = 'file' AND NOT starts_with(x.source, '/')"
ELSEWHERE = f"""coalesce(
      len(list_filter(r.recording.sources, lambda x: {RELATIVE})) > 0
      OR len(list_filter(r.tracks, lambda t: len(list_filter(t.cut.recording.sources, lambda x: {RELATIVE})) > 0)) > 0,
      false
    )"""  # an audio file is named by a relative path
CHANNELS = ("e.channel", "e.channels")  # of a supervision, and of the cut it stands in


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
    for name, leaf in (
        ("type", "VARCHAR"),
        ("channels", ["VARCHAR"]),
        ("source", "VARCHAR"),
    ):  # these and below: how it is heard
        _insert(cut, ("recording", "sources", 0, name), leaf)
    _insert(cut, ("recording", "transforms"), "JSON")
    supervision |= {"start": "JSON", "duration": "JSON", "channel": "VARCHAR"}
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
    row = f"CASE WHEN {ELSEWHERE} THEN coalesce(found_line({manifest}, {FOLDER}), {manifest}) ELSE {manifest} END"
    decoding = f"CASE WHEN NOT coalesce(is_text OR ({PLAIN_SOUND}), false) THEN {row} END AS decoding"
    return ",\n    ".join([*typed, decoding, f"{manifest} AS manifest"])


def problems() -> str:
    """WHEN clauses: the first thing that breaks the contract, in words."""
    id_, *others = by_need(_read())
    kind = f"WHEN kind IS NULL OR kind NOT IN ({', '.join(map(sql_text, KINDS_OF_ROW))}) THEN 'type is ' "
    kind += f"|| left(coalesce(kind, 'missing'), {SHOWN}) || {sql_text(f', expected {in_words(KINDS_OF_ROW)}')}"
    clauses = [*_problems(id_), kind, *(clause for column in others for clause in _problems(column))]
    return "\n    ".join([*clauses, supervision_problems()])


def spoken() -> str:
    """A list of a cut's supervisions by their times: at, number, length, spanless, channel, channels, x.

    NULL for a cut with one supervision that nothing is wrong with, as nearly all have: lists take time.
    """
    start, length = _number("e.x.start"), _number("e.x.duration")
    offset = f"coalesce({_number('k.offset')}, 0.0)"
    tracks = (
        "flatten(list_transform(list_filter(r.tracks, lambda k: k.type IS DISTINCT FROM 'PaddingCut'), lambda k: "
        "list_transform(coalesce(k.cut.supervisions, []), lambda x: "
        f"{{'x': x, 'since': {offset}, 'channels': CAST(k.cut.channel AS VARCHAR)}})))"
    )
    own = "list_transform(r.supervisions, lambda x: {'x': x, 'since': 0.0, 'channels': CAST(r.channel AS VARCHAR)})"
    known = f"CASE WHEN is_text THEN NULL WHEN is_mixed AND r.supervisions IS NULL THEN {tracks} ELSE {own} END"
    entry = (
        f"{{'at': e.since + CASE WHEN isfinite({start}) THEN {start} ELSE 0.0 END, 'number': i, 'length': {length}, "
        f"'spanless': (e.x.start IS NOT NULL AND NOT coalesce(isfinite({start}), false)) "
        f"OR (e.x.duration IS NOT NULL AND NOT coalesce(isfinite({length}) AND {length} > 0, false)), "
        "'channel': CAST(e.x.channel AS VARCHAR), 'channels': e.channels, 'x': e.x}"
    )
    listed = f"list_transform({known}, lambda e, i: {entry})"
    several = f"WHEN is_mixed OR len(r.supervisions) > 1 THEN list_sort({listed})"
    return f"CASE WHEN {_alone()} THEN NULL {several} ELSE {listed} END"


def _alone() -> str:
    """Condition: a cut has one supervision, which lies in the cut and on its channel."""
    x = "r.supervisions[1]"
    start, length = _number(f"{x}.start"), _number(f"{x}.duration")
    inside = f"{start} >= -{SLACK} AND {length} > 0 AND {start} + {length} <= {_number('r.duration')} + {SLACK}"
    return f"NOT is_mixed AND len(r.supervisions) = 1 AND {inside} AND coalesce({x}.channel = r.channel, true)"


def supervision_problems() -> str:
    """WHEN clauses: what is wrong with supervisions, one by one and together."""
    given = "coalesce(json_type(manifest, '$.supervisions'), 'NULL') <> 'NULL'"
    span = f"e.at >= -{SLACK} AND e.at + coalesce(e.length, 0.0) <= duration + {SLACK}"
    listed = [f"string_split(regexp_replace({name}, {sql_text(NO_CHANNEL)}, '', 'g'), ',')" for name in CHANNELS]
    strange = f"e.channel <> e.channels AND {listed[0]} <> [''] AND {listed[1]} <> [''] "
    strange += f"AND NOT list_has_all({listed[1]}, {listed[0]})"
    plain = [f"regexp_replace({_one(strange)}.{name[2:]}, {sql_text(NO_CHANNEL)}, '', 'g')" for name in CHANNELS]
    # What is no object has no times either; only then is the line looked at again.
    timeless = f"{_one('e.x.start IS NULL AND e.x.duration IS NULL')} IS NOT NULL"
    kinds = "json_type(manifest, '$.tracks[*].cut.supervisions[*]')"
    kinds = f"CASE WHEN without_list THEN {kinds} ELSE json_type(manifest, '$.supervisions[*]') END"
    odd = f"list_position(list_transform({kinds}, lambda k: k = 'OBJECT'), false)"
    outside = _one(f"NOT ({span})")
    texts = "list_filter(spoken, lambda e: e.x.text IS NOT NULL)"
    ends = f"coalesce({texts}[i].length, 'inf'::DOUBLE)"
    pair = f"list_filter(range(1, len({texts})), lambda i: {texts}[i + 1].at < {texts}[i].at + {ends} - {SLACK})[1]"
    clauses = [
        f"WHEN NOT is_text AND without_list AND {given} THEN {sql_text(NO_LIST)}",
        f"WHEN {timeless} AND {odd} IS NOT NULL THEN 'supervision ' || {odd} || {sql_text(f' {NO_OBJECT}')}",
        _about("e.spanless", sql_text(f" {NO_SPAN}")),
        _about(
            f"NOT ({span})",
            f"printf(' lies from %.3f to %.3f s of a cut of %.3f s', {outside}.at, "
            f"{outside}.at + coalesce({outside}.length, 0.0), duration)",
        ),
        _about(strange, f"' is on channel ' || {plain[0]} || ', the cut on channel ' || {plain[1]}"),
    ]
    for column in _read():
        for place in column.places:
            if place.root == "supervision":
                count = f"len(list_distinct(list_transform(spoken, lambda e: {_path('e.x', place)})))"
                said = f"'supervisions name ' || {count} || {sql_text(f' values of {column.name}, {SPLIT}')}"
                clauses.append(f"WHEN len(spoken) > 1 AND {count} > 1 THEN {said}")
    said = f"{texts}[{pair}].number || ' and ' || {texts}[{pair} + 1].number"
    clauses.append(
        f"WHEN len(spoken) > 1 AND {pair} IS NOT NULL THEN 'supervisions ' || {said} || {sql_text(f' {OVERLAP}')}"
    )
    return "\n    ".join(clauses)


def _one(condition: str) -> str:
    """The first supervision that meets a condition."""
    return f"list_filter(spoken, lambda e: {condition})[1]"


def _about(condition: str, said: str) -> str:
    return f"WHEN {_one(condition)} IS NOT NULL THEN 'supervision ' || {_one(condition)}.number || {said}"


def _number(path: str) -> str:
    return f"TRY_CAST(CAST({path} AS VARCHAR) AS DOUBLE)"


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
        given = f"list_filter(list_transform(s, lambda x: {_path('x', place)}), lambda x: x IS NOT NULL)[1]"
        return [f"CASE WHEN len(s) > 1 THEN {given} ELSE {first} END"]
    every = f"list_filter(list_transform(s, lambda x: {_path('x', place)}), lambda x: x IS NOT NULL)"
    if column.kind == "VARCHAR":
        together = f"CASE WHEN len({every}) > 0 THEN array_to_string({every}, ' ') END"  # none of nothing, not ''
        return [f"CASE WHEN len(s) > 1 THEN {together} ELSE {first} END"]
    # One JSON list of all; where one of them is no list, that one stands for them.
    wrong = f"list_filter({every}, lambda x: NOT starts_with(x, '['))[1]"
    joined = f"to_json(flatten(list_transform({every}, lambda x: from_json(x, '{LIST}'))))"
    together = f"CASE WHEN len({every}) > 0 THEN coalesce({wrong}, {joined}) END"
    return [f"CASE WHEN len(s) > 1 THEN {together} ELSE {first} END"]


def _path(root: str, place: Place) -> str:
    steps = "".join(f"[{step + 1}]" if isinstance(step, int) else f'."{step}"' for step in place.steps)
    return f"len({root}{steps})" if place.length else f"{root}{steps}"


def _value(column: Column) -> str:
    name, text = f'"_{column.name}"', f'CAST("_{column.name}" AS VARCHAR)'
    if column.name == "source_path":
        relative = f"r.recording.sources[1].type = 'file' AND NOT starts_with({name}, '/')"
        return f"CASE WHEN {relative} THEN coalesce(found_audio({name}, {FOLDER}), {name}) ELSE {name} END"
    if column.kind == "VARCHAR":
        plain = f"lower({name})" if column.allowed else name
        return plain if column.nullable else f"nullif({plain}, '')"
    if column.kind == "VARCHAR[]":
        found = f"from_json({name}, '{LIST}')"
        whole = f"len(list_filter({found}, lambda x: x IS NULL)) = 0"
        return f"CASE WHEN starts_with({name}, '[') THEN CASE WHEN {whole} THEN {found} END END"
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
    said += f" || nearest_value({sql_text(column.name)}, {found})" if column.allowed else ""
    return f"WHEN {condition} THEN '{column.name} is ' || {said}"
