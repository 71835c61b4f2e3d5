"""Rules of cleaning: a SQL file that says of every cut which conditions it keeps, and the values that were looked at.

    -- means: what the rules are for
    -- setting: min_seconds = 3          read with getvariable('min_seconds'); mixtures, ablations, --set replace it
    SELECT
      cut_id,
      {'value': duration, 'kept': duration >= getvariable('min_seconds')} AS min_seconds
    FROM cuts

Each column beside cut_id is one rule, in the order in which they are told. `kept` is true or false; NULL counts as
false, so a rule says itself what becomes of cuts that it cannot judge. A mixture that names the file (`rules:`) may
select from `kept`, the cuts that keep every rule, and `verdicts`, all rows of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from curation.duck import BEYOND_LIMITS, one_select, short
from curation.duck.headers import SettingValues, need_known, read_header, set_variables
from manifests.errors import QueryError
from manifests.files import need_file, read_text

FOLDER = Path(__file__).parent
PAPER = FOLDER / "paper.sql"
ID = "cut_id"


@dataclass(frozen=True)
class CleaningRules:
    """A file of rules."""

    sql: str
    where: str
    """What messages call it."""
    means: str = ""
    settings: Mapping[str, float | str] = field(default_factory=dict)
    """Name -> default."""


def read_rules(sql: str, where: str, given: SettingValues) -> CleaningRules:
    """Rules from their text.

    Args:
        sql: the file's content.
        where: what messages call it.
        given: settings that are to replace its defaults.

    Raises:
        QueryError: a header that is not understood.
        SettingsError: a setting that it does not have.
    """
    header = read_header(where, sql)
    need_known(given, header.settings, what=f"{where}: no rule reads")
    return CleaningRules(sql, where, header.facts.get("means", ""), header.settings)


def rules_text(path: Path) -> str:
    """The text of a file of rules, or of a bundled one by its name (`paper.sql`)."""
    bundled = FOLDER / path.name
    return read_text(need_file(bundled if not path.is_file() and bundled.is_file() else path, what="file of rules"))


def create_rules(con: duckdb.DuckDBPyConnection, rules: CleaningRules, given: SettingValues) -> list[str]:
    """Make the tables `verdicts` and `kept` of a connection to a catalog; the names of the rules.

    Raises:
        QueryError: the file does more than one SELECT, does not run, gives a cut twice, or columns that are no rules.
    """
    query = one_select(con, rules.sql, where=rules.where)
    set_variables(con, rules.settings, given)
    try:
        con.execute(f"CREATE OR REPLACE TEMP TABLE verdicts AS SELECT * FROM (\n{query}\n)")
    except BEYOND_LIMITS:
        raise
    except duckdb.Error as error:
        raise QueryError(f"{rules.where}: {short(error)}") from error
    names = _rule_names(con, rules)
    keeps = " AND ".join(f'coalesce("{name}".kept, false)' for name in names)
    con.execute(f"CREATE OR REPLACE TEMP TABLE kept AS SELECT {ID} FROM verdicts WHERE {keeps}")
    return names


def _rule_names(con: duckdb.DuckDBPyConnection, rules: CleaningRules) -> list[str]:
    columns = {str(row[0]): str(row[1]) for row in con.execute("DESCRIBE verdicts").fetchall()}
    names = [name for name in columns if name != ID]
    bad = [name for name in names if not _is_rule(columns[name]) or '"' in name]
    if ID not in columns or not names or bad:
        raise QueryError(
            f"{rules.where}: found the columns {', '.join(columns)}"
            f"{' (no rules: ' + ', '.join(bad) + ')' if bad else ''}, expected {ID} and rules, each "
            "{'value': ..., 'kept': true or false} AS its_name."
        )
    twice = con.execute(f"SELECT {ID} FROM verdicts GROUP BY {ID} HAVING count(*) > 1 ORDER BY {ID} LIMIT 1").fetchall()
    if twice:
        raise QueryError(
            f"{rules.where}: gives {twice[0][0]!r} more than once, expected one row a cut. Check its joins."
        )
    return names


def _is_rule(kind: str) -> bool:
    """Whether a column's type is STRUCT("value" ..., kept BOOLEAN)."""
    plain = kind.replace('"', "")
    return plain.startswith("STRUCT(value ") and plain.endswith(", kept BOOLEAN)")
