"""A mixture and a catalog give a plan: every draw of a training stage in order, and its lock."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from curation.catalog import catalog_fingerprint, connect
from curation.catalog.folds import FoldSplits, fold_splits
from curation.duck import BEYOND_LIMITS, Limits, first, limited, one_select, short, sql_text
from curation.duck.headers import need_known, read_header, set_variables
from curation.plan.certificate import certify
from curation.plan.funnel import funnel_rows
from curation.plan.lock import check_plan
from curation.plan.mixture import Mixture, load_mixture
from curation.plan.relabel import find_relabels, refuse_held_out, relabel_notes
from curation.plan.schedule import DomainPool, Schedule, make_schedule, planned_phases, planned_units
from curation.plan.shared import limit_shared
from curation.plan.verdicts import check_verdicts, passes_relied_on
from curation.plan.write import NO_LIMIT, TICKS_PER_UNIT, by_uses, write_plan
from curation.rules import create_rules, read_rules
from curation.storage import local, resolve
from manifests.digests import write_sealed
from manifests.disk.alone import alone
from manifests.errors import InputError, MixtureError, OccupiedError, QueryError
from manifests.files import atomic_write, claim_folder
from manifests.fingerprint import file_sha256, fingerprint
from manifests.names import hint
from manifests.plans import LOCK, PLAN, DomainShare, Lock, read_lock
from manifests.settings import stored
from manifests.settings.differences import compare
from manifests.switch import Switch, replaced, settle, switched

__all__ = [
    "Lock",
    "Mixture",
    "check_plan",
    "check_verdicts",
    "funnel",
    "load_mixture",
    "make_plan",
    "plan_schedule",
    "read_lock",
    "reads_marks",
]

HERE = Path(__file__).parent
# Which draws a mixture and a catalog give: another value is another plan. It is the fingerprint of pool.sql and of a
# query that says the same as `draws.py` (tests/curation/plan/plan_oracle.sql).
CODE = "226d0390271955962944f15babe074ac57a9207b7c4ac784c594d38ec0eee8fa"
_READS_MARKS = re.compile(r"\breviews\b", re.IGNORECASE)  # listeners' marks change without the catalog
TICKS = {"samples": "1", "hours": "round(seconds * 1e6)", "llm_tokens": "llm_tokens"}


def make_plan(
    mixture: Mixture,
    catalog: Path,
    output: Path,
    *,
    threads: int | None = None,
    aside: bool = False,
    limits: Limits | None = None,
) -> Lock:
    """Write plan.parquet and lock.json into `output`; an existing plan is kept if nothing it depends on has changed.

    A plan of the same mixture from a catalog that has changed since is made again.

    Args:
        mixture: what to draw.
        catalog: what to draw from; may be on S3 (`s3://BUCKET/PREFIX`).
        output: a local folder.
        threads: DuckDB threads; all cores by default.
        aside: another mixture's plan in `output` is moved to OUTPUT.old-1, or the next number that is free, as soon as
            the new one is whole.
        limits: of the time and memory of the mixture's query.

    Raises:
        InputError: `output` is remote, or cannot be written to (DiskError).
        OccupiedError: `output` holds another mixture's plan, or something else, or with `aside` another process makes a
            plan there; nothing in it was touched.
        QueryError: the query does not run, or returns other than cut_id and domain and, for cuts that are to be trained
            on another text than their own, `text`.
        MixtureError: the mixture cannot be had; the message has the numbers and what can be had.
    """
    catalog, output = resolve(catalog), local(output, what="a plan")
    with alone(output, "makes a plan there") if aside else nullcontext():
        current = _reusable(mixture, catalog, output)
        if current is not None:
            return current
        return _make(mixture, catalog, output, threads=threads, aside=aside, limits=limits or Limits())


def _make(mixture: Mixture, catalog: Path, output: Path, *, threads: int | None, aside: bool, limits: Limits) -> Lock:
    """`make_plan`, where no current plan is."""
    with _opened(mixture, catalog, threads=threads, limits=limits) as con:
        schedule = _prepare(con, mixture, limits)
        # Not before it is known that there will be a plan; until it is whole with its lock, the old one stays.
        with _claimed(mixture, output, aside=aside) as switch:
            plan = switch.path(PLAN)
            with atomic_write(plan) as temporary:
                if write_plan(con, mixture, schedule, temporary) == 0:
                    raise MixtureError(
                        f"{mixture.name}: a budget of {schedule.budget:g} {mixture.unit} is less than one cut."
                    )
            facts = certify(plan, mixture, schedule, _pools(con, mixture), threads=threads)
            passes, against = passes_relied_on(con)
            notes = [*schedule.notes, *_refused_notes(against), *_undrawn(facts["domains"]), *facts["notes"]]
            notes += [*_fold_notes(mixture, catalog), *relabel_notes(con, facts["relabelled"])]
            facts |= {"passes": passes, "notes": notes}
            lock = _lock(mixture, catalog, schedule, plan, facts)
            write_sealed(switch.path(LOCK), lock.row())
    return lock


def _opened(
    mixture: Mixture, catalog: Path, *, limits: Limits, threads: int | None = None
) -> duckdb.DuckDBPyConnection:
    """The catalog, with the splits that the mixture's folds make."""
    held = _held(mixture, catalog)
    return connect(catalog, threads=threads, limits=limits, splits=None if held is None else held.table())


