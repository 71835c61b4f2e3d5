"""Encoding while training: what is made ahead is the same, and a cut that cannot be read is named or left out."""

import json
import shutil
import threading

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from manifests.errors import BadCutError
from manifests.runs import CHECKPOINTS, WEIGHTS, read_run
from manifests.settings.core_yaml import yaml_text
from soundwave.cli import build_app
from soundwave.train.loop import train
from soundwave.train.settings import StageSettings
from tests.soundwave.train.heard_workspace import make_heard_workspace, sound_of
from tests.soundwave.train.stopping import Killed, kill_at

STEPS = 5
TIMES = ("seconds", "cpu_seconds", "wait_seconds", "encode_seconds")


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    return make_heard_workspace(tmp_path_factory.mktemp("heard"))


@pytest.fixture
def broken(heard, tmp_path):
    """A copy of the sound, and a cut that is drawn in a step between the first and the last."""
    plan = heard / "mixtures" / "mixed"
    rows = [row for row in pq.read_table(plan / "plan.parquet").to_pylist() if row["cut_id"].startswith("tiny-0")]
    first = {}
    for row in rows:
        first.setdefault(row["cut_id"], row["step"])
    cut_id = next(cut_id for cut_id, step in first.items() if 0 < step < STEPS - 1)
    path = sound_of(heard, cut_id)
    shutil.copy(path, tmp_path / "kept.wav")
    yield plan, cut_id, path, first[cut_id]
    shutil.copy(tmp_path / "kept.wav", path)


@pytest.fixture
def values(stage_values):
    changes = {"spec_augment": {}, "checkpoint_every": 1, "tensorboard": False, "splice": {"share": 0.5}}
    return stage_values("shrinking", steps=STEPS, model={"dropout": 0.1, "ctc_vocabulary": "full"}, **changes)


def rows_of(run):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert all(row["encode_seconds"] > 0 and row["wait_seconds"] >= 0 and 0 <= row["padding"] < 1 for row in rows)
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


def decoding():
    return [thread for thread in threading.enumerate() if thread.name.startswith(("decode", "look-ahead"))]


def test_steps_made_ahead_are_the_steps_wherever_it_is_stopped(heard, values, tmp_path, monkeypatch):
    plan = heard / "mixtures" / "mixed"
    train(StageSettings(**values | {"ahead": 0}), plan=plan, output=tmp_path / "plain")
    expected = rows_of(tmp_path / "plain")
    weights = (tmp_path / "plain" / "final" / WEIGHTS).read_bytes()
    assert len({row["loss"] for row in expected}) == STEPS
    for number, at in enumerate((1, 3, None)):
        run = tmp_path / f"ahead-{number}"
        settings = StageSettings(**values | {"ahead": number + 1})
        if at is not None:
            with monkeypatch.context() as patch, pytest.raises(Killed):
                kill_at(patch, at)
                train(settings, plan=plan, output=run)
            assert decoding() == []  # nothing goes on when the loop has ended
        train(settings, plan=plan, output=run)
        assert rows_of(run) == expected and (run / "final" / WEIGHTS).read_bytes() == weights
    assert decoding() == []


@pytest.mark.parametrize("fault", ["gone", "cut off", "no audio"])
def test_a_cut_that_cannot_be_read_stops_the_run_and_is_named(broken, values, tmp_path, fault):
    plan, cut_id, path, step = broken
    spoil(path, fault)
    with pytest.raises(BadCutError, match=rf"Step {step}: cut '{cut_id}'.*{path.name}") as caught:
        train(StageSettings(**values), plan=plan, output=tmp_path / "run")
    assert f"step-{step:07d}.safetensors stays" in str(caught.value) and caught.value.cut_id == cut_id
    assert read_run(tmp_path / "run").step == step and decoding() == []
    assert [path.name for path in (tmp_path / "run" / CHECKPOINTS).iterdir()][-1:] != []


def spoil(path, fault):
    if fault == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:2000] if fault == "cut off" else b"no sound" * 100)


def test_it_is_left_out_and_the_ledger_says_why(broken, values, tmp_path):
    """Through the command; the steps before it are those of a run that had the sound."""
    plan, cut_id, path, step = broken
    train(StageSettings(**values), plan=plan, output=tmp_path / "whole")
    path.unlink()
    (tmp_path / "stage.yaml").write_text(yaml_text(StageSettings(**values).model_dump(mode="json")))
    command = ["train", str(tmp_path / "stage.yaml"), "--plan", str(plan), "--output", str(tmp_path / "run")]
    stopped = CliRunner().invoke(build_app(), command)
    assert isinstance(stopped.exception, BadCutError) and "--on-bad-cut skip" in str(stopped.exception)
    done = CliRunner().invoke(build_app(), [*command, "--on-bad-cut", "skip"])
    assert done.exit_code == 0, done.output
    assert f"left out {cut_id} (asr)" in done.stderr and "draws were left out" in done.stdout
    ledger = pq.read_table(tmp_path / "run" / "ledger.parquet").to_pylist()
    planned = [row for row in pq.read_table(plan / "plan.parquet").to_pylist() if row["step"] < STEPS]
    assert [row["cut_id"] for row in ledger] == [row["cut_id"] for row in planned]
    out = [row for row in ledger if row["cut_id"] == cut_id]
    assert (
        out and {row["reason"] for row in out} == {"audio_missing"} and all(path.name in row["detail"] for row in out)
    )
    assert all(row["loss"] is None and row["frames"] is None for row in out)
    assert all(row["loss"] is not None for row in ledger if row["cut_id"] != cut_id)
    assert read_run(tmp_path / "run").bad == len(out)
    whole, rows = rows_of(tmp_path / "whole"), rows_of(tmp_path / "run")
    assert rows[:step] == whole[:step] and rows[step]["bad"] == 1 and rows[step]["loss"] != whole[step]["loss"]
