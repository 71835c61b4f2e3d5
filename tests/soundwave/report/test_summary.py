"""summary.json says what the workspace holds, and names what it does not."""

import json

import pytest

from manifests.files import write_json
from soundwave.report.summary import summarise, write_summary


def test_the_facts(workspace):
    facts = summarise(workspace)
    assert [row["name"] for row in facts["corpora"]] == ["prompts"]
    assert facts["hours"] == pytest.approx(12 / 3600)
    assert facts["clips"] == {"aligned": 7, "words": 35, "rejected": 1, "reasons": {"no_speech": 1}}
    assert facts["rejects"] == {"no_speech": 1}
    share = facts["shares"]["alignment"]["asr"]
    assert (share["planned"], share["realised"], share["draws"], share["unique"]) == (1.0, 1.0, 12, 6)
    assert facts["losses"]["full"]["alignment"]["last"]["lm_loss"] is None
    last, first = (facts["losses"]["short"]["shrinking"][end]["ctc_loss"] for end in ("last", "first"))
    assert last < first == pytest.approx(3.0 * (1 + 0.9) / 2)
    assert facts["seconds"] == {"prepare": 3.0}


def test_error_rates_of_both_arms_and_the_ceiling(workspace):
    rates = summarise(workspace)["error_rates"]
    assert rates["ctc_after_stage_1"]["wer"] == 0.35
    assert (rates["llm_after_stage_2"]["wer"], rates["llm_after_stage_3"]["wer"]) == (0.52, 0.47)
    assert rates["without_stage_1_llm_after_stage_2"]["wer"] == 2.01
    without = rates["without_stage_1_llm_after_stage_3"]
    assert (without["wer"], without["seeds"], without["clips"]) == (1.7, [7], 2)
    assert without["low"] == pytest.approx(1.65)
    assert (rates["ceiling"]["wer"], rates["ceiling"]["low"]) == (0.077, 0.05)


def test_the_ablation_lists_its_cells_with_their_seeds(workspace):
    ablation = summarise(workspace)["ablation"]
    assert set(ablation) == {"recipe", "ladder"}
    assert [cell["hours"] for cell in ablation["ladder"]["cells"]] == pytest.approx([0.075, 0.15, 0.3])
    assert ablation["ladder"]["seeds"] == [7]
    assert ablation["ladder"]["fits"]["stage-1"]["curve"]["exponent"] == pytest.approx(0.5, abs=0.03)
    assert ablation["recipe"]["next"].startswith("Run ")


def test_missing_parts_are_named_never_invented(tmp_path):
    (tmp_path / "ablation").mkdir()
    facts = write_summary(tmp_path, tmp_path / "summary.json")
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8")) == facts
    assert {"corpora", "hours", "clips", "shares", "losses", "ablation", "seconds"} <= set(facts["missing"])
    assert "error_rates.ceiling" in facts["missing"]
    assert all(value is None for value in facts["error_rates"].values())


def test_broken_files_are_missing_ones(tmp_path):
    (tmp_path / "runs" / "one").mkdir(parents=True)
    (tmp_path / "ceiling.json").write_text("{")
    write_json(tmp_path / "runs" / "one" / "run.json", {"stage": "alignment"})
    (tmp_path / "runs" / "one" / "metrics.jsonl").write_text('{"step": 0, "ctc_loss": NaN}\n{"step": 1, "ctc')
    facts = summarise(tmp_path)
    assert facts["error_rates"]["ceiling"] is None
    assert facts["losses"]["one"]["alignment"]["last"]["ctc_loss"] is None  # not a number is no number
    assert "NaN" not in json.dumps(facts)
