"""Error rates of a run: both decodings, files written, reuse, and wrong asks."""

import json

import pytest

from curation.catalog import catalog_fingerprint
from manifests.errors import InputError
from manifests.fingerprint import file_sha256, fingerprint
from soundwave.evaluate.families import measure
from soundwave.evaluate.held_out import EvalOptions
from soundwave.evaluate.table import json_row
from soundwave.model.generation import ANSWER_LEAST, ANSWER_PER_FRAME, SEARCH
from soundwave.train.loop import train
from soundwave.train.settings import StageSettings


@pytest.fixture(scope="module")
def run(workspace, stage_values, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "two"
    train(StageSettings(**stage_values(steps=2)), plan=workspace / "mixtures" / "speech", output=folder)
    return folder


def evaluate(run, catalog, **options):
    return json_row([measure(run, catalog, ["asr"], EvalOptions(**options))])


def test_scores_and_examples_of_the_held_out_clips(run, workspace):
    found = evaluate(run, workspace / "catalog", split="test", corpus="tiny")
    assert found["clips"] == 2 and found["stage"] == "shrinking"
    figures = {f"{name}_{part}" for name in ("ctc", "llm") for part in ("wer", "wer_band", "cer", "errors")}
    facts = {"key", "run", "stage", "split", "corpus", "min_words", "clips", "words", "wer_unit", "seconds"}
    facts |= {"weights", "catalog"}
    assert found["wer_unit"] == "words"
    assert set(found) == figures | facts  # other metrics have a file of their own
    for name in ("ctc", "llm"):
        assert found[f"{name}_wer"] >= 0 and len(found[f"{name}_wer_band"]) == 2
    assert json.loads((run / "eval-test.json").read_text(encoding="utf-8")) == found
    examples = [json.loads(line) for line in (run / "examples-test.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in examples] == ["tiny-07", "tiny-15"]
    assert set(examples[0]) == {"id", "reference", "language", "ctc", "llm"}


def test_the_same_question_is_answered_from_the_file(run, workspace):
    first = evaluate(run, workspace / "catalog", split="test", corpus="tiny", decode=("ctc",))
    stamp = (run / "eval-test.json").stat().st_mtime_ns
    assert evaluate(run, workspace / "catalog", split="test", corpus="tiny", decode=("ctc",)) == first
    assert (run / "eval-test.json").stat().st_mtime_ns == stamp
    fewer = evaluate(run, workspace / "catalog", split="test", corpus="tiny", decode=("ctc",), limit=1)
    assert fewer["clips"] == 1


def test_an_answer_of_the_version_before_is_found(run, workspace):
    catalog = workspace / "catalog"
    # How that version made the key, written out: it must not change.
    options, search = ["test", "tiny", 3, ["ctc", "llm"], None], [SEARCH, ANSWER_LEAST, ANSWER_PER_FRAME]
    weights = file_sha256(run / "final" / "adapters.safetensors")
    old = {
        "key": fingerprint(weights, catalog_fingerprint(catalog), options, search),
        "run": "old",
        "stage": "shrinking",
    }
    old |= {"split": "test", "corpus": "tiny", "min_words": 3, "clips": 5, "ctc_wer": 0.125, "seconds": 1.5}
    (run / "eval-test.json").write_text(json.dumps(old))
    assert evaluate(run, catalog, split="test", corpus="tiny") == old | {
        "run": run.name,
        "weights": weights,
        "catalog": catalog_fingerprint(catalog),
    }


def test_wrong_asks(run, workspace):
    with pytest.raises(InputError, match="expected one or more of"):
        evaluate(run, workspace / "catalog", split="test", corpus="tiny", decode=("beam",))
    with pytest.raises(InputError, match="Corpora: tiny"):
        evaluate(run, workspace / "catalog", split="test", corpus="big")