def _held(mixture: Mixture, catalog: Path) -> FoldSplits | None:
    return None if mixture.held_fold is None else fold_splits(catalog, mixture.held_fold)


def _fold_notes(mixture: Mixture, catalog: Path) -> Iterator[str]:
    held = _held(mixture, catalog)
    if held is not None and mixture.held_fold is not None:
        yield (
            f"{mixture.held_fold.said} is held out: {held.held:,} cuts, and {held.linked:,} others that share a "
            f"{' or '.join(mixture.held_fold.links)} with one of them."
        )


def _lock(mixture: Mixture, catalog: Path, schedule: Schedule, plan: Path, facts: dict[str, Any]) -> Lock:
    """The lock of the plan in the file `plan`; facts: its certificate, passes and notes."""
    return Lock(
        name=mixture.name,
        stage=mixture.stage,
        catalog=str(catalog),
        catalog_fingerprint=catalog_fingerprint(catalog),
        query=mixture.query or "",
        query_sha256=fingerprint(mixture.query),
        mixture_sha256=mixture.sha256,
        code=CODE,
        seed=mixture.seed,
        unit=mixture.unit,
        budget=schedule.budget,
        batch_seconds=mixture.batch.seconds,
        window=mixture.window,
        max_repeats=mixture.max_repeats,
        plan_sha256=file_sha256(plan),
        schedule=[{"from": p.start, "units": p.length, "shares": p.shares} for p in schedule.phases],
        settings=mixture.stated(exclude={"query"}),
        **facts,
    )


def _refused_notes(against: Mapping[str, int]) -> Iterator[str]:
    for name, cuts in against.items():
        yield (
            f"the pass {name} refused {cuts:,} of the candidates: `soundwave train` refuses a plan that draws one. "
            "Select from `accepted`, not `cuts`."
        )


def _undrawn(domains: dict[str, DomainShare]) -> list[str]:
    """Notes on domains whose part of the budget is less than half of their first cut."""
    return [
        f"{name}: no draw, for its {domain.planned:.4g} units are less than half of its first cut"
        for name, domain in domains.items()
        if domain.draws == 0
    ]


def plan_schedule(
    mixture: Mixture, catalog: Path, *, limits: Limits | None = None
) -> tuple[Schedule, dict[str, DomainPool]]:
    """What `make_plan` would draw, without drawing it (for `mix lint`).

    Raises:
        QueryError, MixtureError: as `make_plan`.
    """
    limits = limits or Limits()
    with _opened(mixture, catalog, limits=limits) as con:
        schedule = _prepare(con, mixture, limits)
        return schedule, _pools(con, mixture)


def funnel(mixture: Mixture, catalog: Path, *, limits: Limits | None = None) -> list[dict[str, Any]]:
    """Hours and cuts that are left after each step from the catalog to the mixture's candidates, by corpus.

    Steps: `catalog` (all rows), `accepted` (of every pass), each of the mixture's rules after the ones before it, and
    `query` (what the mixture may draw).

    Raises:
        QueryError: as `make_plan`.
    """
    limits = limits or Limits()
    with _opened(mixture, catalog, limits=limits) as con:
        con.execute("CREATE TEMP TABLE verdicts AS SELECT cut_id FROM cuts")
        _make_pool(con, mixture, limits)
        _leave_out(con, mixture)
        _hold_out(con, mixture)
        return funnel_rows(con)


@contextmanager
def _claimed(mixture: Mixture, output: Path, *, aside: bool) -> Iterator[Switch]:
    """Take the folder for this mixture's plan: what is there may be a plan of the same mixture, out of date."""
    claim_folder(output, "a plan", known=(LOCK, PLAN))
    name, found = _other_mixture(mixture, output)
    if not found:
        with switched(output) as switch:
            yield switch
        return
    if not aside:
        differs = "\n  ".join(found)
        raise OccupiedError(
            f"{output} holds the plan of another mixture ({name}). It differs in:\n  {differs}\nNothing was touched.",
            movable=True,
        )
    with replaced(output) as folder:
        claim_folder(folder, "a plan")
        with switched(folder) as switch:
            yield switch


