"""What every pass, rule and audit says of one cut, with the values that were looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curation.audit import find_audits
from curation.audit.functions import create_functions
from curation.catalog import connect
from curation.duck import Limits, limited, one_select, records
from curation.duck.headers import SettingValues, set_variables
from curation.rules import CleaningRules, create_rules
from manifests.errors import SettingsError

READABLE = 200  # letters of a text


def explain_cut(
    catalog: Path,
    cut_id: str,
    rules: CleaningRules,
    *,
    settings: SettingValues | None = None,
    plans: Path | None = None,
    folders: Sequence[Path] = (),
    limits: Limits | None = None,
) -> list[dict[str, Any]]:
    """One row a verdict: kind (pass, rule, audit, label), name, verdict, found.

    Passes are told where they refused the cut, rules always, audits where they find it, labels as they are.

    Args:
        catalog: the catalog's folder.
        cut_id: of the cut.
        rules: what a cut must keep.
        settings: of rules and audits; each takes those that it has.
        plans, folders, limits: as of `run_audits`.

    Raises:
        SettingsError: no such cut.
        QueryError: rules or an audit that do not run.
    """
    given, limits = dict(settings or {}), limits or Limits()
    with connect(catalog, plans=plans, limits=limits) as con:
        create_functions(con)
        if not con.execute("SELECT 1 FROM cuts WHERE cut_id = ?", [cut_id]).fetchall():
            near = con.execute(
                "SELECT cut_id FROM cuts ORDER BY jaro_winkler_similarity(cut_id, ?) DESC, cut_id LIMIT 3", [cut_id]
            ).fetchall()
            raise SettingsError(
                f"{catalog} has no cut {cut_id!r}. The nearest: {', '.join(row[0] for row in near) or 'none'}."
            )
        with limited(con, limits, where=rules.where):
            found = _refusals(con, cut_id) + _rules(con, cut_id, rules, given)
        for audit in find_audits(folders):
            sql = one_select(con, audit.sql, where=str(audit.path))
            set_variables(con, audit.settings, given)
            with limited(con, limits, where=str(audit.path)):
                columns = {row[0] for row in con.execute(f"DESCRIBE SELECT * FROM (\n{sql}\n)").fetchall()}
                if "cut_id" not in columns:
                    continue
                said = "found" if "found" in columns else "NULL"
                rows = con.execute(f"SELECT {said} FROM (\n{sql}\n) WHERE cut_id = ?", [cut_id]).fetchall()
            found += [_row("audit", audit.name, audit.severity, row[0]) for row in rows]
        return found + _labels(con, cut_id)


def _row(kind: str, name: str, verdict: str, found: Any) -> dict[str, Any]:
    return {"kind": kind, "name": name, "verdict": verdict, "found": found}


def _refusals(con: Any, cut_id: str) -> list[dict[str, Any]]:
    rows = records(con.execute("SELECT * FROM refused WHERE cut_id = ? ORDER BY ALL", [cut_id]))
    return [_row("pass", row["pass"], "refused", f"{row['reason']}: {row['detail'] or ''}") for row in rows]


def _rules(con: Any, cut_id: str, rules: CleaningRules, given: SettingValues) -> list[dict[str, Any]]:
    names = create_rules(con, rules, given)
    rows = records(con.execute("SELECT * FROM verdicts WHERE cut_id = ?", [cut_id]))
    if not rows:
        return [_row("rule", rules.where, "dropped", "the rules say nothing of this cut")]
    return [
        _row("rule", name, "kept" if rows[0][name]["kept"] else "dropped", rows[0][name]["value"]) for name in names
    ]


def _labels(con: Any, cut_id: str) -> list[dict[str, Any]]:
    query = "SELECT * FROM labels WHERE cut_id = ? ORDER BY pass, name, value DESC, text"
    rows = records(con.execute(query, [cut_id]))
    return [_row("label", f"{row['pass']}.{row['name']}", "", _said(row["value"], row["text"])) for row in rows]


def _said(value: float | None, text: str | None) -> Any:
    """A label's value, its text, or both where the text is for people (marks of a fingerprint are not)."""
    if value is None or not text:
        return text if value is None else value
    return f"{value:.4g}: {text}" if len(text) <= READABLE else value
