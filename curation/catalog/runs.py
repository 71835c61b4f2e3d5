"""Runs of the trainer as views of the catalog's connection: `runs`, `ledger`, `steps`, and what sql/ledger.sql adds.

RUNS/NAME/run.json        what the run says of itself
RUNS/NAME/lock.json       the lock of the plan it trained
RUNS/NAME/metrics.jsonl   a row per step
RUNS/NAME/ledger.parquet  a row per trained draw; ledger.jsonl while the run goes on
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb

from curation.catalog.columns import empty, json_columns, names, typed
from curation.catalog.parts import SQL
from curation.duck import Listed, quoted_list
from manifests.digests import files_of, need_written, read_sealed
from manifests.errors import DamagedError, InputError, ManifestError, MissingFileError
from manifests.files import is_aside
from manifests.plans import LOCK, Lock, read_lock
from manifests.runs import LEDGER, LEDGER_ROWS, METRICS, RUN, TRAIN_AGAIN
from manifests.settings import read_stored
from manifests.settings.fields import Count
from manifests.switch import settle_inside

NO_NAMES: Mapping[Path, str] = MappingProxyType({})


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
    con: duckdb.DuckDBPyConnection,
    runs: Sequence[Path],
    plans: Sequence[Path],
    *,
    listed: Listed = quoted_list,
    names: Mapping[Path, str] = NO_NAMES,
    found_in: Mapping[Path, str] = NO_NAMES,
) -> None:
    """The views `runs`, `ledger` and `steps` over run folders, and those of ledger.sql.

    Args:
        con: a connection that has the views `cuts` and `plans`.
        runs: folders of runs.
        plans: the files of the view `plans` (PLANS/NAME/plan.parquet), among which each run's plan is looked for.
        listed: by which names the connection reads files.
        names: folder of a run or plan -> what SQL calls it, where that is not its own name.
        found_in: folder of a run -> the study that it was found in.
    """
    for run in runs:
        _check_ledger(run)
    own = {run: run_name(run) for run in runs}
    called = {run: names.get(run, name) for run, name in own.items()}
    _write_folders(con, called, found_in, listed)
    con.execute(f"CREATE VIEW runs AS {_read_runs(runs, listed)}")
    con.execute(f"CREATE VIEW ledger AS {_read_ledgers(runs, listed, renamed=called != own)}")
    con.execute(f"CREATE VIEW steps AS {_read_steps(runs, listed)}")
    _write_locks(con, called, {path.parent: names.get(path.parent, path.parent.name) for path in plans})
    con.execute((SQL / "ledger.sql").read_text(encoding="utf-8"))


def _write_folders(
    con: duckdb.DuckDBPyConnection, called: Mapping[Path, str], found_in: Mapping[Path, str], listed: Listed
) -> None:
    """The table run_folders: whose a file is, by the name that the connection has for it."""
    con.execute("CREATE TABLE run_folders (file VARCHAR, run VARCHAR, study VARCHAR, folder VARCHAR)")
    for run, name in called.items():
        files = [run / file for file in (RUN, LEDGER, LEDGER_ROWS, METRICS) if (run / file).is_file()]
        row = [name, found_in.get(run), str(run)]
        con.execute(f"INSERT INTO run_folders SELECT unnest({listed(files)}), ?, ?, ?", row)


def _read_runs(runs: Sequence[Path], listed: Listed) -> str:
    if not runs:
        return empty("runs")
    asked = json_columns("runs", settings="JSON")
    files = f"read_json({listed([run / RUN for run in runs])}, columns = {asked}, format = 'auto', filename = 'file')"
    whose = "f.run, f.study, f.folder, r.* EXCLUDE (run, study, folder, file)"
    return typed("runs", f"SELECT {whose} FROM {files} AS r JOIN run_folders AS f USING (file)")


def _read_ledgers(runs: Sequence[Path], listed: Listed, *, renamed: bool) -> str:
    """Ledgers, finished or growing. By name: one of an earlier version lacks columns."""
    growing = [run / LEDGER_ROWS for run in runs if not (run / LEDGER).is_file() and (run / LEDGER_ROWS).is_file()]
    body = f"SELECT * FROM ({_read_lines('ledger', growing, listed, kept='run IS NOT NULL')})"
    if ledgers := run_ledgers(runs):
        parquet = f"read_parquet({listed(ledgers)}, union_by_name = true, filename = 'file')"
        body += f" UNION ALL BY NAME SELECT * FROM {parquet}"
    if renamed:
        body = f"SELECT r.* REPLACE (f.run AS run) FROM ({body}) AS r JOIN run_folders AS f USING (file)"
    return f"SELECT {names('ledger')} FROM ({body})"


def _read_steps(runs: Sequence[Path], listed: Listed) -> str:
    """What was measured after each step, and whose it was."""
    files = [run / METRICS for run in runs if (run / METRICS).is_file()]
    rows = f"SELECT * EXCLUDE (run) FROM ({_read_lines('steps', files, listed, kept='step IS NOT NULL')})"
    return typed("steps", f"SELECT * FROM ({rows}) JOIN run_folders USING (file)")


def _read_lines(table: str, paths: Sequence[Path], listed: Listed, *, kept: str) -> str:
    """Rows of JSONL files with the table's columns, and `file`; a line that was half written is left out."""
    if not paths:
        return f"SELECT *, CAST(NULL AS VARCHAR) AS file FROM ({empty(table)})"
    layout = "format = 'newline_delimited', ignore_errors = true, filename = 'file'"
    return f"SELECT * FROM read_json({listed(paths)}, columns = {json_columns(table)}, {layout}) WHERE {kept}"


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


def _write_locks(con: duckdb.DuckDBPyConnection, runs: Mapping[Path, str], plans: Mapping[Path, str]) -> None:
    """The tables run_plan and run_domains, from each run's own copy of its lock."""
    con.execute("CREATE TABLE run_plan (run VARCHAR, plan VARCHAR, steps INTEGER)")
    con.execute(
        "CREATE TABLE run_domains "
        "(run VARCHAR, unit VARCHAR, domain VARCHAR, share DOUBLE, planned DOUBLE, draws BIGINT)"
    )
    folders = {lock.plan_sha256: name for path, name in plans.items() if (lock := _lock(path)) is not None}
    for run, name in runs.items():
        lock = _lock(run)
        if lock is None:
            continue
        _check_lock(run, lock)
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