def _other_mixture(mixture: Mixture, output: Path) -> tuple[str, list[str]]:
    """Name of the mixture whose plan is in `output`, and in what it differs from this one: nothing if it is this one's,
    or there is no lock of this version, so no plan to go on with.
    """
    try:
        lock = read_lock(output)
        known = stored(
            Mixture,
            {**lock.settings, "select": None, "rules": None, "query": lock.query},
            where=str(output / LOCK),
            go_on="",
        )
    except InputError:
        return "", []
    nameless = {"name", "select", "rules"}
    found = compare(known.model_dump(exclude=nameless), mixture.model_dump(exclude=nameless))
    return lock.name, [str(row) for row in found]


def reads_marks(mixture: Mixture) -> bool:
    """Whether a mixture's SQL reads listeners' marks, which change without the catalog."""
    return _READS_MARKS.search(f"{mixture.query} {mixture.rules_query}") is not None


def _reusable(mixture: Mixture, catalog: Path, output: Path) -> Lock | None:
    settle(output)
    if not (output / LOCK).is_file() or reads_marks(mixture):
        return None
    try:
        lock = check_plan(output, catalog)
    except InputError:
        return None
    if lock.passes is None:  # `accepted` meant another thing then
        return None
    same = (lock.mixture_sha256, lock.code, lock.name) == (mixture.sha256, CODE, mixture.name)
    return lock if same else None


def _prepare(con: duckdb.DuckDBPyConnection, mixture: Mixture, limits: Limits) -> Schedule:
    """The candidates in `pool`, and what is to be drawn of them."""
    _make_pool(con, mixture, limits)
    shared = _check_pool(con, mixture)
    mixture = _leave_out(con, mixture)
    _hold_out(con, mixture)
    refuse_held_out(con, mixture.name)
    _keep_fraction(con, mixture)
    if shared:
        _, phases = planned_phases(mixture, _pools(con, mixture))
        limit_shared(con, planned_units(phases), seed=mixture.seed, max_repeats=mixture.max_repeats)
    return make_schedule(mixture, _pools(con, mixture))


def _make_pool(con: duckdb.DuckDBPyConnection, mixture: Mixture, limits: Limits) -> None:
    where = f"the query of {mixture.name}"
    query = one_select(con, mixture.query or "", where=where)
    counts = {"frames": ["frames"], "llm_tokens": ["llm_tokens"]}.get(mixture.unit, [])
    # Text-only rows are measured in tokens whatever the unit.
    values = {
        "query": query,
        "ticks": TICKS.get(mixture.unit, f"coalesce(frames, ceil(seconds * {mixture.frame_rate!r}))"),
        "seconds_per_token": repr(mixture.text_seconds_per_token),
        "counts": ", ".join(sql_text(name) for name in sorted({*counts, "llm_tokens"})),
        "weighed": "true" if mixture.unit == "llm_tokens" else "duration <= 0",
    }
    text = (HERE / "pool.sql").read_text(encoding="utf-8")
    for key in ("ticks", "seconds_per_token", "counts", "weighed", "query"):
        text = text.replace(f"${key}", values[key])
    with limited(con, limits, where=where):
        own = read_header(where, mixture.query or "").settings
        given = {name: value for name, value in mixture.rule.items() if name not in own}
        if mixture.rules_query is not None:
            said = f"the rules of {mixture.name}"
            create_rules(con, read_rules(mixture.rules_query, said, given), mixture.rule)
        else:
            need_known(given, own, what=f"{where}: it does not read")
        set_variables(con, own, mixture.rule)
        try:
            con.execute(f"CREATE TEMP TABLE pool AS {text}")
            find_relabels(con, query, where=where)
        except BEYOND_LIMITS:
            raise
        except duckdb.Error as error:
            raise QueryError(
                f"{where}: {short(error)}\nIt must be one SELECT that returns cut_id and domain."
            ) from error


def _check_pool(con: duckdb.DuckDBPyConnection, mixture: Mixture) -> bool:
    """The query's rows name cuts of the catalog, each once per domain; whether one stands in several domains."""
    bad = first(
        con,
        "SELECT count(*), min(coalesce(cut_id, 'NULL')) FROM pool WHERE cut_id IS NULL OR domain IS NULL OR NOT known",
    )
    if bad and bad[0]:
        raise QueryError(
            f"the query of {mixture.name} returned {bad[0]:,} rows whose cut_id is not in the catalog or whose domain "
            f"is NULL, e.g. cut_id {bad[1]!r}; expected cut_id and domain of cuts."
        )
    # Most queries repeat no cut, and hashes are quickly sorted; equal ones are looked at.
    hashes = np.sort(con.execute("SELECT hash(cut_id) AS hash FROM pool").fetchnumpy()["hash"])
    if not (hashes[1:] == hashes[:-1]).any():
        return False
    twice = first(
        con,
        "SELECT cut_id, domain, count(*) FROM pool GROUP BY cut_id, domain HAVING count(*) > 1 ORDER BY ALL LIMIT 1",
    )
    if twice:
        raise QueryError(
            f"the query of {mixture.name} returned {twice[0]!r} {twice[2]} times in domain {twice[1]!r}; expected each "
            "cut once per domain (add DISTINCT, or check a join). `max_repeats` says how often a cut may be used."
        )
    return True


