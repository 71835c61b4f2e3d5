"""Columns of datasets and tables: which fields of an item they are, and how a user says so."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from manifests.errors import SettingsError
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
