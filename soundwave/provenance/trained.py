"""The run of a chain: its files, its key, the weights that it began with, and its plan and lock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import manifests
from curation.catalog import connect
from curation.duck import first, open_memory, quoted, reading_parquet, records
from manifests.digests import files_of, problem
from manifests.errors import InputError
from manifests.files import is_aside, read_object
from manifests.fingerprint import file_sha256, fingerprint
from manifests.plans import LOCK, PLAN, TRAINED_TEXT, Lock, gives_texts, read_lock
from manifests.runs import FINAL, LEDGER, RUN, WEIGHTS, RunInfo, read_run
from manifests.settings import stored
from soundwave.provenance.links import Link
from soundwave.train.runs.identity import Training
from soundwave.train.settings import RENAMED, RUNTIME_ONLY, StageSettings, with_joins

PLAN_FOLDERS = ("plans", "mixtures")
ABOVE = 3  # folders above a run in which its plan is looked for
NAMELESS = ("name", "select", "rules")  # of a lock's settings: no part of the mixture's fingerprint
SHOWN_TEXTS = 20  # of cuts that a plan trains on another text
NO_PLAN = "its plan is not there. Name the folder of plans as `plans`."


@dataclass(frozen=True)
class RunChecked:
    """A run that was looked at, and what comes before it in the chain."""

    link: Link
    info: RunInfo | None
    lock: Lock | None
    parent: Path | None


def check_run(folder: Path) -> RunChecked:
    """Look at a run's files and recompute its key."""
    link = Link("run", folder.name, folder)
    info: RunInfo | None = None
    lock: Lock | None = None
    parent: Path | None = None
    with link.checking():
        info = read_run(folder)
    if info is None:
        return RunChecked(link, None, None, None)
    link.facts = {"stage": info.stage, "key": info.key, "plan": info.plan, "start": info.start, "steps": info.steps}
    if info.status != "done":
        link.unknown.append(
            f"it stopped at step {info.step} of {info.steps}: nothing was written down of its files yet"
        )
    _check_files(link, folder, info)
    _check_key(link, folder, info)
    with link.checking():
        parent = _check_start(link, folder, info)
    with link.checking():
        lock = read_lock(folder)
        link.same(f"the plan of {LOCK}", lock.plan_sha256, info.plan)
    return RunChecked(link, info, lock, parent)


def _check_files(link: Link, folder: Path, info: RunInfo) -> None:
    weights = folder / FINAL / WEIGHTS
    if weights.is_file():
        link.facts["weights"] = file_sha256(weights)
    if info.status == "done" and not info.files:
        link.unknown.append("made before runs wrote down checksums of their files")
    with link.checking():
        for name, record in files_of(folder / RUN, info.files, go_on="").items():
            if (said := problem(folder / name, record)) is not None:
                link.problems.append(f"{name} {said}")


def _check_key(link: Link, folder: Path, info: RunInfo) -> None:
    if info.version != manifests.__version__ or (info.parent is not None and info.start is None):
        link.unknown.append("its key cannot be made again: an earlier version wrote it, which did not say by what")
        return
    raw = {name: value for name, value in info.settings.items() if name not in RUNTIME_ONLY}
    found = [fingerprint(manifests.__version__, raw, info.plan, info.start)]  # as settings were then
    try:
        values = with_joins(info.settings)
        settings = stored(StageSettings, values, where=str(folder / RUN), go_on="", renamed=RENAMED)
        found.insert(0, Training(settings, info.plan, info.start).key)
    except InputError as error:
        if info.key not in found:
            link.problems.append(f"its settings are none: {error}")
        return
    if info.key not in found:
        link.same("the key of settings, plan and start", found[0], info.key)


def _check_start(link: Link, folder: Path, info: RunInfo) -> Path | None:
    """The run that it began with, where it is now."""
    if info.parent is None:
        return None
    said = Path(info.parent)
    places = [said, folder.parent / said.name]
    found = next((place for place in places if (place / RUN).is_file()), None)
    if found is None:
        link.missing.append(f"the run that it began with, {said}: looked for {', '.join(map(str, places))}")
        return None
    if info.start is None:
        link.unknown.append("the weights that it began with were not written down")
    else:
        link.same(f"the weights of {found.name}, which it began with", file_sha256(found / FINAL / WEIGHTS), info.start)
    return found


def check_plan(run: RunChecked, plans: Path | None, asked: Path | None = None) -> tuple[Link, Link]:
    """The plan of a run, and the texts that it was chosen by; asked: the plan's folder, if it is known."""
    folder = asked or (None if run.link.path is None else find_plan(run.link.path, run.info, plans))
    if folder is None:
        link = Link("plan", "?" if run.lock is None else run.lock.name, missing=[NO_PLAN])
        return link, check_rules(link.name, run.lock, run.link.path)
    link, lock = look_at_plan(folder)
    if lock is not None and run.info is not None:
        link.same("the plan that the run was trained on", lock.plan_sha256, run.info.plan)
        if run.lock is not None:
            _compare_locks(link, lock, run.lock)
    whole = not link.problems and not any(LEDGER in said for said in run.link.problems)
    if run.link.path is not None and whole and (run.link.path / LEDGER).is_file():
        with link.checking():
            if strays := _off_plan(run.link.path / LEDGER, folder / PLAN):
                link.problems.append(f"the ledger of {run.link.name} differs from it in {strays:,} draws")
    return link, check_rules(folder.name, lock or run.lock, folder)


