"""What training really saw, and what came of it: the ledgers of runs joined back to their plans and to the catalog."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from curation.catalog import connect
from curation.catalog.runs import find_runs
from curation.duck import Limits, records
from manifests.errors import InputError


def open_ledger(
    places: Sequence[Path],
    *,
    catalog: Path | None = None,
    plans: Path | None = None,
    limits: Limits | None = None,
) -> duckdb.DuckDBPyConnection:
    """A locked connection over runs: `runs`, `ledger` and the views and macros of curation/catalog/sql/ledger.sql.

    Args:
        places: runs, or folders of runs.
        catalog: for texts and hours; without it the catalog's tables are empty.
        plans: a folder of plans (PLANS/NAME/plan.parquet), among which each run's plan is looked for by its hash;
            without it units and `off_plan` stay empty.
        limits: of memory and of what is spilled to disk.

    Raises:
        MissingFileError: no run there, or no catalog.
        ManifestError: two runs of one name.
    """
    return connect(catalog, plans=plans, runs=find_runs(places), limits=limits)


def planned_realised(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """One row per run and domain: asked and realised share, units planned, due by now and realised, draws, cuts."""
    return records(con.execute("FROM planned_realised"))


def off_plan(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Draws trained that the plan does not hold at that step, and the other way round: none, if all is well."""
    return records(con.execute("FROM off_plan"))


def loss_by_domain(con: duckdb.DuckDBPyConnection, *, bins: int = 10) -> list[dict[str, Any]]:
    """One row per run, domain and stretch of steps: draws, mean losses, share of frames kept.

    Raises:
        InputError: bins < 1.
    """
    if bins < 1:
        raise InputError(f"bins is {bins}, expected at least 1.")
    return records(con.execute(f"FROM loss_by_domain(bins := {int(bins)})"))


def never_learn(
    con: duckdb.DuckDBPyConnection, *, uses: int = 3, fall: float = 0.1, most: int | None = None
) -> list[dict[str, Any]]:
    """Rows whose loss stays high over repeats, worst first.

    Args:
        con: what `open_ledger` returned.
        uses: only rows trained at least this often.
        fall: a row whose loss fell by this share from first to last use has learnt.
        most: no more rows than this.

    Raises:
        InputError: uses < 2, which leaves nothing to compare.
    """
    if uses < 2:
        raise InputError(f"uses is {uses}, expected at least 2: a loss must have had a chance to fall.")
    limit = "" if most is None else f"LIMIT {int(most)}"
    return records(con.execute(f"FROM never_learn(at_least := {int(uses)}, fall := {float(fall)!r}) {limit}"))


def runs_without_plan(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Runs whose plan was not found."""
    query = "SELECT run FROM runs WHERE run NOT IN (SELECT run FROM run_plan WHERE plan IS NOT NULL) ORDER BY run"
    return [row[0] for row in con.execute(query).fetchall()]