def _leave_out(con: duckdb.DuckDBPyConnection, mixture: Mixture) -> Mixture:
    """Take the corpora that are left out from the pool; the mixture, without shares for domains that had no others.

    Raises:
        MixtureError: a corpus that the catalog does not have.
    """
    if not mixture.leave_out:
        return mixture
    known = [row[0] for row in con.execute("SELECT DISTINCT corpus FROM cuts ORDER BY corpus").fetchall()]
    if odd := sorted(set(mixture.leave_out) - set(known)):
        raise MixtureError(
            f"{mixture.name}: leave_out names {odd[0]}, no corpus of the catalog ({hint(odd[0], known)})."
        )
    before = _domains(con)
    left = ", ".join(sql_text(name) for name in mixture.leave_out)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE pool AS SELECT pool.* FROM pool "
        f"ANTI JOIN (SELECT cut_id FROM cuts WHERE corpus IN ({left})) USING (cut_id)"
    )
    emptied = before - _domains(con)
    if mixture.shares is None or not emptied:
        return mixture
    shares = {name: 0.0 if name in emptied else share for name, share in mixture.shares.items()}
    if not sum(shares.values()) > 0:
        raise MixtureError(f"{mixture.name}: nothing is left to draw without {', '.join(mixture.leave_out)}.")
    return mixture.model_copy(update={"shares": shares})


def _hold_out(con: duckdb.DuckDBPyConnection, mixture: Mixture) -> None:
    """Take the held-out fold from the pool, and what shares something with it."""
    if mixture.folds is not None:
        con.execute(
            "CREATE OR REPLACE TEMP TABLE pool AS SELECT pool.* FROM pool "
            "ANTI JOIN (SELECT cut_id FROM split_changes WHERE now IS DISTINCT FROM 'train') USING (cut_id)"
        )


def _domains(con: duckdb.DuckDBPyConnection) -> set[str]:
    return {row[0] for row in con.execute("SELECT DISTINCT domain FROM pool").fetchall()}


def _keep_fraction(con: duckdb.DuckDBPyConnection, mixture: Mixture) -> None:
    """Keep the first part of each domain's queue, by units: the same rows that a small budget would draw."""
    if mixture.fraction == 1.0:
        return
    before = _pools(con, mixture)
    order = "PARTITION BY domain ORDER BY md5_number(concat_ws(':', $seed, 0, domain, cut_id))"
    middle = f"sum(ticks) OVER ({order}) - ticks / 2.0"
    total = "sum(ticks) OVER (PARTITION BY domain)"
    values = {"seed": mixture.seed, "fraction": mixture.fraction}
    needed = f"SELECT domain, {middle} AS middle, {total} AS total FROM pool QUALIFY row_number() OVER ({order}) = 1"
    least = {
        domain: middle / total
        for domain, middle, total in con.execute(needed, {"seed": mixture.seed}).fetchall()
        if middle >= mixture.fraction * total and (mixture.shares is None or mixture.shares.get(domain, 0) > 0)
    }
    if least:
        raise MixtureError(_emptied(mixture, least, before))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE pool AS SELECT * FROM pool QUALIFY {middle} < $fraction * {total}", values
    )


def _emptied(mixture: Mixture, least: dict[str, float], pools: dict[str, DomainPool]) -> str:
    """What to say of domains that a fraction leaves no cut of; least: the fraction that each needs more than."""
    found = ", ".join(f"{name} ({pools[name].candidates:,} cuts)" for name in sorted(least))
    enough = math.floor(max(least.values()) * 1e4 + 1) / 1e4
    return (
        f"{mixture.name}: the fraction {mixture.fraction:g} leaves no cut of {found}. Use a fraction of at least "
        f"{enough:g}, which keeps the first cut of each, or give the domain more cuts; or take it out: share 0, or a "
        "query that does not return it."
    )


def _pools(con: duckdb.DuckDBPyConnection, mixture: Mixture) -> dict[str, DomainPool]:
    scale = TICKS_PER_UNIT[mixture.unit]
    found = {}
    for domain, groups in by_uses(con).items():
        units = sum(ticks for _, _, ticks in groups) / scale
        limited = (
            tuple((min(uses, mixture.max_repeats), ticks / scale) for uses, _, ticks in groups)
            if groups[0][0] < NO_LIMIT
            else ()
        )
        found[domain] = DomainPool(sum(cuts for _, cuts, _ in groups), units, limited)
    return found