# As the view off_plan of curation/catalog/sql/ledger.sql: a plan begins again at its end.
_OFF_PLAN = """
WITH drawn AS (SELECT step, cut_id, domain, count(*) AS n FROM read_parquet($plan) GROUP BY ALL),
steps AS (SELECT DISTINCT step FROM read_parquet($ledger)),
asked AS (
  SELECT steps.step, cut_id, domain, n
  FROM steps JOIN drawn ON drawn.step = steps.step % (SELECT max(step) + 1 FROM drawn)
),
done AS (SELECT step, cut_id, domain, count(*) AS n FROM read_parquet($ledger) GROUP BY ALL)
SELECT count(*)
FROM asked FULL JOIN done USING (step, cut_id, domain)
WHERE asked.n IS DISTINCT FROM done.n
"""


def _off_plan(ledger: Path, plan: Path) -> int:
    """How many draws of a ledger are not the plan's, or the other way round."""
    with reading_parquet([ledger, plan], go_on=""), open_memory() as con:
        found = first(con, _OFF_PLAN, {"plan": str(plan), "ledger": str(ledger)})
    return int(found[0]) if found else 0


def look_at_plan(folder: Path) -> tuple[Link, Lock | None]:
    """A plan against its lock."""
    link = Link("plan", folder.name, folder)
    lock: Lock | None = None
    with link.checking():
        lock = read_lock(folder)
        link.facts = {"mixture": lock.name, "draws": lock.draws, "plan": lock.plan_sha256}
        if not (folder / PLAN).is_file():
            link.missing.append(f"{folder / PLAN} is not there")
        else:
            link.same(f"{PLAN} against its lock", file_sha256(folder / PLAN), lock.plan_sha256)
            _count_texts(link, folder / PLAN, lock)
    return link, lock


def _count_texts(link: Link, plan: Path, lock: Lock) -> None:
    """Cuts that a plan trains on another text than the catalog's, the first of them with their texts."""
    if not gives_texts(plan):
        link.same("cuts with another text", None, lock.relabelled)
        return
    texts = f"SELECT DISTINCT cut_id, {TRAINED_TEXT} AS text FROM read_parquet({quoted(plan)}) WHERE text IS NOT NULL"
    with reading_parquet([plan], go_on=""), open_memory() as con:
        count = first(con, f"SELECT count(*) FROM ({texts})")
        rows = records(con.execute(f"{texts} ORDER BY cut_id LIMIT {SHOWN_TEXTS}"))
    link.same("cuts with another text", None if count is None else count[0], lock.relabelled)
    link.facts |= {"relabelled": lock.relabelled, "texts": rows}


def add_own_texts(link: Link, catalog: Path | None) -> None:
    """Say of the cuts in `texts` of a plan's link what the catalog says of them: `own`."""
    texts = link.facts.get("texts")
    if not texts or catalog is None or any("own" in row for row in texts):
        return
    with link.checking(), connect(catalog, read_only=False, bare=True) as con:
        sql = "SELECT cut_id, text FROM cuts WHERE cut_id IN (SELECT unnest($ids))"
        own = dict(con.execute(sql, {"ids": [row["cut_id"] for row in texts]}).fetchall())
    link.facts["texts"] = [row | {"own": own.get(row["cut_id"])} for row in texts]


def _compare_locks(link: Link, lock: Lock, copy: Lock) -> None:
    for name, value in lock.row().items():
        if name != "catalog" and value != (theirs := copy.row()[name]):
            link.same(f"`{name}` of its lock, against the run's copy", value, theirs)


def find_plan(run: Path, info: RunInfo | None, plans: Path | None) -> Path | None:
    """The folder of a run's plan: where it says, or of that name where it is told to be or beside it; else any there
    whose lock fits.
    """
    said = [] if info is None or info.plan_folder is None else [Path(info.plan_folder)]
    above = [folder / name for folder in run.absolute().parents[:ABOVE] for name in PLAN_FOLDERS]
    roots = ([plans] if plans else []) + above
    named = [root / place.name for root in roots for place in said]
    for place in [*named[: len(said)], *said, *named] if plans else [*said, *named]:
        if (place / LOCK).is_file() or (place / PLAN).is_file():
            return place
    others = (place for root in roots for place in _plans(root))
    return next((place for place in others if info is not None and _plan_of(place) == info.plan), None)


def _plans(root: Path) -> Iterator[Path]:
    return (path.parent for path in sorted(root.glob(f"*/{LOCK}")) if not is_aside(path.parent))


def _plan_of(folder: Path) -> str | None:
    try:
        return str(read_object(folder / LOCK, "plan_sha256")["plan_sha256"])
    except (InputError, OSError):
        return None


def check_rules(name: str, lock: Lock | None, place: Path | None) -> Link:
    """The texts by which a plan was chosen, as its lock has them, against their fingerprints."""
    link = Link("rules", name, None if place is None else place / LOCK)
    if lock is None:
        link.missing.append("no lock tells them")
        return link
    settings: dict[str, Any] = dict(lock.settings)
    link.facts = {"query": lock.query, "select": settings.get("select"), "mixture_sha256": lock.mixture_sha256}
    link.facts |= {key: settings[key] for key in ("rules", "rules_query", "rule") if settings.get(key)}
    link.same("the query's fingerprint", fingerprint(lock.query), lock.query_sha256)
    if not settings:
        link.unknown.append("the mixture's settings were not written down")
        return link
    values = {key: value for key, value in settings.items() if key not in NAMELESS} | {"query": lock.query}
    link.same("the mixture's fingerprint", fingerprint(values), lock.mixture_sha256)
    return link
