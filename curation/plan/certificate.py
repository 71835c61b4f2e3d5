"""What a finished plan holds, measured on plan.parquet itself and not on what was meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from curation.duck import first, open_memory, quoted, records
from curation.plan.mixture import Mixture
from curation.plan.schedule import DomainPool, Schedule
from manifests.plans import TRAINED_TEXT, DomainShare, WorstWindow, gives_texts
from manifests.units import Seconds

# One row per window and domain. Sums of rounded microseconds would drift; units are exact multiples of a tick.
WINDOWS = """
SELECT
  step // {window} AS window,
  domain,
  sum(units) AS units,
  max(units) AS longest
FROM plan
GROUP BY ALL
ORDER BY ALL
"""
DOMAINS = """
SELECT
  domain,
  sum(units) AS units,
  count(*) AS draws,
  count(*) FILTER (WHERE repeat = 0) AS cuts,  -- a cut's first use; no cut has two in a domain
  max(repeat) + 1 AS max_repeat,
  sum(seconds) AS seconds
FROM plan
GROUP BY domain
ORDER BY domain
"""
LONGER = """
SELECT count(*), max({'seconds': seconds, 'cut_id': cut_id})  -- of several as long always the same
FROM plan
WHERE seconds > ?
"""
RELABELLED = f"SELECT count(DISTINCT cut_id) FROM plan WHERE {TRAINED_TEXT} IS NOT NULL"
STEPS = "SELECT sum(seconds) AS seconds FROM plan GROUP BY step"


def certify(
    plan: Path, mixture: Mixture, schedule: Schedule, pools: Mapping[str, DomainPool], *, threads: int | None = None
) -> dict[str, Any]:
    """The measured fields of a plan's lock: steps, draws, seconds, longest_step, domains, worst_window, relabelled, and
    notes.
    """
    with open_memory(threads) as con:
        con.execute(f"CREATE VIEW plan AS FROM read_parquet({quoted(plan)})")
        found = {row["domain"]: row for row in records(con.execute(DOMAINS))}
        windows = records(con.execute(WINDOWS.format(window=mixture.window)))
        longer = first(con, LONGER, [mixture.batch.seconds])
        steps = first(con, f"SELECT count(*), sum(seconds), max(seconds) FROM ({STEPS})")
        relabelled = first(con, RELABELLED) if gives_texts(plan) else None
    assert steps is not None and longer is not None  # an aggregate has one row
    total = sum(float(row["units"]) for row in found.values())
    domains = {
        name: _domain(planned, planned / schedule.budget, found.get(name), pools[name], total)
        for name, planned in sorted(schedule.planned.items())
    }
    return {
        "steps": int(steps[0]),
        "seconds": round(float(steps[1]), 6),
        "longest_step": round(float(steps[2]), 6),
        "draws": sum(domain.draws for domain in domains.values()),
        "domains": domains,
        "worst_window": worst_window(windows, schedule),
        "relabelled": int(relabelled[0]) if relabelled else None,
        "notes": list(_longer_notes(int(longer[0]), longer[1], mixture.batch.seconds)),
    }


def _longer_notes(count: int, longest: Mapping[str, Any] | None, seconds: Seconds) -> Iterator[str]:
    """Of draws that are longer than a step is meant to be: each is a step of more."""
    if longest is not None:
        yield (
            f"{count:,} draws are longer than the {seconds:g} s of a step (`batch.seconds`), the longest is "
            f"{longest['cut_id']} with {longest['seconds']:.1f} s: their steps need more memory. Leave such cuts out "
            "in the query, or raise `batch.seconds`."
        )


def _domain(planned: float, share: float, row: Mapping[str, Any] | None, pool: DomainPool, total: float) -> DomainShare:
    row = row or {"units": 0.0, "draws": 0, "cuts": 0, "max_repeat": 0, "seconds": 0.0}
    realised = float(row["units"])
    return DomainShare(
        share=share,
        planned=planned,
        realised=round(realised, 9),
        realised_share=round(realised / total, 9) if total else 0.0,
        draws=int(row["draws"]),
        unique=int(row["cuts"]),
        candidates=pool.candidates,
        max_repeat=int(row["max_repeat"]),
        seconds=round(float(row["seconds"]), 6),
    )


def worst_window(windows: list[dict[str, Any]], schedule: Schedule) -> WorstWindow | None:
    """The window and domain furthest, in units, from the share asked of that stretch of the plan."""
    totals: dict[int, float] = {}
    for row in windows:
        totals[row["window"]] = totals.get(row["window"], 0.0) + float(row["units"])
    found = {(row["window"], row["domain"]): float(row["units"]) for row in windows}
    longest: dict[str, float] = {}
    for row in windows:
        longest[row["domain"]] = max(longest.get(row["domain"], 0.0), float(row["longest"]))
    worst: WorstWindow | None = None
    start = 0.0
    for number, total in sorted(totals.items()):
        for domain, share in asked(schedule, start, start + total).items():
            units = found.get((number, domain), 0.0)
            off_by = units - share * total
            if worst is None or abs(off_by) > abs(worst.off_by) + 1e-12:
                worst = WorstWindow(
                    window=int(number),
                    domain=domain,
                    share=round(units / total, 9),
                    error=round(units / total - share, 9),
                    off_by=round(off_by, 9),
                    longest=round(longest.get(domain, 0.0), 9),
                )
        start += total
    return worst


def asked(schedule: Schedule, start: float, end: float) -> dict[str, float]:
    """Each domain's share of the stretch [start, end) of virtual time."""
    if len(schedule.phases) == 1 or end <= start:
        return schedule.phases[0].shares
    parts = [(max(0.0, min(end, p.start + p.length) - max(start, p.start)), p.shares) for p in schedule.phases]
    covered = sum(length for length, _ in parts)
    if covered <= 0:
        return schedule.phases[-1].shares
    return {name: sum(length * shares[name] for length, shares in parts) / covered for name in schedule.planned}
