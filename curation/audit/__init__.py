"""Audits: a folder of SQL files, each of which selects the rows that offend.

A file opens with what it is about; then follows one SELECT:

    -- severity: error | warning
    -- means: what a finding says about the data (continued lines are indented)
    -- do: what to do about it
    -- setting: min_seconds = 3          read in the SQL with getvariable('min_seconds')
    SELECT cut_id, found, worst, seconds FROM accepted WHERE ...

Columns: `cut_id` (one row per cut), `found` (text for people), `worst` (a number, the worst rows highest), and
`seconds` (audio at stake); others are shown as they are. Where rows are equally bad, the last id comes first. The SQL
runs on a locked connection: it can read the catalog and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import duckdb

from curation.audit.functions import create_functions
from curation.catalog import connect
from curation.catalog.studies import Studies
from curation.catalog.views import create_paper
from curation.duck import Limits, first, limited, lock_down, one_select, open_memory
from curation.duck.headers import need_known, read_header, set_variables
from manifests.errors import QueryError, SettingsError
from manifests.files import need_folder, read_text
from manifests.units import Hours

__all__ = ["Audit", "Finding", "find_audits", "run_audits", "run_paper_audits"]

AUDITS = Path(__file__).parents[1] / "audits"
EXAMPLES = 5


@dataclass(frozen=True)
class Audit:
    """One audit file."""

    name: str
    severity: Literal["error", "warning"]
    means: str
    do: str
    sql: str
    path: Path
    settings: dict[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """What one audit found; `rows` is 0 when all is well."""

    name: str
    severity: str
    means: str
    do: str
    rows: int
    hours: Hours | None  # at stake; None when the audit is not about audio
    examples: list[dict[str, Any]]  # the worst

    @property
    def failed(self) -> bool:
        """An error-severity audit with findings."""
        return self.severity == "error" and self.rows > 0

    def row(self) -> dict[str, Any]:
        """As the command line prints it in JSON."""
        return asdict(self)


def read_audit(path: Path) -> Audit:
    """An audit file's header and SQL.

    Raises:
        QueryError: no severity, means or do in the header, or one that is not understood.
        ManifestError: no UTF-8.
    """
    text = read_text(path)
    header = read_header(path, text)
    facts = header.facts
    missing = [key for key in ("severity", "means", "do") if not facts.get(key)]
    if missing:
        raise QueryError(
            f"{path}: the header has no `-- {missing[0]}: ...` line. An audit opens with severity, means and do."
        )
    severity = facts["severity"]
    if severity not in ("error", "warning"):
        raise QueryError(f"{path}: severity is {severity!r}, expected error or warning.")
    return Audit(
        name=path.stem,
        severity="error" if severity == "error" else "warning",
        means=facts["means"],
        do=facts["do"],
        sql=text,
        path=path,
        settings=header.settings,
    )


def find_audits(folders: Sequence[Path] = (), only: Sequence[str] = ()) -> list[Audit]:
    """Our audits and those in `folders`, by name; a folder's file replaces ours of the same name.

    Raises:
        MissingFileError: no such folder.
        SettingsError: `only` names an audit that does not exist.
    """
    paths = {path.stem: path for path in sorted(AUDITS.glob("*.sql"))}
    for folder in folders:
        paths |= {path.stem: path for path in sorted(need_folder(folder, what="folder of audits").glob("*.sql"))}
    unknown = sorted(set(only) - set(paths))
    if unknown:
        raise SettingsError(f"No audit {', '.join(unknown)}. Known audits: {', '.join(sorted(paths))}.")
    return [read_audit(path) for name, path in sorted(paths.items()) if not only or name in only]


def run_audits(
    catalog: Path,
    *,
    plans: Path | None = None,
    runs: Sequence[Path] = (),
    studies: Studies | None = None,
    folders: Sequence[Path] = (),
    only: Sequence[str] = (),
    settings: Mapping[str, float | str] | None = None,
    examples: int = EXAMPLES,
    limits: Limits | None = None,
) -> list[Finding]:
    """Run every audit; errors with findings first, then warnings, then what is clean.

    Args:
        catalog: the catalog's folder.
        plans: folder of plans (PLANS/NAME/plan.parquet); without it the audits of plans find nothing.
        runs: folders of runs; without any, and without studies, the audits of ledgers find nothing.
        studies: what workspaces hold.
        folders: more audits.
        only: names; all by default.
        settings: replace the defaults of the audits' headers.
        examples: the most worst rows to keep of each.
        limits: of each audit's time and memory.

    Raises:
        MissingFileError: no catalog there.
        QueryError: an audit that does not run, that does more than read, or that passes its limits.
        SettingsError: a setting that no audit has.
    """
    audits = find_audits(folders, only)
    given = dict(settings or {})
    need_known(given, (name for audit in audits for name in audit.settings), what="No audit has")
    limits = limits or Limits()
    with connect(catalog, plans=plans, runs=runs, studies=studies, limits=limits) as con:
        create_functions(con)
        findings = [run_audit(con, audit, given, examples, limits) for audit in audits]
    return sorted(findings, key=lambda found: (not found.failed, found.rows == 0, found.severity, found.name))


def run_paper_audits(
    settings: Mapping[str, float | str] | None = None, examples: int = EXAMPLES, limits: Limits | None = None
) -> list[Finding]:
    """The audits of the paper's own tables (manifests/paper), which need no catalog."""
    with open_memory(limits=limits) as con:
        create_paper(con)
        lock_down(con)
        audits = [read_audit(path) for path in sorted((AUDITS / "paper").glob("*.sql"))]
        return [run_audit(con, audit, settings, examples, limits) for audit in audits]


def run_audit(
    con: duckdb.DuckDBPyConnection,
    audit: Audit,
    settings: Mapping[str, float | str] | None = None,
    examples: int = EXAMPLES,
    limits: Limits | None = None,
) -> Finding:
    """Run one audit on an open connection, in one pass over its rows.

    Raises:
        QueryError: it does not run, does more than read, or passes its limits.
    """
    sql = one_select(con, audit.sql, where=str(audit.path))
    set_variables(con, audit.settings, settings or {})
    with limited(con, limits or Limits(), where=str(audit.path)):
        names = {row[0] for row in con.execute(f"DESCRIBE SELECT * FROM (\n{sql}\n)").fetchall()}
        row = first(con, _summary(sql, names, examples))
    assert row is not None  # an aggregate has one row
    hours = None if row[1] is None else float(row[1])
    return Finding(
        audit.name,
        audit.severity,
        audit.means,
        audit.do,
        int(row[0]),
        hours,
        list(row[2] or [])[:examples] if row[0] else [],
    )


def _summary(sql: str, names: set[str], examples: int) -> str:
    """One query that counts an audit's rows, sums their hours and keeps the worst."""
    hours = "coalesce(sum(seconds), 0) / 3600" if "seconds" in names else "NULL"
    order = ", ".join(f"'{name}': {name}" for name in ("worst", "cut_id", "subject") if name in names)
    by = f"{{{order}}}" if order else "CAST(o AS VARCHAR)"  # never a row that a thread happened to see first
    worst = f"max_by(o, {by}, {max(examples, 1)})"
    return f"SELECT count(*), {hours}, {worst} FROM (\n{sql}\n) AS o"
