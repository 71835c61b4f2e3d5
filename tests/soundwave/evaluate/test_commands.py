"""The commands train, eval and infer, from the command line's side."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from curation.catalog.folds import Folds, fold_splits
from manifests.errors import AudioError, InputError, MissingFileError, SettingsError
from soundwave.cli import build_app


@pytest.fixture(scope="module")
def app():
    return build_app()


def ask(app, *words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def run(app, workspace, stage_values, tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands")
    (folder / "stage.yaml").write_text(yaml.safe_dump(stage_values()))
    plan = workspace / "mixtures" / "speech"
    told = ask(app, "train", folder / "stage.yaml", "--plan", plan, "--output", folder / "run", "--steps", 2, "--json")
    info = json.loads(told)
    assert (info["status"], info["steps"]) == ("done", 2)
    return folder / "run"


def test_eval_tells_people_and_programs(app, run, workspace):
    words = ("eval", run, "--catalog", workspace / "catalog", "--corpus", "tiny", "--split", "test")
    found = json.loads(ask(app, *words, "--decode", "ctc", "--json"))
    assert found["clips"] == 2 and "llm_wer" not in found
    assert "2 clips of tiny, test" in ask(app, *words)


def test_infer_hears_a_file(app, run, tmp_path, monkeypatch):
    import soundfile

    from curation import encoders

    class Fake:
        def encode(self, clips):
            return [np.ones((len(clip) // 400, 12), np.float32) for clip in clips]

    monkeypatch.setattr(encoders, "load_encoder", lambda name: Fake())
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(8000), 16000)
    rows = json.loads(ask(app, "infer", run, path, path, "--json"))
    assert [row["seconds"] for row in rows] == [0.5, 0.5] and rows[0]["answer"] == rows[1]["answer"]
    assert "LLM:" in ask(app, "infer", run, path, "--prompt", "What is this?")


def test_wrong_use_is_one_sentence(app, run, workspace, tmp_path):
    with pytest.raises(MissingFileError, match="No such stage"):
        ask(app, "train", "alinement", "--plan", tmp_path, "--output", tmp_path / "x")
    (tmp_path / "bad.yaml").write_text("stag: alignment\n")
    with pytest.raises(SettingsError, match="unknown key `stag`"):
        ask(app, "train", tmp_path / "bad.yaml", "--plan", tmp_path, "--output", tmp_path / "x")
    with pytest.raises(MissingFileError, match="No such run"):
        ask(app, "eval", tmp_path, "--catalog", workspace / "catalog")
    with pytest.raises(AudioError, match="No such audio file"):
        ask(app, "infer", run, tmp_path / "none.wav")


def test_a_run_with_folds_is_measured_on_the_fold_that_it_never_saw(app, workspace, stage_values, tmp_path):
    folds = {"corpus": "tiny", "number": 2, "links": ["recording"]}
    halves = [fold_splits(workspace / "catalog", Folds(**folds, fold=fold)).splits for fold in range(2)]
    folds["fold"] = (
        0 if halves[1]["tiny-07"] == "test" else 1
    )  # so that it trains on a clip of the catalog's test split
    mixture = {"stage": "shrinking", "shares": {"asr": 1}, "unit": "samples", "epochs": 1, "batch": {"seconds": 8}}
    mixture |= {"query": "SELECT cut_id, task AS domain FROM cuts WHERE split = 'train' AND task = 'asr'"}
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(mixture | {"folds": folds}))
    catalog = ("--catalog", workspace / "catalog")
    ask(app, "mix", "plan", tmp_path / "m.yaml", *catalog, "--output", tmp_path / "plan")
    (tmp_path / "stage.yaml").write_text(yaml.safe_dump(stage_values(steps=None)))
    ask(app, "train", tmp_path / "stage.yaml", "--plan", tmp_path / "plan", "--output", tmp_path / "run")
    words = ("eval", tmp_path / "run", *catalog, "--corpus", "tiny", "--split", "test", "--decode", "ctc")
    own = json.loads(ask(app, *words, "--own-fold", "--json", "--clips", tmp_path / "clips.parquet"))
    assert own["folds"] == folds | {"seed": 0}
    measured = set(pq.read_table(tmp_path / "clips.parquet")["item"].to_pylist())
    assert len(measured) == own["clips"] > 0 and {halves[folds["fold"]][cut] for cut in measured} == {"test"}
    drawn = set(pq.read_table(tmp_path / "plan" / "plan.parquet")["cut_id"].to_pylist())
    assert drawn.isdisjoint(measured)
    said = json.loads(ask(app, *words, "--set", f"folds={json.dumps(folds)}", "--json"))
    assert said["key"] == own["key"]
    with pytest.raises(InputError, match=r"was trained on \d+ of the rows .* of tiny is what it held out"):
        ask(app, *words)
    with pytest.raises(InputError, match="was trained on"):
        ask(app, *words, "--set", f"folds={json.dumps(folds | {'fold': 1 - folds['fold']})}")
    ask(app, *words, "--split", "train")  # that is what it says
    with pytest.raises(SettingsError, match="one of the two"):
        ask(app, *words, "--own-fold", "--set", f"folds={json.dumps(folds)}")
    with pytest.raises(SettingsError, match="need the `fold`"):
        ask(app, *words, "--set", "folds={corpus: tiny, number: 2}")


def test_a_run_without_folds_has_no_fold_of_its_own(app, run, workspace):
    with pytest.raises(InputError, match="was trained without folds"):
        ask(app, "eval", run, "--catalog", workspace / "catalog", "--corpus", "tiny", "--own-fold")
