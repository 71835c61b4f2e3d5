"""From the catalog to a mixture's candidates: what each rule leaves, by corpus."""

from __future__ import annotations

from typing import Any

import duckdb

from curation.duck import records
from curation.rules import ID

_STEPS = """
SELECT corpus, cut_id, duration, {flags}
FROM cuts
LEFT JOIN (SELECT cut_id, true AS is_accepted FROM accepted) USING (cut_id)
LEFT JOIN verdicts USING (cut_id)
LEFT JOIN (SELECT DISTINCT cut_id, true AS is_drawn FROM pool) USING (cut_id)
"""


def funnel_rows(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """One row a corpus and step, corpora by name, steps in order: corpus, step, cuts, hours, lost_hours.

    The connection has the tables `pool` and `verdicts` of a mixture.
    """
    rules = [row[0] for row in con.execute("DESCRIBE verdicts").fetchall() if row[0] != ID]
    tests = {"catalog": "true", "accepted": "coalesce(is_accepted, false)"}
    tests |= {name: f'coalesce("{name}".kept, false)' for name in rules} | {"query": "coalesce(is_drawn, false)"}
    # A query that draws what a rule refuses has its own reasons: its candidates are counted as they are.
    flags, so_far = [], []
    for step, test in tests.items():
        so_far.append(test)
        flags.append(f'{test if step == "query" else " AND ".join(so_far)} AS "step {step}"')
    counts = ", ".join(
        f"""{{'step': '{step}', 'at': {at}, 'cuts': count(*) FILTER ("step {step}"),
        'hours': coalesce(sum(duration) FILTER ("step {step}"), 0) / 3600}}"""
        for at, step in enumerate(tests)
    )
    steps = _STEPS.format(flags=", ".join(flags))
    return records(
        con.execute(
            f"WITH counted AS (SELECT corpus, unnest([{counts}]) AS s FROM ({steps}) GROUP BY corpus) "
            "SELECT corpus, s.step, s.cuts, s.hours, "
            "lag(s.hours) OVER (PARTITION BY corpus ORDER BY s.at) - s.hours AS lost_hours "
            "FROM counted ORDER BY corpus, s.at"
        )
    )
