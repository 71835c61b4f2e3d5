"""All that is known of one cut."""

from __future__ import annotations

import json
from typing import Any

from curation.audit.explain import explain_cut
from curation.duck import records
from curation.rules import PAPER, read_rules, rules_text
from manifests.errors import MissingFileError
from soundwave.explore.asking import Explorer

MOST_DRAWS = 500
MOST_LOSSES = 2000
WHERE = "what is known of the cut"
PARTS = {
    "words": "SELECT backend, symbol, start, duration, score, flag FROM words WHERE cut_id = $id "
    "ORDER BY backend, position",
    "labels": "SELECT pass, name, value, text FROM labels WHERE cut_id = $id ORDER BY pass, name, value DESC, text",
    "rejects": "SELECT pass, reason, detail FROM rejects WHERE cut_id = $id ORDER BY ALL",
    "draws": f"SELECT plan, step, slot, domain, repeat, units, seconds FROM plans WHERE cut_id = $id "
    f"ORDER BY plan, step, slot LIMIT {MOST_DRAWS}",
    "losses": "SELECT run, step, loss, ctc_loss, reason FROM ledger WHERE cut_id = $id "
    f"ORDER BY run, step LIMIT {MOST_LOSSES}",
    "review": "SELECT mark, note, text, marked_at FROM reviews WHERE cut_id = $id",
}
HIDDEN = ("decoding", "manifest")


def need_cut(explorer: Explorer, cut_id: str) -> dict[str, Any]:
    """The cut's row of `cuts`.

    Raises:
        MissingFileError: the catalog has no such cut.
    """
    rows = explorer.rows("SELECT * FROM cuts WHERE cut_id = $id", {"id": cut_id}, where=WHERE)
    if not rows:
        raise MissingFileError(f"The catalog has no cut {cut_id[:200]!r}.")
    return rows[0]


def one_cut(explorer: Explorer, cut_id: str) -> dict[str, Any]:
    """Row, words, labels, rejects, draws in plans, losses in runs, and mark of a cut.

    Raises:
        MissingFileError: as `need_cut`.
    """
    row = need_cut(explorer, cut_id)
    facts: dict[str, Any] = {"cut": {name: value for name, value in row.items() if name not in HIDDEN}}
    facts["custom"] = (json.loads(row["manifest"]) or {}).get("custom")
    with explorer.asking(WHERE) as con:
        facts |= {name: records(con.execute(sql, {"id": cut_id})) for name, sql in PARTS.items()}
    return facts


def verdicts(explorer: Explorer, cut_id: str) -> list[dict[str, Any]]:
    """What every pass, rule and audit says of a cut: as `soundwave audit --explain CUT` says it, labels left out.

    Raises:
        SettingsError, QueryError: as `explain_cut`.
    """
    rules = read_rules(rules_text(PAPER), str(PAPER), {})
    places = explorer.places
    rows = explain_cut(places.catalog, cut_id, rules, plans=places.plans, limits=explorer.limits)
    return [row for row in rows if row["kind"] != "label"]
