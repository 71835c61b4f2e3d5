"""Audits: what each found, and its rows to listen to."""

from __future__ import annotations

from typing import Any

from curation.audit import find_audits, run_audit
from curation.duck import one_select, records
from curation.duck.headers import set_variables
from soundwave.explore.asking import Explorer

MOST_ROWS = 200


def list_audits() -> list[dict[str, Any]]:
    """Every audit: name, severity, what it means, what to do."""
    keys = ("name", "severity", "means", "do")
    return [{key: getattr(audit, key) for key in keys} for audit in find_audits()]


def count_audit(explorer: Explorer, name: str) -> dict[str, Any]:
    """What one audit finds, as `soundwave audit NAME --json` says it.

    Raises:
        SettingsError: no such audit.
        QueryError: it passes its limits.
    """
    (audit,) = find_audits(only=[name])
    with explorer.asking(name) as con:
        return run_audit(con, audit, examples=1, limits=explorer.limits).row()


def audit_rows(explorer: Explorer, name: str, *, first: int, rows: int) -> list[dict[str, Any]]:
    """Rows that an audit finds, worst first, each with its cut's text where it names a cut.

    Raises:
        SettingsError, QueryError: as `count_audit`.
    """
    (audit,) = find_audits(only=[name])
    with explorer.asking(name) as con:
        sql = one_select(con, audit.sql, where=name)
        set_variables(con, audit.settings, {})
        names = [row[0] for row in con.execute(f"DESCRIBE SELECT * FROM (\n{sql}\n)").fetchall()]
        by = ", ".join(f"{one} DESC" for one in ("worst", "cut_id", "subject") if one in names) or "ALL"
        limit = f"LIMIT {max(1, min(rows, MOST_ROWS))} OFFSET {max(0, first)}"
        found = records(con.execute(f"SELECT * FROM (\n{sql}\n) ORDER BY {by} {limit}"))
        if "cut_id" in names:
            texts = "SELECT cut_id, text FROM cuts WHERE cut_id IN (SELECT unnest($ids))"
            said = dict(con.execute(texts, {"ids": [row["cut_id"] for row in found]}).fetchall())
            found = [{"text": said.get(row["cut_id"])} | row for row in found]
    return found
