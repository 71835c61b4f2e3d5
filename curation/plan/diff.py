"""Plan A against plan B: hours by corpus, language, speaker and label, cuts added and removed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from curation.catalog import connect
from curation.duck import Limits, limited, quoted, reading_parquet, records
from manifests.files import need_file
from manifests.plans import LOCK, PLAN, PLAN_AGAIN, TRAINED_TEXT, gives_texts, read_whole
from manifests.units import Hours

# Hours are of cuts that both plans draw, on different texts.
TEXTS = f"""
WITH a AS (SELECT cut_id, any_value({TRAINED_TEXT}) AS told, sum(seconds) AS seconds FROM plan_a GROUP BY cut_id),
b AS (SELECT cut_id, any_value({TRAINED_TEXT}) AS told, sum(seconds) AS seconds FROM plan_b GROUP BY cut_id)
SELECT
  'text' AS dimension,
  'another text' AS name,
  sum(a.seconds) / 3600 AS hours_a,
  sum(b.seconds) / 3600 AS hours_b,
  (sum(b.seconds) - sum(a.seconds)) / 3600 AS change,
  count(b.told) AS added,
  count(a.told) AS removed
FROM a JOIN b USING (cut_id)
WHERE a.told IS DISTINCT FROM b.told
HAVING count(*) > 0
"""


@dataclass(frozen=True)
class Change:
    """One value of one dimension: what A draws of it and what B draws."""

    dimension: str  # all | domain | corpus | language | label | speaker | text
    name: str
    hours_a: Hours  # repeats counted
    hours_b: Hours
    change: Hours
    added: int  # cuts only in B; of `text`: cuts that B trains on another text than the catalog's
    removed: int  # cuts only in A; of `text`: cuts that A does


def diff_plans(plan_a: Path, plan_b: Path, catalog: Path, *, limits: Limits | None = None) -> list[Change]:
    """Every value of every dimension, the largest first; equal plans give rows whose `change` is 0.

    Where cuts that both draw are trained on different texts, a last row of the dimension `text` counts them.

    Raises:
        MissingFileError: no such plan or catalog.
        QueryError: it takes more than `limits`.
    """
    limits = limits or Limits()
    files = {name: need_file(folder / PLAN, what="plan") for name, folder in (("plan_a", plan_a), ("plan_b", plan_b))}
    for folder in (plan_a, plan_b):
        if (folder / LOCK).is_file():
            read_whole(folder)
    with (
        reading_parquet(list(files.values()), go_on=PLAN_AGAIN),
        connect(catalog, read_only=False, limits=limits) as con,
    ):
        for name, path in files.items():
            text = TRAINED_TEXT if gives_texts(path) else f"CAST(NULL AS VARCHAR) AS {TRAINED_TEXT}"
            con.execute(
                f"CREATE VIEW {name} AS SELECT cut_id, domain, seconds, {text} FROM read_parquet({quoted(path)})"
            )
        with limited(con, limits, where=f"{plan_a} against {plan_b}"):
            rows = records(con.execute(Path(__file__).with_name("diff.sql").read_text(encoding="utf-8")))
            if any(gives_texts(path) for path in files.values()):
                rows += records(con.execute(TEXTS))
    return [Change(**row) for row in rows]
