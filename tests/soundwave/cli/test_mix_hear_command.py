"""`soundwave mix hear`: a draw as training hears it."""

import json

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from manifests.errors import InputError
from soundwave.cli import build_app
from soundwave.train.batches.plan_data import PlanData
from tests.soundwave.conftest import make_workspace

RATE = 16000
AUDIO = ("--set", "sandwich={share: 1.0, length: [1.0, 1.0], gap: [0.0, 0.0]}")


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """The mixed plan of a workspace whose cuts have audio files."""
    root = make_workspace(tmp_path_factory.mktemp("audible"))
    rng = np.random.default_rng(0)
    for number in range(24):
        noise = rng.normal(0, 0.05, RATE * 3).astype(np.float32)
        soundfile.write(root / "corpora" / "tiny" / f"tiny-{number:02d}.wav", noise, RATE)
    return root / "mixtures" / "mixed"


def run(*args):
    """Exit code and what was printed."""
    done = CliRunner().invoke(build_app(), ["mix", "hear", *map(str, args)])
    if isinstance(done.exception, InputError):
        return 2, str(done.exception)
    if done.exception is not None:
        raise done.exception
    return done.exit_code, done.output


def heard(*args):
    code, printed = run(*args, "--json")
    assert code == 0, printed
    return json.loads(printed)


def test_a_sandwich_can_be_heard_with_its_target(plan, tmp_path):
    found = heard(plan, "--joined", "--output", tmp_path / "a.wav", *AUDIO)
    assert found["task"] == "sandwich" and len(found["cut_ids"]) == 2
    before, sound, after = found["stretches"]
    assert sound["text"] == "<dog_barking>" and sound["end"] - sound["start"] == pytest.approx(1.0)
    assert found["target"] == f"{before['text']} <dog_barking> {after['text']}" == found["answer"]
    samples, rate = soundfile.read(tmp_path / "a.wav")
    assert rate == RATE and len(samples) == pytest.approx(after["end"] * RATE, abs=2)
    row = next(n for n, draw in enumerate(PlanData(plan, encoder="moonshine-tiny-en").draws())
               if draw.cut.cut_id in found["cut_ids"])  # fmt: skip
    again = heard(plan, "--row", row, "--output", tmp_path / "b.wav", *AUDIO)
    assert again == found | {"row": again["row"]} and again["row"] == row <= found["row"]
    assert np.array_equal(soundfile.read(tmp_path / "b.wav")[0], samples)


def test_rows_alone_are_as_they_are(plan, tmp_path):
    draws = list(PlanData(plan, encoder="moonshine-tiny-en").draws())
    for task in ("asr", "st", "qa"):
        row = next(n for n, draw in enumerate(draws) if draw.cut.task == task)
        found, cut = heard(plan, "--row", row), draws[row].cut
        assert (found["row"], found["task"], found["cut_ids"]) == (row, task, [cut.cut_id])
        assert found["answer"] == (cut.target_text or cut.text)
        assert [one["end"] for one in found["stretches"]] == ([cut.duration] if cut.has_audio else [])
    code, said = run(plan, "--row", row, "--output", tmp_path / "text.wav")
    assert code == 2 and "text alone" in said and not list(tmp_path.iterdir())


def test_a_stage_without_the_llm_has_no_answer(plan):
    assert heard(plan, "--stage", "alignment")["answer"] is None
    assert "the LLM is to answer: nothing" in run(plan, "--stage", "alignment")[1]


def test_what_cannot_be_heard_is_said(plan, tmp_path):
    for said, args in {
        "has 24 rows, numbered from 0, and no row 24": ("--row", 24),
        "from 23 on is joined": ("--row", 23, "--joined", *AUDIO),
        "`frames`), which nobody can hear": ("--joined", "--set", "sandwich={share: 1.0, joined: frames}"),
        "expected one of .wav, .flac, .ogg": ("--output", tmp_path / "a.mp4"),
    }.items():
        code, found = run(plan, *args)
        assert code == 2 and said in found
    assert not list(tmp_path.iterdir())
    (tmp_path / "mine.wav").write_bytes(b"kept")
    assert run(plan, "--output", tmp_path / "mine.wav")[0] == 2 and (tmp_path / "mine.wav").read_bytes() == b"kept"
    assert run(plan, "--output", tmp_path / "mine.wav", "--force")[0] == 0
