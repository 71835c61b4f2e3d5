"""What labelling passes say of a plan's cuts: whose verdicts its rule went by, and whether it draws a refused cut.

The verdict is the view `refused` of curation/catalog/sql/views.sql, the same that `accepted` is made of.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from curation.catalog import connect
from curation.duck import quoted, reading_parquet, records
from manifests.errors import MixtureError
from manifests.files import need_file
from manifests.plans import PLAN, PLAN_AGAIN

SHOWN = 5  # cuts that a message names

RAN = "SELECT DISTINCT pass FROM labels UNION SELECT DISTINCT pass FROM refused ORDER BY pass"
REFUSED_CANDIDATES = """
SELECT pass, count(DISTINCT cut_id) AS cuts FROM refused SEMI JOIN pool USING (cut_id) GROUP BY pass ORDER BY pass
"""
REFUSED_DRAWS = """
CREATE TEMP TABLE found AS
SELECT cut_id, pass, reason, coalesce(detail, '') AS detail, draws, first_step
FROM refused
JOIN (
  SELECT cut_id, count(*) AS draws, min(step) AS first_step
  FROM plan SEMI JOIN refused USING (cut_id)
  GROUP BY cut_id
) USING (cut_id)
"""
BY_PASS = "SELECT pass, count(DISTINCT cut_id) AS cuts FROM found GROUP BY pass ORDER BY pass"
TOTALS = "SELECT count(*) AS cuts, sum(draws) AS draws FROM (SELECT DISTINCT cut_id, draws FROM found)"
FIRST = "SELECT * EXCLUDE (first_step) FROM found ORDER BY first_step, cut_id, pass, reason LIMIT ?"


def passes_relied_on(con: duckdb.DuckDBPyConnection) -> tuple[list[str], dict[str, int]]:
    """Passes that have run and refused no row of the table `pool`; of the others, how many rows each refused."""
    against = {row["pass"]: int(row["cuts"]) for row in records(con.execute(REFUSED_CANDIDATES))}
    ran = [str(row["pass"]) for row in records(con.execute(RAN))]
    return [name for name in ran if name not in against], against


def check_verdicts(plan_dir: Path, catalog: Path) -> None:
    """Refuse a plan that draws a cut which a labelling pass refused.

    Raises:
        MissingFileError: no plan or catalog there.
        MixtureError: it does; how many cuts by which pass, the first ones, and what to do.
    """
    plan = need_file(plan_dir / PLAN, what="plan", hint="Run `soundwave mix plan` again.")
    with reading_parquet([plan], go_on=PLAN_AGAIN), connect(catalog, read_only=False, bare=True) as con:
        con.execute(f"CREATE VIEW plan AS SELECT step, cut_id FROM read_parquet({quoted(plan)})")
        con.execute(REFUSED_DRAWS)
        by_pass = records(con.execute(BY_PASS))
        if not by_pass:
            return
        total = records(con.execute(TOTALS))[0]
        first = records(con.execute(FIRST, [SHOWN]))
    counts = ", ".join(f"{row['pass']} {row['cuts']:,}" for row in by_pass)
    lines = [f"{row['cut_id']}: {row['pass']}, {row['reason']} ({row['detail']})" for row in first]
    raise MixtureError(
        f"{plan_dir} draws cuts that labelling passes refused: {total['cuts']:,} cuts in {total['draws']:,} draws "
        f"(by pass: {counts}). The first are:\n  " + "\n  ".join(lines) + "\n"
        "Nothing was trained. In the mixture's query select from `accepted`, not `cuts`, and run `soundwave mix plan` "
        "again; `soundwave audit refused_in_plan` lists them all."
    )
