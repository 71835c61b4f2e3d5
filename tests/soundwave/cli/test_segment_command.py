"""`soundwave segment`: the embedded default on real prompts, and bad calls."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

from manifests.audio import read_audio
from manifests.errors import InputError
from manifests.files import read_jsonl
from manifests.rows import read_corpus
from soundwave.cli.segment import register


@pytest.fixture
def run():
    app = typer.Typer()
    register(app)
    app.callback()(lambda: None)

    def call(*arguments):
        return CliRunner().invoke(app, ["segment", *map(str, arguments)], catch_exceptions=True)

    return call


@pytest.fixture
def files(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(16000), 16000)
    (tmp_path / "a.txt").write_text("one two")
    return tmp_path / "a.wav", tmp_path / "a.txt", "--output", tmp_path / "out"


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (["--backend", "nobody"], "No aligner is called `nobody`"),
        (["--backend", "pocketsphinx"], "one piece at a time"),
        (["--model", "x"], "no model to choose"),
        (["--refine", "nobody"], "No aligner is called `nobody`"),
        (["--longest", "4"], "twice the shortest"),
        (["--language", "cs"], "does not speak 'cs'"),
    ],
)
def test_bad_calls_are_one_sentence(run, files, options, match):
    error = run(*files, *options).exception
    assert isinstance(error, InputError)
    assert match in str(error)


@pytest.mark.assets
@pytest.mark.parametrize("refine", ["none", "pocketsphinx"])
def test_a_text_that_is_not_the_recordings_is_an_error_and_all_of_it_a_reject(run, tmp_path, asterisk_sounds, refine):
    names = ("agent-incorrect", "conf-getchannel", "demo-nogo")
    soundfile.write(
        tmp_path / "a.wav", np.concatenate([read_audio(asterisk_sounds / f"{n}.g722") for n in names]), 16000
    )
    (tmp_path / "a.txt").write_text(
        "Which element has the atomic number eleven? Who wrote the tragedy of Julius Caesar? "
        "What is the capital of Peru? In which year did the second world war end? Which king was married six times?"
    )
    call = (tmp_path / "a.wav", tmp_path / "a.txt", "--output", tmp_path / "quiz", "--refine", refine)
    done = run(*call)
    assert done.exit_code == 1 and "is not what is said in" in done.stderr
    assert read_corpus(tmp_path / "quiz").cuts == 0
    reasons = [row["reason"] for row in read_jsonl(tmp_path / "quiz" / "rejects.jsonl.gz")]
    assert set(reasons) <= {"low_score", "not_said", "text_missing", "silent"} and reasons
    if refine == "none":
        assert run(*call, "--least-score", "-20").exit_code == 0  # the person says that anything goes


@pytest.mark.assets
def test_it_tells_people_and_programs(run, tmp_path, asterisk_sounds):
    names = {
        "agent-incorrect": "Login incorrect. Please enter your agent number followed by the pound key.",
        "conf-getchannel": "Please enter the channel number followed by the pound key.",
    }
    pause = np.zeros(4000, np.float32)
    clips = [np.concatenate([read_audio(asterisk_sounds / f"{name}.g722"), pause]) for name in names]
    soundfile.write(tmp_path / "a.wav", np.concatenate(clips), 16000)
    (tmp_path / "a.txt").write_text("\n".join(names.values()))
    call = (tmp_path / "a.wav", tmp_path / "a.txt", "--output", tmp_path / "prompts", "--license", "CC-BY-SA-3.0")
    done = run(*call, "--json")
    assert done.exit_code == 0, done.output
    row = json.loads(done.stdout)
    assert (row["words"], row["words_kept"]) == (22, 22)
    assert row["pieces"] == read_corpus(tmp_path / "prompts").cuts == 1
    assert "22 of 22 kept" in run(*call).stdout
