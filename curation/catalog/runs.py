"""Runs of the trainer as views of the catalog's connection: `runs`, `ledger`, and what sql/ledger.sql adds.

RUNS/NAME/run.json        what the run says of itself
RUNS/NAME/lock.json       the lock of the plan it trained
RUNS/NAME/ledger.parquet  a row per trained draw; ledger.jsonl while the run goes on
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from curation.catalog.columns import empty, json_columns, names, typed
from curation.catalog.parts import SQL
from curation.duck import Listed, quoted_list
from manifests.digests import files_of, need_written, read_sealed
from manifests.errors import DamagedError, InputError, ManifestError, MissingFileError
from manifests.files import is_aside
from manifests.plans import LOCK, Lock, read_lock
from manifests.runs import LEDGER, LEDGER_ROWS, RUN, TRAIN_AGAIN
from manifests.settings import read_stored
from manifests.settings.fields import Count
from manifests.switch import settle_inside


@dataclass
class _Row:
    """What the table `runs` takes of a run.json, whoever wrote it."""

    run: str
    stage: str
    plan: str
    steps: Count
    parent: str | None = None
    seconds: float | None = None
    settings: dict[str, Any] | None = None


def find_runs(places: Sequence[Path]) -> list[Path]:
    """Folders of runs among `places`: each is a run, or a folder of runs.

    Raises:
        MissingFileError: a place that is neither.
        ManifestError: two runs of one name, which no table could tell apart.
    """
    found: list[Path] = []
    for place in places:
        inside = [place] if (place / RUN).is_file() else sorted(_inside(place))
        if not inside:
            raise MissingFileError(f"{place} is neither a run nor a folder of runs. `soundwave train` makes runs.")
        found += inside
    found = list(dict.fromkeys(path.resolve() for path in found))
    names: dict[str, Path] = {}
    for path in found:
        other = names.setdefault(run_name(path), path)
        if other != path:
            raise ManifestError(f"{other} and {path} are both run {run_name(path)!r}. Give one of the two.")
    return found


def _inside(place: Path) -> Iterator[Path]:
    """The runs in a folder, without those that were moved aside for another."""
    settle_inside(place)
    return (path.parent for path in place.glob(f"*/{RUN}") if not is_aside(path.parent))


def run_name(folder: Path) -> str:
    """The name that a run's ledger calls it by.

    Raises:
        DamagedError: it is not what was written.
        ManifestError: a run.json that is no row of the table `runs`.
    """
    return read_stored(_Row, folder / RUN, go_on=TRAIN_AGAIN).run


def create_run_views(
    con: duckdb.DuckDBPyConnection, runs: Sequence[Path], plans: Sequence[Path], *, listed: Listed = quoted_list
) -> None:
    """The views `runs` and `ledger` over run folders, and those of ledger.sql.

    Args:
        con: a connection that has the views `cuts` and `plans`.
        runs: folders of runs, of different names.
        plans: the files of the view `plans` (PLANS/NAME/plan.parquet), among which each run's plan is looked for.
        listed: by which names the connection reads files.
    """
    jsons = [run / RUN for run in runs]
    ledgers = run_ledgers(runs)
    for run in runs:
        _check_ledger(run)
    growing = [run / LEDGER_ROWS for run in runs if not (run / LEDGER).is_file() and (run / LEDGER_ROWS).is_file()]
    con.execute(f"CREATE VIEW runs AS {_read_json('runs', jsons, listed)}")
    known = f"SELECT * FROM ({_read_json('ledger', growing, listed)})"
    if ledgers:
        # By name: a ledger of an earlier version lacks columns.
        known += f" UNION ALL BY NAME SELECT * FROM read_parquet({listed(ledgers)}, union_by_name = true)"
    con.execute(f"CREATE VIEW ledger AS SELECT {names('ledger')} FROM ({known})")
    _write_locks(con, runs, plans)
    con.execute((SQL / "ledger.sql").read_text(encoding="utf-8"))


def run_ledgers(runs: Sequence[Path]) -> list[Path]:
    """The ledgers of finished runs."""
    return [run / LEDGER for run in runs if (run / LEDGER).is_file()]


def _check_ledger(run: Path) -> None:
    """Read a finished run's ledger to see that it is what was written, where its run.json says what that is.

    Raises:
        DamagedError: it is not.
    """
    value = read_sealed(run / RUN, go_on=TRAIN_AGAIN)
    record = files_of(run / RUN, value.get("files") or {}, go_on=TRAIN_AGAIN) if isinstance(value, dict) else {}
    if LEDGER in record:
        need_written(run / LEDGER, record[LEDGER], go_on=TRAIN_AGAIN)


def _check_lock(run: Path, lock: Lock) -> None:
    """See that a finished run's copy of its plan's lock is that of the plan that its run.json says.

    Raises:
        DamagedError: it is another plan's.
    """
    value = read_sealed(run / RUN, go_on=TRAIN_AGAIN)
    said = str(value.get("plan"))
    if value.get("files") and said != lock.plan_sha256:  # without: of before runs were checked
        raise DamagedError(
            f"{run / LOCK} is of another plan than {RUN} says (found {lock.plan_sha256[:12]}, expected {said[:12]}). "
            f"{TRAIN_AGAIN}"
        )


def _read_json(table: str, paths: Sequence[Path], listed: Listed) -> str:
    """Rows of JSON files with the table's columns; a line that a running trainer has half written is left out."""
    if not paths:
        return empty(table)
    layout, kept = "format = 'auto'", ""
    if table == "ledger":
        layout, kept = "format = 'newline_delimited', ignore_errors = true", "WHERE run IS NOT NULL"
    asked = json_columns(table, settings="JSON")
    return typed(table, f"SELECT * FROM read_json({listed(paths)}, columns = {asked}, {layout}) {kept}")


def _write_locks(con: duckdb.DuckDBPyConnection, runs: Sequence[Path], plans: Sequence[Path]) -> None:
    """The tables run_plan and run_domains, from each run's own copy of its lock."""
    con.execute("CREATE TABLE run_plan (run VARCHAR, plan VARCHAR, steps INTEGER)")
    con.execute(
        "CREATE TABLE run_domains "
        "(run VARCHAR, unit VARCHAR, domain VARCHAR, share DOUBLE, planned DOUBLE, draws BIGINT)"
    )
    folders = {lock.plan_sha256: path.parent.name for path in plans if (lock := _lock(path.parent)) is not None}
    for run in runs:
        lock = _lock(run)
        if lock is None:
            continue
        _check_lock(run, lock)
        name = run_name(run)
        con.execute("INSERT INTO run_plan VALUES (?, ?, ?)", [name, folders.get(lock.plan_sha256), lock.steps])
        for domain, facts in lock.domains.items():
            row = [name, lock.unit, domain, facts.share, facts.planned, facts.draws]
            con.execute("INSERT INTO run_domains VALUES (?, ?, ?, ?, ?, ?)", row)


def _lock(folder: Path) -> Lock | None:
    """The lock in a folder; None where there is none of this version, for a ledger can be read without it.

    Raises:
        MissingFileError, DamagedError: it is empty, or not what was written.
    """
    try:
        return read_lock(folder) if (folder / LOCK).is_file() else None
    except (DamagedError, MissingFileError):
        raise
    except InputError:
        return None
