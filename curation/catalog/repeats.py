"""Ids that stand for two things: a cut's id on two lines, a recording's id with other audio. Which rows go, and why.

All in tables of DuckDB, which spills them: in a corpus that was joined with itself every row is one of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import duckdb

from curation.catalog.lines import LINES, TRIMMED, lines_of
from curation.duck import first, quoted, quoted_list
from manifests.rows.repeats import said_again, said_clash

_ONCE = "row_number() OVER (PARTITION BY cut_id ORDER BY manifest) = 1"  # the first row in JSON order is kept
_TWICE = """
SELECT cut_id, min(manifest) AS manifest
FROM {rows}
SEMI JOIN (SELECT cut_id FROM {rows} GROUP BY cut_id HAVING count(*) > 1) USING (cut_id)
GROUP BY cut_id
"""
_CLASHES = f"""
WITH once AS (
  SELECT cut_id, recording_id, source_path AS path, audio_sha256 AS digest
  FROM {{rows}}
  WHERE recording_id IS NOT NULL
  QUALIFY {_ONCE}
),
kept AS (
  SELECT recording_id, min(cut_id) AS first, arg_min({{{{'path': path, 'digest': digest}}}}, cut_id) AS audio
  FROM once
  GROUP BY recording_id
)
SELECT cut_id, first, recording_id, coalesce(path, '-') AS path, coalesce(audio.path, '-') AS kept_path
FROM once
JOIN kept USING (recording_id)
WHERE path IS DISTINCT FROM audio.path AND coalesce(digest <> audio.digest, true)
"""
# Lines in the order of files and their lines.
_PLACED = """
SELECT
  cut_id,
  manifest,
  file || ':' || number AS place,
  {{'file': list_position({names}, file), 'number': number}} AS spot
FROM ({lines})
SEMI JOIN wanted USING (cut_id)
WHERE problem IS NULL
"""
_REPEATED = """
WITH kept AS (
  SELECT cut_id, arg_min(place, spot) AS kept FROM placed JOIN twice USING (cut_id, manifest) GROUP BY cut_id
),
firsts AS (
  SELECT cut_id, arg_min(place, spot) AS place FROM placed GROUP BY cut_id
)
SELECT cut_id, said_again(place, kept) AS detail
FROM placed
JOIN kept USING (cut_id)
WHERE place <> kept
UNION ALL
SELECT clashing.cut_id, said_clash(here.place, recording_id, path, there.place, kept_path)
FROM clashing
JOIN firsts AS here USING (cut_id)
JOIN firsts AS there ON there.cut_id = first
"""


def may_repeat(con: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Whether an id may stand for two things: so do hashes then, which take less memory (one in 2^64 by chance)."""
    (counted,) = con.execute(
        "SELECT count(*) > count(DISTINCT hash(cut_id)), "
        "count(DISTINCT hash(recording_id, source_path)) > count(DISTINCT hash(recording_id)) "
        f"FROM read_parquet({quoted(path)})"
    ).fetchall()
    return any(counted)


def find_repeats(con: duckdb.DuckDBPyConnection, path: Path, files: Sequence[Path], lines: str) -> bool:
    """Make the tables `repeated` (cut_id, detail: a row for each line to refuse) and `clashing` (cut_id).

    Args:
        con: a connection.
        path: the rows of `cuts` that keep the contract, as Parquet.
        files: the JSONL files that they are from.
        lines: a query of LINES: cut_id, manifest, file, number and problem of each line.

    Returns:
        Whether there is anything to refuse: then keep what `kept_rows` selects.
    """
    rows = f"read_parquet({quoted(path)})"
    _define_saying(con)
    _make(con, "twice", _TWICE.format(rows=rows))
    _make(con, "clashing", _CLASHES.format(rows=rows))
    named = (("cut_id", "twice"), ("cut_id", "clashing"), ("first", "clashing"))
    _make(con, "wanted", " UNION ".join(f"SELECT {column} AS cut_id FROM {table}" for column, table in named))
    names = quoted_list([Path(file.name) for file in files])
    found = first(con, "SELECT 1 FROM wanted LIMIT 1") is not None
    with lines_of(con, files if found else ()):
        _make(con, "placed", _PLACED.format(names=names, lines=lines))
    _make(con, "repeated", _REPEATED)
    return found


def kept_rows(good: str) -> str:
    """The rows of a query (SELECT ... WHERE ...) without those to refuse."""
    return f"{good} AND cut_id NOT IN (SELECT cut_id FROM clashing) QUALIFY {_ONCE}"


def places(con: duckdb.DuckDBPyConnection, files: Sequence[Path], cut_id: str) -> list[str]:
    """Where an id stands (FILE:LINE), in order of files and lines."""
    own = f"SELECT {TRIMMED} AS line, file, number FROM {LINES} WHERE problem IS NULL"
    with lines_of(con, files):
        found = con.execute(
            f"SELECT file || ':' || number FROM ({own}) "
            "WHERE CASE WHEN json_valid(line) THEN json_extract_string(line, '$.id') END = ?",
            [cut_id],
        )
        return [place for (place,) in found.fetchall()]


def _make(con: duckdb.DuckDBPyConnection, name: str, query: str) -> None:
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")


def _define_saying(con: duckdb.DuckDBPyConnection) -> None:
    """The functions said_again and said_clash of manifests/rows/repeats.py."""
    with suppress(duckdb.NotImplementedException, duckdb.CatalogException):  # both are there already
        con.create_function("said_again", said_again, ["VARCHAR"] * 2, "VARCHAR")
        con.create_function("said_clash", said_clash, ["VARCHAR"] * 5, "VARCHAR")
