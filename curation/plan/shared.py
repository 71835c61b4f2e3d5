"""Cuts that stand in several domains: each use of one goes to one of them, so that `max_repeats` counts all uses.

What a cut's domains get of it is in proportion to what they need. A domain's weight starts at 1 and is multiplied by
planned / capacity again and again, so that a domain with few cuts of its own comes to have more of the shared ones. The
weights depend on the shares and the candidates, not on the budget: a bigger budget still only appends. Each cut gets
whole uses by its hash: `low` and `high` are the ends of a domain's stretch of the line from 0 to max_repeats, and the
domain has as many uses as there are points u, 1 + u, 2 + u, ... in it, with u between 0 and 1 from the cut's id.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import duckdb

from curation.duck import sql_text

ROUNDS = 1000  # of the weights; a few do where domains have cuts of their own

Together: TypeAlias = tuple[str, ...]  # the domains that some cuts stand in, sorted

_HASH = "(md5_number_lower(concat_ws(':', $seed, 'shared', cut_id)) >> 11) / 9007199254740992.0"  # 53 bits: exact


def limit_shared(con: duckdb.DuckDBPyConnection, planned: Mapping[str, float], *, seed: int, max_repeats: int) -> None:
    """Fill the column `most` of the table `pool` for cuts that stand in several of the planned domains."""
    wanted = ", ".join(sql_text(name) for name in planned)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE shared AS SELECT cut_id, list(domain ORDER BY domain) AS domains, "
        f"any_value(ticks) AS ticks FROM pool WHERE domain IN ({wanted}) GROUP BY cut_id HAVING count(*) > 1"
    )
    sizes = {
        tuple(domains): float(ticks)
        for domains, ticks in con.execute("SELECT domains, sum(ticks) FROM shared GROUP BY domains").fetchall()
    }
    if not sizes:
        return
    own = dict(
        con.execute("SELECT domain, sum(ticks) FROM pool ANTI JOIN shared USING (cut_id) GROUP BY domain").fetchall()
    )
    parts = split_uses(sizes, {name: float(own.get(name, 0)) for name in planned}, planned, max_repeats)
    con.execute("CREATE OR REPLACE TEMP TABLE parts (domains VARCHAR[], domain VARCHAR, low DOUBLE, high DOUBLE)")
    for domains, ends in parts.items():
        for domain, low, high in zip(domains, ends, ends[1:], strict=False):
            con.execute("INSERT INTO parts VALUES (?, ?, ?, ?)", [list(domains), domain, low, high])
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE pool AS WITH drawn AS (SELECT *, {_HASH} AS u FROM shared), "
        "given AS (SELECT cut_id, domain, CAST(ceil(high - u) - ceil(low - u) AS INTEGER) AS uses "
        "FROM drawn JOIN parts USING (domains)) "
        "SELECT pool.* REPLACE (coalesce(uses, most) AS most) FROM pool LEFT JOIN given USING (cut_id, domain)",
        {"seed": seed},
    )


def split_uses(
    sizes: Mapping[Together, float], own: Mapping[str, float], planned: Mapping[str, float], max_repeats: int
) -> dict[Together, Sequence[float]]:
    """How the uses of cuts that stand in the same domains are divided: the ends of the domains' stretches, from 0.

    Args:
        sizes: what the cuts of each set of domains amount to, each used once.
        own: the same of the cuts that stand in one domain alone.
        planned: what each domain is to give, in any unit.
        max_repeats: uses of one cut in all its domains together; the last end.
    """
    weights = dict.fromkeys(planned, 1.0)
    order = sorted(sizes)
    for _ in range(ROUNDS):
        gets = dict(own)
        for domains in order:
            total = math.fsum(weights[name] for name in domains)
            for name in domains:
                gets[name] += sizes[domains] * weights[name] / total
        needs = {name: planned[name] / gets[name] if gets[name] else 1.0 for name in planned}
        top = max(weights[name] * needs[name] for name in planned)
        weights = {name: max(weights[name] * needs[name] / top, 1e-12) for name in planned}
    found: dict[Together, Sequence[float]] = {}
    for domains in order:
        total = math.fsum(weights[name] for name in domains)
        ends = [0.0]
        for name in domains[:-1]:
            ends.append(min(ends[-1] + max_repeats * weights[name] / total, float(max_repeats)))
        found[domains] = [*ends, float(max_repeats)]
    return found
