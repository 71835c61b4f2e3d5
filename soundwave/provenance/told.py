"""The chain of a number as its files tell it: short, and nothing is read to its end or made again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manifests.plans import Lock, read_lock
from manifests.runs import PLANS, read_run
from soundwave.provenance.links import Link


def told(grid: Path, row: Mapping[str, Any]) -> list[Link]:
    """Row, evaluation, run, plan, rules and catalog of a row of results; `why` looks at each of them again.

    Args:
        grid: folder of the grid's results.
        row: of them.
    """
    above = grid.parent
    links = [Link("row", f"{grid.name}/{row.get('cell')}/{row.get('stage')}", grid)]
    evaluation = Link("evaluation", Path(str(row.get("evaluation") or "?")).stem)
    if row.get("evaluation"):
        evaluation.path = above / str(row["evaluation"])
        _there(evaluation)
    else:
        evaluation.unknown.append("the row names none")
    run = Link("run", Path(str(row.get("run") or "?")).name, above / str(row.get("run")))
    with run.checking():
        info = read_run(above / str(row.get("run")))
        run.facts = {"key": info.key, "status": info.status}
    plan = Link("plan", str(row.get("plan") or "?"), above / PLANS / str(row.get("plan")))
    lock: Lock | None = None
    with plan.checking():
        lock = read_lock(above / PLANS / str(row.get("plan")))
        plan.facts = {"mixture": lock.name, "plan": lock.plan_sha256}
    return [*links, evaluation, run, plan, *([] if lock is None else _data(lock))]


def _data(lock: Lock) -> list[Link]:
    """What a plan's lock tells of the query and of the catalog."""
    settings: dict[str, Any] = dict(lock.settings)
    rules = Link("rules", str(settings.get("select") or "its own query"), facts={"query": lock.query_sha256})
    catalog = Link("catalog", Path(lock.catalog).name, facts={"fingerprint": lock.catalog_fingerprint})
    return [rules, catalog]


def _there(link: Link) -> None:
    if link.path is not None and not link.path.is_file():
        link.missing.append(f"{link.path} is not there")
