"""`soundwave eval --metrics`: what people and programs see."""

import json

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from manifests.errors import InputError, SettingsError
from soundwave.cli import build_app
from soundwave.evaluate.table import family_rows, run_names
from soundwave.train.loop import train
from soundwave.train.settings import StageSettings


@pytest.fixture(scope="module")
def run(workspace, stage_values, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "two"
    train(StageSettings(**stage_values(steps=1)), plan=workspace / "mixtures" / "mixed", output=folder)
    return folder


def ask(*words):
    result = CliRunner().invoke(build_app(), ["eval", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_families_beside_error_rates(run, workspace):
    where = ("--catalog", workspace / "catalog", "--corpus", "tiny", "--split", "train", "--limit", 2)
    rates = json.loads(ask(run, *where, "--json"))
    assert "metrics" not in rates and {"ctc_wer", "llm_wer", "ctc_cer", "llm_errors"} <= set(rates)
    both = json.loads(ask(run, *where, "--metrics", "asr,kept", "--metrics", "ctc", "--json"))
    assert both["ctc_wer"] == rates["ctc_wer"]
    assert list(both["metrics"]) == ["ctc", "kept"]
    alone = json.loads(ask(run, *where, "--metrics", "kept", "--json"))
    assert "ctc_wer" not in alone and alone["metrics"]["kept"] == both["metrics"]["kept"]
    told = ask(run, *where, "--metrics", "kept")
    assert "kept.asr.kept_of_adapter" in told and "WER" not in told


def test_an_unknown_metric_is_named(run, workspace):
    with pytest.raises(InputError, match="bleu"):
        ask(run, "--catalog", workspace / "catalog", "--metrics", "bleu")


def test_rows_have_a_column_for_each_run():
    results = [
        {"run": name, "families": {"ctc": {"rate": value, "band": [0.1, 0.25], "key": "x"}}}
        for name, value in (("a", 0.5), ("b", 0.25))
    ]
    rows = family_rows(results)
    assert rows == [
        {"metric": "ctc.rate", "a": 0.5, "b": 0.25},
        {"metric": "ctc.band", "a": "0.1000 to 0.2500", "b": "0.1000 to 0.2500"},
    ]
    change = {"loss": 0.5, "loss_band": [0.25, 0.75], "exact": 0.0}
    qa = {"rows": 3, "before": {"loss": 1.0, "exact": 0.1}, "after": {"loss": 1.5, "exact": 0.1}, "change": change}
    assert family_rows([{"run": "a", "families": {"retention": {"qa": qa}}}]) == [
        {"metric": "retention.qa.loss", "a": "1.0000 -> 1.5000 (+0.5000; +0.2500 to +0.7500)"},
        {"metric": "retention.qa.exact", "a": "0.1000 -> 0.1000 (+0.0000)"},
        {"metric": "retention.qa.rows", "a": 3},
    ]
    assert run_names(["a", "b", "a"]) == ["a (1)", "b", "a (3)"]


def test_further_questions_and_what_each_clip_gave(run, workspace, tmp_path):
    (tmp_path / "more.yaml").write_text(
        "- {split: train, metrics: [loss], limit: 2}\n- {split: dev, metrics: [sound], skip: true}\n"
    )
    words = [run, "--catalog", workspace / "catalog", "--also", tmp_path / "more.yaml", "--json"]
    found = json.loads(ask(*words, "--clips", tmp_path / "clips.parquet"))
    loss, sound = (answer["metrics"] for answer in found["also"])
    assert found["run"] == run.name and "clips" not in found  # nothing else was asked
    assert loss["loss"]["rows"] > 0 and "has no rows" in sound["sound"]["skipped"]
    rows = pq.read_table(tmp_path / "clips.parquet").to_pylist()
    mine = [row for row in rows if row["figure"] == "ctc_loss"]
    assert {row["question"] for row in rows} == {1} and {row["run"] for row in rows} == {run.name}
    assert sum(row["value"] for row in mine) / sum(row["weight"] for row in mine) == pytest.approx(
        loss["loss"]["ctc_loss"]
    )
    both = json.loads(ask(*words, "--metrics", "ctc", "--split", "train", "--limit", "2"))
    assert set(both["metrics"]) == {"ctc"} and [set(answer["metrics"]) for answer in both["also"]] == [
        {"loss"},
        {"sound"},
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [("split: dev", "expected a list of questions"), ("- {metrcs: [loss]}", "metrcs"), ("- {metrics: [los]}", "loss")],
)
def test_wrong_further_questions_are_one_sentence(run, workspace, tmp_path, text, message):
    (tmp_path / "more.yaml").write_text(text)
    result = CliRunner().invoke(
        build_app(), ["eval", str(run), "--catalog", str(workspace / "catalog"), "--also", str(tmp_path / "more.yaml")]
    )
    assert isinstance(result.exception, SettingsError) and message in str(result.exception)
