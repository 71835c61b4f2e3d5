"""`soundwave infer` and `soundwave chat` as they are typed and piped."""

import json

import pytest
from typer.testing import CliRunner

from curation import encoders
from manifests.errors import AudioError, InputError
from soundwave.cli import build_app
from soundwave.train.loop import train
from soundwave.train.settings import StageSettings
from tests.soundwave.infer.infer_fixtures import FakeEncoder, write_noise


@pytest.fixture(scope="module")
def run(workspace, stage_values, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "two"
    train(StageSettings(**stage_values(steps=2)), plan=workspace / "mixtures" / "speech", output=folder)
    return folder


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setattr(encoders, "load_encoder", lambda name: FakeEncoder())
    return [write_noise(tmp_path / "a.wav", 1.2), write_noise(tmp_path / "b.wav", 4.0, seed=1)]


def ask(*words, stdin=None):
    result = CliRunner().invoke(build_app(), [str(word) for word in words], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def test_people_read_what_programs_read(run, files):
    rows = json.loads(ask("infer", run, *files, "--longest", 2, "--beams", 1, "--json").stdout)
    assert [row["pieces"] for row in rows] == [1, 3]
    told = ask("infer", run, *files, "--longest", 2, "--stream")
    assert "heard in 3 pieces" in told.stderr
    for row in rows:
        assert f"{row['file']} ({row['seconds']} s)\n  CTC: {row['ctc']}\n  LLM: {row['answer']}\n" in told.stdout


def test_a_prompt_without_files(run):
    words = ("infer", run, "--prompt", "what to press", "--max-new-tokens", 5)
    answer = json.loads(ask(*words, "--json").stdout)[0]["answer"]
    assert ask(*words).stdout == f"{answer}\n" == ask(*words, "--stream").stdout


def test_wrong_use_of_infer(run, files, tmp_path):
    with pytest.raises(InputError, match="leave out --json and --beams"):
        ask("infer", run, *files, "--stream", "--json")
    with pytest.raises(InputError, match="name audio files"):
        ask("infer", run)
    with pytest.raises(InputError, match="expected 1 s or more"):
        ask("infer", run, *files, "--longest", 0.1)
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(AudioError, match="does not decode"):
        ask("infer", run, tmp_path / "text.wav")


def test_chat_through_a_pipe(run, files):
    lines = f"what to press\n/audio {files[0]}\nand here?\n/reset\nwhat to press\n/quit\n"
    told = ask("chat", run, "--max-new-tokens", 4, stdin=lines)
    answers = told.stdout.split("\n")
    assert len(answers) == 4 and answers[0] == answers[2]
    assert "1.2 s, goes with the next message" in told.stderr and "> " not in told.stdout


def test_chat_stops_at_a_bad_line(run):
    with pytest.raises(AudioError, match="No such audio file"):
        ask("chat", run, stdin="/audio none.wav\nwhat is this?\n")
