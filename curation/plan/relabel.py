"""Texts that a mixture gives cuts in place of their own: the column `text` of its query, beside cut_id and domain.

The catalog's rows stay as they are. The texts of the cuts that are drawn stand in plan.parquet, column `trained_text`,
so that the plan's fingerprint, and with it every training's, says which texts were read. A text that is the cut's own,
or NULL, changes nothing: the plan is the one that it would be without the column, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa

from curation.duck import first
from manifests.errors import MixtureError, QueryError
from manifests.plans import TRAINED_TEXT

TEXT = "text"
# One row per cut that gets another text; `texts`: how many the query gives it, where it gives none the cut's own.
RELABELS = f"""
CREATE OR REPLACE TEMP TABLE relabels AS
WITH said AS (
  SELECT CAST(cut_id AS VARCHAR) AS cut_id, CAST({TEXT} AS VARCHAR) AS given
  FROM (
$query
  )
),
compared AS (
  SELECT cut_id, split, coalesce(given, text, '') AS given, given IS DISTINCT FROM text AND given IS NOT NULL AS other
  FROM said JOIN cuts USING (cut_id)
)
SELECT
  cut_id,
  any_value(split) AS split,
  max(given) FILTER (other) AS {TRAINED_TEXT},
  count(DISTINCT given) AS texts
FROM compared
GROUP BY cut_id
HAVING bool_or(other)
"""
NONE = f"CREATE OR REPLACE TEMP TABLE relabels (cut_id VARCHAR, split VARCHAR, {TRAINED_TEXT} VARCHAR, texts BIGINT)"
# A corrected text may be one that is tested on: letters and digits alone are compared.
PLAIN = "regexp_replace(lower({}), '[^\\p{{L}}\\p{{N}}]+', ' ', 'g')"
HELD_OUT = f"""
SELECT count(*), min(cut_id)
FROM (SELECT cut_id, trim({PLAIN.format(TRAINED_TEXT)}) AS key FROM relabels SEMI JOIN pool USING (cut_id))
WHERE key IN (SELECT trim({PLAIN.format("text")}) FROM cuts WHERE split <> 'train' AND text IS NOT NULL)
"""


def find_relabels(con: duckdb.DuckDBPyConnection, query: str, *, where: str) -> None:
    """Make the table `relabels`: cuts to which a query gives another text than their own, with both.

    Raises:
        QueryError: two texts for one cut, or an empty one.
    """
    names = [str(row[0]) for row in con.execute(f"DESCRIBE SELECT * FROM (\n{query}\n)").fetchall()]
    if TEXT not in names:
        con.execute(NONE)
        return
    con.execute(RELABELS.replace("$query", query))
    several = first(con, "SELECT cut_id, texts FROM relabels WHERE texts > 1 ORDER BY cut_id LIMIT 1")
    if several:
        raise QueryError(
            f"{where} gives {several[0]!r} {several[1]} texts in its column `text`, expected one for a cut in all its "
            "rows (NULL: the cut's own)."
        )
    empty = first(con, f"SELECT min(cut_id) FROM relabels WHERE trim({TRAINED_TEXT}) = ''")
    if empty and empty[0] is not None:
        raise QueryError(
            f"{where} gives {empty[0]!r} an empty text. Leave the cut out of the query, or give NULL for its own text."
        )


def refuse_held_out(con: duckdb.DuckDBPyConnection, mixture: str) -> None:
    """Refuse texts for candidates of the dev and test splits: what is measured on is what the corpus says.

    Raises:
        MixtureError: there is one.
    """
    found = first(
        con,
        "SELECT count(*), min({'cut_id': cut_id, 'split': split}) FROM relabels SEMI JOIN pool USING (cut_id) "
        "WHERE split <> 'train'",
    )
    if found and found[0]:
        raise MixtureError(
            f"{mixture}: its query gives {found[0]:,} cuts of dev or test another text, e.g. {found[1]['cut_id']} of "
            f"{found[1]['split']}. Only cuts of the split train can have one: add WHERE split = 'train'."
        )


def relabel_notes(con: duckdb.DuckDBPyConnection, relabelled: int | None) -> Iterator[str]:
    """What is to be said of a plan whose draws have other texts; relabelled: how many cuts."""
    if not relabelled:
        return
    yield (
        f"{relabelled:,} cuts are trained on another text than the catalog's (`{TRAINED_TEXT}` in plan.parquet), "
        "without word times."
    )
    found = first(con, HELD_OUT)
    if found and found[0]:
        yield (
            f"the new texts of {found[0]:,} candidates, e.g. {found[1]}, are also texts of dev or test: what is "
            "measured there may have been trained on."
        )


def texts_of_pool(con: duckdb.DuckDBPyConnection) -> pa.Array | None:
    """The new text of each row of `pool`, by the row's number; NULL: none. None: no row has one."""
    if first(con, "SELECT 1 FROM relabels LIMIT 1") is None:
        return None
    found = con.sql(
        f"SELECT pool.rowid AS item, {TRAINED_TEXT} FROM pool LEFT JOIN relabels USING (cut_id)"
    ).to_arrow_table()
    order = np.argsort(found["item"].to_numpy())
    return found[TRAINED_TEXT].cast(pa.large_string()).combine_chunks().take(pa.array(order))
