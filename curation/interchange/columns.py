"""Columns of datasets and tables: which fields of an item they are, and how a user says so."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from manifests.errors import SettingsError
from manifests.fingerprint import stable_split
from manifests.items import About, Item
from manifests.reasons import Reason
from manifests.rows import Reject, TextRow
from manifests.rows.splits import HASH, REJECT, known_split, plain, read_split_map
from manifests.units import Seconds

FIELDS = ("text", "language", "speaker", "target_text", "target_language", "sound", "sound_original", "task", "domain")
NAMES = ("audio", "id", "split", "license", "duration", *FIELDS)
LENGTHS = {  # columns that state how long a row's audio is -> how many of their unit make a second
    **dict.fromkeys(("duration", "duration_s", "duration_sec", "duration_seconds", "audio_duration"), 1.0),
    **dict.fromkeys(("duration_ms", "duration[ms]", "audio_duration_ms"), 1000.0),
}


def unknown_columns(columns: Mapping[str, str], found: Collection[str]) -> None:
    """Refuse a setting `columns` (field -> column) with a field that is none, or a column that is not there.

    Raises:
        SettingsError: says which fields and columns there are.
    """
    unknown = [f"{field}={column}" for field, column in columns.items() if field not in NAMES]
    absent = [f"{field}={column}" for field, column in columns.items() if column not in found]
    if unknown or absent:
        raise SettingsError(
            f"columns {', '.join(unknown or absent)}: expected FIELD=COLUMN with a field of {', '.join(NAMES)} and a "
            f"column of {', '.join(found)}."
        )


def claimed(row: Mapping[str, Any], named: str | None) -> Seconds | None:
    """The length that a row states; NaN, which no audio has, where that is no number.

    named: the column of the field `duration`, where there is one.
    """
    column = named or next((name for name in LENGTHS if row.get(name) is not None), "")
    value = row.get(column)
    try:
        return None if value is None else float(value) / LENGTHS.get(column, 1.0)
    except (TypeError, ValueError):
        return math.nan


def item_of(
    row: Mapping[str, Any],
    fields: Mapping[str, str],
    about: About,
    *,
    key: str,
    place: str,
    audio: Path,
    split: str | None,
) -> Item | Reject:
    """The item that a row of values says, where any row may hold values of any type.

    Args:
        row: column -> value; None is a value that is not known.
        fields: field -> column.
        about: of the corpus.
        key: the item's id.
        place: where the row stands.
        audio: the file of its sound.
        split: its split, where the row names none.
    """
    values = {field: row.get(column) for field, column in fields.items()}
    for field, value in values.items():
        if field in (*FIELDS, "split", "id", "license") and (unfit := _no_text(value, several=field == "sound")):
            return about.reject(key, Reason.bad_row, f"{place}: {fields[field]} is {unfit}")
    texts: dict[str, Any] = {name: _text(values.get(name)) for name in FIELDS if name != "sound"}
    sound = values.get("sound")
    used = {column for field, column in fields.items() if field not in ("audio", "duration")}
    left = {column: value for column, value in row.items() if column not in used and value is not None}
    return Item(
        key=key,
        place=place,
        recording=key,
        audio=audio,
        split=_text(values.get("split")) or split,
        claimed=claimed(row, fields.get("duration")),
        sound=None
        if sound in (None, "", [])
        else [str(one) for one in sound]
        if isinstance(sound, list)
        else [str(sound)],
        license=_text(values.get("license")) or None,
        extra={"columns": left} if left else {},
        **texts,
    )


def text_row(row: Mapping[str, Any], key: str, about: About) -> TextRow | Reject | None:
    """A row that never had sound, as an export of ours writes it; None: it is no such row."""
    name = str(row.get("split"))
    text, target = row.get("text"), row.get("target_text")
    made = row.get("duration") == 0 and "corpus" in row
    if not made or not isinstance(text, str) or not isinstance(target, str):
        return None
    split = read_split_map(about.split_map).get(plain(name)) or known_split(name)
    if split == REJECT:
        return about.reject(key, Reason.out_of_scope, f"split {name!r} is left out")
    if split is None:
        return about.reject(key, Reason.bad_row, f"split is {name!r}, expected train, dev or test")
    facts = {name: str(row[name]) for name in ("task", "domain", "language") if row.get(name)}
    licence = str(row.get("license") or about.license)
    split = stable_split(text) if split == HASH else split
    return TextRow(f"{about.corpus}-{key}", about.corpus, split, text, target, license=licence, **facts)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _no_text(value: Any, *, several: bool) -> str | None:
    """What a value is that cannot be a text (or, with `several`, texts)."""
    if several and isinstance(value, list):
        return next(
            (found for one in value if (found := _no_text(one, several=False) or (one is None and "null"))), None
        )
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
        return None
    return f"a value of type {type(value).__name__}, expected text"
