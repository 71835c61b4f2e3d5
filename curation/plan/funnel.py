"""From the catalog to a mixture's candidates: what each rule leaves, by corpus."""

from __future__ import annotations

from typing import Any

import duckdb

from curation.duck import records, sql_text
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
    kept = [(name, f'coalesce("{name}".kept, false)') for name in rules]
    steps = [("catalog", "true"), ("accepted", "coalesce(is_accepted, false)"), *kept]
    flags = [f"{' AND '.join(test for _, test in steps[: at + 1])} AS left_{at}" for at in range(len(steps))]
    # A query that draws what a rule refuses has its own reasons: its candidates are counted as they are.
    flags.append(f"coalesce(is_drawn, false) AS left_{len(steps)}")
    counts = ", ".join(
        f"{{'step': {sql_text(step)}, 'at': {at}, 'cuts': count(*) FILTER (left_{at}), "
        f"'hours': coalesce(sum(duration) FILTER (left_{at}), 0) / 3600}}"
        for at, step in enumerate([*(name for name, _ in steps), "query"])
    )
    return records(
        con.execute(
            f"WITH counted AS (SELECT corpus, unnest([{counts}]) AS s FROM ({_STEPS.format(flags=', '.join(flags))}) "
            "GROUP BY corpus) SELECT corpus, s.step, s.cuts, s.hours, "
            "lag(s.hours) OVER (PARTITION BY corpus ORDER BY s.at) - s.hours AS lost_hours "
            "FROM counted ORDER BY corpus, s.at"
        )
    )
