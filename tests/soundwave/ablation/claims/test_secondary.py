"""Losses beside a study's outcomes: compared in a family of their own that changes nothing of the outcomes' bands."""

import json

import pyarrow as pa

from soundwave.ablation.claims.claim import claims_of
from soundwave.ablation.claims.secondary import HEADING, study_claims
from tests.soundwave.ablation.small_study import LLM_WER, study

FIGURES = {"llm_wer": LLM_WER}


def with_losses(effects, by_domain=("asr", "sound")):
    """The study of `effects`, whose losses are a tenth of its error rates apart, clip by clip."""
    rows, clips = study(effects, seeds=(7, 8, 9))
    parts = clips.to_pylist()
    losses, names = [], ["lm_loss", *(f"lm_loss.{domain}" for domain in by_domain)]
    for row in rows:
        row["lm_loss"] = 1 + row["llm_wer"] / 10
        row["losses"] = json.dumps({domain: {"lm_loss": row["lm_loss"], "lm_loss_tokens": 9} for domain in by_domain})
    for part in parts:
        value = part["weight"] + part["value"] / 10
        losses += [part | {"outcome": name, "value": value} for name in names]
    return rows, pa.Table.from_pylist(parts + losses, schema=clips.schema)


def test_losses_are_a_family_of_their_own():
    rows, clips = with_losses({"full": 0.0, "without": 0.3, "half": 0.01})
    found = study_claims(rows, FIGURES, clips)
    assert found.main == claims_of(rows, FIGURES, clips)  # no wider, no narrower
    assert {claim.outcome for claim in found.main.claims} == {"llm_wer"}
    losses = {claim.outcome for claim in found.secondary.claims}
    assert losses == {"lm_loss", "lm_loss.asr", "lm_loss.sound"}
    assert f"all {len(found.secondary.claims)} comparisons" in " ".join(found.secondary.notes)
    pairs = {(claim.outcome, claim.first, claim.second): claim for claim in found.secondary.claims}
    assert pairs["lm_loss", "full", "without"].verdict == "better"
    said = found.sentences()
    assert said[: said.index(HEADING)] == found.main.sentences()
    assert any("tokens, sound: full is better than without" in line for line in said[said.index(HEADING) :])
    report = found.report()
    assert report["claims"] == found.main.report()["claims"] and len(report["secondary"]["claims"]) == 9


def test_bands_of_losses_count_all_comparisons_of_losses():
    rows, clips = with_losses({"full": 0.0, "without": 0.3})
    several = study_claims(rows, FIGURES, clips).secondary.claims
    rows, clips = with_losses({"full": 0.0, "without": 0.3}, by_domain=())
    (alone,) = study_claims(rows, FIGURES, clips).secondary.claims
    whole = next(claim for claim in several if claim.outcome == "lm_loss")
    assert len(several) == 3 and whole.difference == alone.difference
    assert whole.high - whole.low >= alone.high - alone.low


def test_an_outcome_is_not_said_twice_and_one_domain_is_the_whole():
    rows, clips = with_losses({"full": 0.0, "without": 0.3}, by_domain=("asr",))
    assert {claim.outcome for claim in study_claims(rows, FIGURES, clips).secondary.claims} == {"lm_loss"}
    renamed = [row | {"loss": row["lm_loss"]} for row in rows]
    assert study_claims(renamed, FIGURES | {"loss": LLM_WER}, clips).secondary is None
    without = [{name: value for name, value in row.items() if name not in ("lm_loss", "losses")} for row in rows]
    assert study_claims(without, FIGURES, clips).secondary is None
