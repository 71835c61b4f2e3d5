"""The loop: it learns, resumes bitwise wherever it was stopped, reuses what is finished, refuses what is stale."""

import json

import pytest
import torch

from manifests.errors import MissingFileError, SettingsError, StaleError
from manifests.runs import final_model, read_run
from soundwave.model.speech_llm import SpeechLLM
from soundwave.train.loop import train
from soundwave.train.runs import checkpoint
from soundwave.train.settings import StageSettings
from tests.soundwave.train.stopping import Killed, kill_at

TIMES = ("seconds", "cpu_seconds", "wait_seconds", "encode_seconds", "padding")


def metrics(run):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


@pytest.fixture(scope="module")
def trained(workspace, stage_values, tmp_path_factory):
    """An undisturbed stage I and stage II."""
    root = tmp_path_factory.mktemp("runs")
    one = StageSettings(**stage_values("alignment", steps=30, ema=0.5, normalise_features=True))
    train(one, plan=workspace / "mixtures" / "speech", output=root / "one")
    two = StageSettings(**stage_values("shrinking", steps=7, ema=0.5, spec_augment={}, model={"dropout": 0.1}))
    train(two, plan=workspace / "mixtures" / "mixed", output=root / "two", init=root / "one")
    return root, two


def test_stage_one_learns_and_the_run_explains_itself(trained):
    root, _ = trained
    rows = metrics(root / "one")
    assert [row["step"] for row in rows] == list(range(30)) and {row["steps"] for row in rows} == {30}
    assert rows[-1]["loss"] < 0.6 * rows[0]["loss"]
    info = read_run(root / "one")
    assert (info.status, info.stage, info.step, info.parent) == ("done", "alignment", 30, None)
    assert info.seconds > 0 and info.cpu_seconds > 0 and info.settings["seed"] == 3
    for name in ("settings.yaml", "lock.json", "environment.json", "ledger.parquet"):
        assert (root / "one" / name).stat().st_size > 0
    assert list((root / "one" / "checkpoints").glob("*")) == []


def test_the_ledger_has_every_draw_with_its_losses(trained, workspace):
    import pyarrow.parquet as pq

    root, _ = trained
    rows = pq.read_table(root / "two" / "ledger.parquet").to_pylist()
    plan = pq.read_table(workspace / "mixtures" / "mixed" / "plan.parquet").to_pylist()
    steps = max(row["step"] for row in plan) + 1
    expected = [(step, row["cut_id"]) for step in range(7) for row in plan if row["step"] == step % steps]
    assert [(row["step"], row["cut_id"]) for row in rows] == expected
    for row in rows:
        assert row["loss"] > 0
        has_target = row["domain"] in ("asr", "sound") and row["reason"] is None  # a reason: it was refused
        assert (row["ctc_loss"] is not None) == has_target
        assert (row["frames"] is None) == (row["domain"] == "qa")


@pytest.mark.parametrize("stop", [0, 2, 3, 5])
def test_a_killed_run_goes_on_bitwise(trained, workspace, tmp_path, monkeypatch, stop, capsys):
    root, settings = trained
    options = {"plan": workspace / "mixtures" / "mixed", "output": tmp_path / "two", "init": root / "one"}
    often = settings.model_copy(update={"checkpoint_every": 2})
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, stop)
        train(often, **options)
    with (tmp_path / "two" / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 9')  # a line that the dying process did not finish
    train(often, **options)
    assert f"resumed after step {stop // 2 * 2} of 7" in capsys.readouterr().err
    assert metrics(tmp_path / "two") == metrics(root / "two")
    ours, theirs = ((folder / "two" / "final" / "adapters.safetensors").read_bytes() for folder in (tmp_path, root))
    assert ours == theirs


def test_a_torn_checkpoint_is_passed_over(trained, workspace, tmp_path, monkeypatch, capsys):
    root, settings = trained
    options = {"plan": workspace / "mixtures" / "mixed", "output": tmp_path / "two", "init": root / "one"}
    often = settings.model_copy(update={"checkpoint_every": 2})
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, 5)
        train(often, **options)
    newest = checkpoint.found(tmp_path / "two" / "checkpoints")[-1]
    newest.write_bytes(newest.read_bytes()[:1000])
    train(often, **options)
    assert "resumed after step 2 of 7" in capsys.readouterr().err
    assert metrics(tmp_path / "two") == metrics(root / "two")


def test_a_finished_run_is_reused_whatever_is_only_said_of_its_computing(workspace, tmp_path, capsys, stage_values):
    plan = workspace / "mixtures" / "speech"
    settings = StageSettings(**stage_values("alignment", steps=2))
    train(settings, plan=plan, output=tmp_path / "run")
    stamp = (tmp_path / "run" / "final" / "adapters.safetensors").stat().st_mtime_ns
    train(settings.model_copy(update={"checkpoint_every": 1}), plan=plan, output=tmp_path / "run")
    assert "reused" in capsys.readouterr().err
    assert (tmp_path / "run" / "final" / "adapters.safetensors").stat().st_mtime_ns == stamp


def test_only_the_parts_named_learn(trained, workspace, tmp_path, stage_values):
    root, _ = trained
    settings = StageSettings(**stage_values("sft", steps=2, train=["lora"], ctc_weight=0.0))
    train(settings, plan=workspace / "mixtures" / "mixed", output=tmp_path / "three", init=root / "two")
    before = SpeechLLM.from_pretrained(root / "two" / "final").adapter_state()
    after = SpeechLLM.from_pretrained(tmp_path / "three" / "final").adapter_state()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all("lora_" in name for name in changed)


def test_what_cannot_be_trained_is_refused(trained, workspace, tmp_path, stage_values):
    root, settings = trained
    plan = workspace / "mixtures" / "speech"
    with pytest.raises(MissingFileError, match="No such run"):
        train(settings, plan=plan, output=tmp_path / "x", init=tmp_path / "nothing")
    with pytest.raises(MissingFileError, match="No such plan"):
        train(settings, plan=tmp_path, output=tmp_path / "x")
    none = StageSettings(**stage_values(train=["lora"], model={"lora_rank": 0}))
    with pytest.raises(SettingsError, match="nothing to learn"):
        train(none, plan=plan, output=tmp_path / "x")
    other = settings.model_copy(update={"encoder": "somebody/else"})
    with pytest.raises(SettingsError, match="was trained on 'moonshine-tiny-en'"):
        train(other, plan=plan, output=tmp_path / "x", init=root / "one")


def test_an_unfinished_run_is_no_start(trained, workspace, tmp_path, monkeypatch, stage_values):
    plan = workspace / "mixtures" / "speech"
    settings = StageSettings(**stage_values("alignment", steps=3))
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, 1)
        train(settings, plan=plan, output=tmp_path / "one")
    with pytest.raises(StaleError, match="Run the same"):
        final_model(tmp_path / "one")
