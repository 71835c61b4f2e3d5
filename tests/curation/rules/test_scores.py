"""The rules over the scores of label passes: each number drops what is beyond it, and only where it was looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation.audit.explain import explain_cut
from curation.catalog import connect
from curation.rules import create_rules, read_rules, rules_text
from tests.curation.audit.score_cases import LONG, score
from tests.curation.synthetic_catalog import cut, text_row, write_catalog

GOOD = {
    ("speech", "snr"): 30.0,
    ("speech", "speech_share"): 0.8,
    ("speech", "bandwidth"): 8000.0,
    ("mos", "ovr"): 3.0,
    ("hallucination", "hallucination"): 0.0,
    ("language", "language"): 0.9,
    ("language", "declared_language"): 0.9,
}
BAD = {  # rule -> the score that it drops
    "snr_above": {("speech", "snr"): 3.0},
    "speech_share_above": {("speech", "speech_share"): 0.05},
    "bandwidth_above": {("speech", "bandwidth"): 2000.0},
    "ovr_above": {("mos", "ovr"): 1.1},
    "hallucination_below": {("hallucination", "hallucination"): 0.9},
    "other_language_below": {("language", "language"): 0.95, ("language", "declared_language"): 0.02},
}


def verdicts(catalog: Path, **settings: float | str) -> dict[str, set[str]]:
    """Cut -> the rules that drop it."""
    rules = read_rules(rules_text(Path("scores.sql")), "scores.sql", settings)
    with connect(catalog) as con:
        names = create_rules(con, rules, settings)
        rows = con.execute(f"SELECT cut_id, {', '.join(f'{name}.kept' for name in names)} FROM verdicts").fetchall()
    return {row[0]: {name for name, kept in zip(names, row[1:], strict=True) if not kept} for row in rows}


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    cuts = {"good": GOOD} | {name: GOOD | change for name, change in BAD.items()}
    labels = [score(*key, value=value) for cut_id, found in cuts.items() for key, value in _keyed(cut_id, found)]
    tags = [score("tag", "rain", "tag", 0.9, "Rain"), score("tag", "dog", "tag", 0.9, "Animal")]
    sounds = [cut(name, task="sound", sound=["Dog"]) for name in ("rain", "dog", "untagged")]
    noisy = score("speech", "dog", "snr", 0.0)
    rows = [*(cut(name, text=LONG) for name in cuts), cut("unseen"), *sounds, text_row("text")]
    return write_catalog(tmp_path / "catalog", rows, labels=[*labels, *tags, noisy])


def _keyed(cut_id: str, found: dict[tuple[str, str], float]) -> list[tuple[tuple[str, str, str], float]]:
    return [((pass_, cut_id, name), value) for (pass_, name), value in found.items()]


def test_each_rule_drops_what_it_is_about(catalog: Path) -> None:
    nothing: dict[str, set[str]] = {name: set() for name in ("good", "unseen", "rain", "dog", "untagged", "text")}
    assert verdicts(catalog) == nothing | {name: {name} for name in BAD}


def test_numbers_are_settings(catalog: Path) -> None:
    assert verdicts(catalog, language_letters=100)["other_language_below"] == set()
    found = verdicts(catalog, snr_above=40, other_sound_below=0.5)
    assert found["good"] == {"snr_above"} and found["rain"] == {"other_sound_below"}
    assert found["dog"] == found["untagged"] == found["text"] == found["unseen"] == set()


def test_cuts_that_no_pass_has_seen_may_be_dropped(catalog: Path) -> None:
    found = verdicts(catalog, unscored="drop")
    assert found["unseen"] == {*BAD} and found["untagged"] == {"other_sound_below"} and found["text"] == set()


def test_a_cut_is_told_with_scores_and_what_they_are_of(catalog: Path) -> None:
    rules = read_rules(rules_text(Path("scores.sql")), "scores.sql", {})
    told = {(row["kind"], row["name"]): row["found"] for row in explain_cut(catalog, "rain", rules)}
    assert told["label", "tag.tag"] == "0.9: Rain" and told["audit", "other_sound"] == "Dog: heard Rain"
    told = {(row["kind"], row["name"]): row["found"] for row in explain_cut(catalog, "good", rules)}
    assert told["label", "speech.snr"] == told["rule", "snr_above"] == 30
