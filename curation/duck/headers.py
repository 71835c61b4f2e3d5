"""What a SQL file says of itself in the comments that open it: facts, and settings with their defaults.

-- means: what it is about (continued lines are indented)
-- setting: min_seconds = 3          read in the SQL with getvariable('min_seconds')
SELECT ...
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from manifests.errors import QueryError, SettingsError
from manifests.lines import split_lines

_HEADER = re.compile(r"^--\s?(?:(\w+):\s*(.*)|(\s+\S.*))$")
_SETTING = re.compile(r"^(\w+)\s*=\s*(-?[\d.]+(?:e-?\d+)?|'[^']*')$")

SettingValues = Mapping[str, float | str]


@dataclass(frozen=True)
class Header:
    """The facts of a SQL file by name, and its settings' defaults."""

    facts: dict[str, str]
    settings: dict[str, float | str]


def read_header(where: Path | str, text: str) -> Header:
    """The header of a SQL text.

    Raises:
        QueryError: a `-- setting:` line that is not understood.
    """
    facts: dict[str, str] = {}
    settings: dict[str, float | str] = {}
    key = ""
    for line in split_lines(text):
        match = _HEADER.match(line)
        if not match:
            break
        if match[3]:
            facts[key] = f"{facts.get(key, '')} {match[3].strip()}".strip()
            continue
        key = match[1]
        if key == "setting":
            name, value = _setting(where, match[2])
            settings[name] = value
        else:
            facts[key] = match[2].strip()
    return Header(facts, settings)


def need_known(given: Iterable[str], known: Iterable[str], *, what: str) -> None:
    """Check names of settings.

    Raises:
        SettingsError: `given` has a name that is not in `known`; lists these.
    """
    known = sorted(set(known))
    if unknown := sorted(set(given) - set(known)):
        listed = ", ".join(known) or "none"
        raise SettingsError(f"{what} the setting {', '.join(unknown)}. Known settings: {listed}.")


def set_variables(con: duckdb.DuckDBPyConnection, defaults: SettingValues, given: SettingValues) -> None:
    """Make settings readable by getvariable(): the values `given`, or else the defaults."""
    for name, value in defaults.items():
        con.execute(f'SET VARIABLE "{name}" = ?', [given.get(name, value)])  # a name may be a word of SQL


def _setting(where: Path | str, text: str) -> tuple[str, float | str]:
    match = _SETTING.match(text.strip())
    if not match:
        raise QueryError(
            f"{where}: found `-- setting: {text}`, expected `-- setting: name = number` or `name = 'text'`."
        )
    try:
        return match[1], match[2].strip("'") if match[2].startswith("'") else float(match[2])
    except ValueError as error:  # 1.2.3
        raise QueryError(f"{where}: the setting {match[1]} is {match[2]}, expected a number.") from error
