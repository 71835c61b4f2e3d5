"""Ids that stand for two things: a cut's id on two lines, a recording's id with other audio. Which rows go, and why."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from curation.duck import quoted
from manifests.lines import blocks
from manifests.rows.repeats import NO_PLACE, said_again, said_clash

_ID = re.compile(rb'\s*\{\s*"id"\s*:\s*"([^"\\]*)"')  # of most lines; others are parsed
_ONCE = "row_number() OVER (PARTITION BY cut_id ORDER BY manifest) = 1"  # the first row in JSON order is kept
_RECORDINGS = """
WITH once AS (
  SELECT cut_id, recording_id, source_path AS path, audio_sha256 AS digest
  FROM {rows}
  WHERE recording_id IS NOT NULL
  QUALIFY {once}
),
kept AS (
  SELECT recording_id, min(cut_id) AS first, arg_min({{'path': path, 'digest': digest}}, cut_id) AS audio
  FROM once
  GROUP BY recording_id
)
SELECT cut_id, first, recording_id, coalesce(path, '-') AS path, coalesce(audio.path, '-') AS kept_path
FROM once
JOIN kept USING (recording_id)
WHERE path IS DISTINCT FROM audio.path AND coalesce(digest <> audio.digest, true)
ORDER BY cut_id
"""


def may_repeat(con: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Whether an id may stand for two things: so do hashes then, which take less memory (one in 2^64 by chance)."""
    (counted,) = con.execute(
        "SELECT count(*) > count(DISTINCT hash(cut_id)), "
        "count(DISTINCT hash(recording_id, source_path)) > count(DISTINCT hash(recording_id)) "
        f"FROM read_parquet({quoted(path)})"
    ).fetchall()
    return any(counted)


def find_repeats(con: duckdb.DuckDBPyConnection, path: Path, files: Sequence[Path]) -> bool:
    """Make the tables `repeated` (cut_id, detail: a row for each line to refuse) and `clashing` (cut_id).

    Args:
        con: a connection.
        path: the rows of `cuts` that keep the contract, as Parquet.
        files: the JSONL files that they are from.

    Returns:
        Whether there is anything to refuse: then keep what `kept_rows` selects.
    """
    rows = f"read_parquet({quoted(path)})"
    twice = con.execute(
        f"SELECT cut_id, list(CAST(manifest AS VARCHAR) ORDER BY manifest) FROM {rows} GROUP BY cut_id "
        "HAVING count(*) > 1 ORDER BY cut_id"
    ).fetchall()
    clashes = con.execute(_RECORDINGS.format(rows=rows, once=_ONCE)).fetchall()
    wanted = {str(row[0]) for row in (*twice, *clashes)} | {str(row[1]) for row in clashes}
    found = places(files, wanted) if wanted else {}
    refused = [(cut_id, said) for cut_id, lines in twice for said in _again(found.get(cut_id, []), lines)]
    for cut_id, first, recording, audio, kept in clashes:
        here, there = (found.get(name, [("", name)])[0][1] for name in (cut_id, first))
        refused.append((cut_id, said_clash(here, recording, audio, there, kept)))
    _table(con, "repeated", {"cut_id": [row[0] for row in refused], "detail": [row[1] for row in refused]})
    _table(con, "clashing", {"cut_id": [row[0] for row in clashes]})
    return bool(refused)


def kept_rows(good: str) -> str:
    """The rows of a query (SELECT ... WHERE ...) without those to refuse."""
    return f"{good} AND cut_id NOT IN (FROM clashing) QUALIFY {_ONCE}"


def places(files: Sequence[Path], ids: set[str]) -> dict[str, list[tuple[str, str]]]:
    """Id -> the lines that have it and their places (FILE:LINE), in order of files and lines."""
    found: dict[str, list[tuple[str, str]]] = {}
    wanted = {name.encode(): name for name in ids}
    for path in files:
        for block in blocks(path):
            for index, line in enumerate(block.data.split(b"\n")):
                plain = _ID.match(line)
                cut_id = wanted.get(plain[1]) if plain else _parsed_id(line)
                if cut_id in ids:
                    text = line.decode().strip(" \t\r")
                    found.setdefault(str(cut_id), []).append((text, f"{path.name}:{block.first + index}"))
    return found


def _again(found: list[tuple[str, str]], lines: list[str]) -> Iterator[str]:
    """What to say of each line but the kept one, which is the first of `lines`; other lines broke the contract."""
    kept = next((place for text, place in found if text == lines[0]), NO_PLACE)
    others = [place for text, place in found if text in lines and place != kept]
    for place in others or ["a line"] * (len(lines) - 1):
        yield said_again(place, kept)


def _parsed_id(line: bytes) -> str | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return str(row["id"]) if isinstance(row, dict) and "id" in row else None


def _table(con: duckdb.DuckDBPyConnection, name: str, columns: dict[str, list[str]]) -> None:
    rows = pa.table({column: pa.array(values, pa.string()) for column, values in columns.items()})
    con.register("arriving", rows)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM arriving")
    con.unregister("arriving")
