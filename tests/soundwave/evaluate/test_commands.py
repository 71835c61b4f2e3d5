"""The commands train, eval and infer, from the command line's side."""

import json

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from manifests.errors import AudioError, MissingFileError, SettingsError
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
