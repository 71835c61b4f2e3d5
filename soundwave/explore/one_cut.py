"""All that is known of one cut."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from curation.audit.explain import explain_cut
from curation.duck import records
from curation.rules import PAPER, read_rules, rules_text
from manifests.errors import MissingFileError
from manifests.lines.supervisions import spoken
from manifests.lines.values import as_list, as_text, number, walk
from manifests.units import Seconds
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
    "review": "SELECT mark, note, text, right_text, marked_at FROM reviews WHERE cut_id = $id",
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
    """Row, words, sounds, labels, rejects, draws in plans, losses in runs, and mark of a cut.

    Raises:
        MissingFileError: as `need_cut`.
    """
    row = need_cut(explorer, cut_id)
    facts: dict[str, Any] = {"cut": {name: value for name, value in row.items() if name not in HIDDEN}}
    manifest = json.loads(row["manifest"]) or {}
    facts["custom"] = manifest.get("custom")
    facts["sounds"] = sounds_in(manifest, row["duration"], row["sound"] or [])
    with explorer.asking(WHERE) as con:
        facts |= {name: records(con.execute(sql, {"id": cut_id})) for name, sql in PARTS.items()}
    return facts


def sounds_in(manifest: Mapping[str, Any], duration: Seconds, labels: Sequence[str]) -> list[dict[str, Any]]:
    """What sounds when in a cut: name, start and duration in the cut (seconds), by start.

    Times are those of the supervisions that have labels of sounds, or of `custom.sound_times` (name, start, duration),
    which imports write. A label without times of its own lasts for the whole cut.

    Args:
        manifest: the cut's row.
        duration: of the cut.
        labels: all labels of the cut, as the catalog has them.
    """
    tracks = [track for track in as_list(manifest.get("tracks")) if isinstance(track, dict)]
    timed: list[tuple[str, float | None, float | None]] = []
    for item in as_list(walk(manifest, ("custom", "sound_times"))):
        name, start, length = item if isinstance(item, list) and len(item) == 3 else (None, None, None)
        timed.append((as_text(name) or "", number(start), number(length)))
    for one in () if timed else spoken(manifest, tracks):
        names = [str(name) for name in as_list(walk(one.fields, ("custom", "sound")))]
        start, length = one.span or (None, None)
        timed += [(name, start, length) for name in names]
    left = Counter(labels) - Counter(name for name, _, _ in timed)
    timed += [(name, None, None) for name in left.elements()]
    found = [_sound(name, start, length, duration) for name, start, length in timed if name]
    return sorted(found, key=lambda sound: (sound["start"], -sound["duration"]))


def _sound(name: str, start: float | None, length: float | None, duration: Seconds) -> dict[str, Any]:
    begin = min(max(start or 0.0, 0.0), duration)
    end = duration if length is None else min((start or 0.0) + length, duration)
    return {"name": name, "start": begin, "duration": max(0.0, end - begin)}


def verdicts(explorer: Explorer, cut_id: str) -> list[dict[str, Any]]:
    """What every pass, rule and audit says of a cut: as `soundwave audit --explain CUT` says it, labels left out.

    Raises:
        SettingsError, QueryError: as `explain_cut`.
    """
    rules = read_rules(rules_text(PAPER), str(PAPER), {})
    places = explorer.places
    rows = explain_cut(places.catalog, cut_id, rules, plans=places.plans, limits=explorer.limits)
    return [row for row in rows if row["kind"] != "label"]
