"""`soundwave infer` and `soundwave chat` as they are typed and piped."""

import json
import shutil

import numpy as np
import pytest
import soundfile
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


STEERS = "\x1b[2J\r\x9b31m\u202e"
SHOWN = r"\x1b[2J\r\x9b31m\u202e"


@pytest.fixture
def evil(workspace, stage_values, tiny_llm, tmp_path):
    """A run whose LLM has since got a tokenizer that makes of every token what steers a terminal."""
    llm = shutil.copytree(tiny_llm, tmp_path / "llm")
    settings = StageSettings(**stage_values(steps=1, model={"llm": str(llm)}))
    train(settings, plan=workspace / "mixtures" / "speech", output=tmp_path / "evil")
    about = json.loads((llm / "tokenizer.json").read_text())
    worse = {"type": "Replace", "pattern": {"Regex": r"[\s\S]+"}, "content": STEERS}
    about["decoder"] = {"type": "Sequence", "decoders": [about["decoder"], worse]}
    (llm / "tokenizer.json").write_text(json.dumps(about))
    about = json.loads((llm / "tokenizer_config.json").read_text())  # its answers go on to their longest
    (llm / "tokenizer_config.json").write_text(json.dumps(about | {"eos_token": "<|endoftext|>"}))
    return tmp_path / "evil"


def test_what_a_model_writes_cannot_steer_the_terminal(evil, files, tmp_path):
    named = shutil.copy(files[0], tmp_path / "a\x1b[31m.wav")
    ask_evil = ("infer", evil, named, "--prompt", "what", "--longest", 1, "--max-new-tokens", 3)
    row = json.loads(ask(*ask_evil, "--json").stdout)[0]
    assert STEERS in row["answer"] and row["file"] == str(named)  # programs get it as it is
    plain, streamed = ask(*ask_evil), ask(*ask_evil, "--stream")
    alone = ask("infer", evil, "--prompt", "a", "--max-new-tokens", 3)
    talked = ask("chat", evil, "--max-new-tokens", 3, stdin="what to press\n")
    for found in (plain, streamed, alone, talked):
        assert SHOWN in found.stdout
        assert not set(STEERS) & {"\x1b", "\x9b", "\r", "\u202e"} & set(found.stdout + found.stderr)
    assert r"a\x1b[31m.wav" in plain.stdout and r"a\x1b[31m.wav" in streamed.stdout
    assert r"a\x1b[31m.wav: 1.2 s, heard in 2 pieces" in plain.stderr
    missing = CliRunner().invoke(build_app(), ["infer", str(evil), str(named), "\x1b[31m.wav"])
    assert r"No such audio file: \x1b[31m.wav" in missing.stderr and missing.exit_code == 1


def told(*words):
    return CliRunner().invoke(build_app(), ["infer", *map(str, words)])


@pytest.fixture
def folder(files, tmp_path):
    """Two sounds, one of them in a folder of the folder, among other files."""
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    shutil.copy(files[0], folder / "b.wav")
    shutil.copy(files[1], folder / "inner" / "sound without an ending")
    (folder / "a.txt").write_text("no sound")
    (folder / ".hidden.wav").write_text("no sound")
    return folder


def test_a_folder_is_heard_whole(run, folder):
    found = told(run, folder, "--json", "--beams", 1)
    assert found.exit_code == 0, found.output
    rows = json.loads(found.stdout)
    assert [row["file"] for row in rows] == [str(folder / "b.wav"), str(folder / "inner" / "sound without an ending")]
    assert [row["error"] for row in rows] == [None, None] and rows[1]["seconds"] == 4.0
    assert f"skipped, since they are no audio: 1 files ({folder / 'a.txt'})" in found.stderr
    alone = json.loads(told(run, folder / "b.wav", "--json", "--beams", 1).stdout)
    assert alone == rows[:1]


@pytest.mark.parametrize("stream", [(), ("--stream",)])
def test_bad_files_among_many_are_said_and_the_others_go_on(run, files, folder, tmp_path, stream):
    (folder / "c.flac").write_bytes(b"fLaC" + bytes(40))
    (folder / "d.wav").write_bytes(b"")
    found = told(run, tmp_path / "none.wav", folder, files[1], *stream)
    assert found.exit_code == 1, found.output
    assert str(folder / "b.wav") in found.stdout and str(files[1]) in found.stdout
    for said in ("No such audio file", "c.flac", "d.wav is empty", "3 of 6 files could not be heard"):
        assert said in found.stderr
    assert "Traceback" not in found.output


def test_json_has_a_row_for_each_bad_file(run, files, tmp_path):
    soundfile.write(tmp_path / "none.wav", np.zeros(0, np.float32), 16000)
    soundfile.write(tmp_path / "one.wav", np.zeros(1, np.float32), 16000)
    noise = np.random.default_rng(0).normal(size=(16000, 2)) / 8
    soundfile.write(tmp_path / "stereo.wav", noise, 16000)
    given = [tmp_path / "none.wav", files[0], tmp_path / "one.wav", tmp_path / "stereo.wav", tmp_path / "text.wav"]
    (tmp_path / "text.wav").write_text("no sound")
    found = told(run, *given, "--json")
    rows = json.loads(found.stdout)
    assert found.exit_code == 1 and [row["file"] for row in rows] == [str(path) for path in given]
    assert [row["error"] is None for row in rows] == [False, True, True, False, False]
    assert "--channels" in rows[3]["error"] or "channels" in rows[3]["error"]


def test_folders_without_sound(run, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no files"):
        ask("infer", run, tmp_path / "empty")
    (tmp_path / "empty" / "a.txt").write_text("x")
    with pytest.raises(InputError, match="no audio in what was named"):
        ask("infer", run, tmp_path / "empty")


def test_a_recording_too_long_for_the_question_is_its_own_error(run, files, monkeypatch):
    from soundwave.infer.listener import Listener

    check = Listener.check_room
    long = {str(files[1])}

    def narrow(self, question, answer):
        if question.frames and len(question.frames[0]) > 100 and long:
            raise InputError("The conversation is too long.")
        check(self, question, answer)

    monkeypatch.setattr(Listener, "check_room", narrow)
    rows = json.loads(told(run, *files, "--prompt", "what?", "--max-new-tokens", 2, "--json").stdout)
    assert rows[1]["error"] == "The conversation is too long." and rows[1]["ctc"] is not None
    assert rows[0]["error"] is None and isinstance(rows[0]["answer"], str)


@pytest.mark.parametrize("longest", ["0", "-1", "0.5"])
def test_pieces_have_a_length(run, files, longest):
    for command in (("infer", run, *files), ("chat", run)):
        found = CliRunner().invoke(build_app(), [*map(str, command), f"--longest={longest}"], input="/quit\n")
        assert isinstance(found.exception, InputError) and "expected 1 s or more" in str(found.exception)


def test_samples_without_a_header_are_no_audio(run, files, tmp_path):
    (tmp_path / "x.raw").write_bytes(bytes(range(256)) * 20)
    with pytest.raises(AudioError, match="does not decode"):
        ask("infer", run, tmp_path / "x.raw")
