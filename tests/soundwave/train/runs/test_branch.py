"""An ablation branches off the stable part of a longer run: the branch is bitwise the whole shorter run."""

import json
import shutil
from functools import partial

import pyarrow.parquet as pq
import pytest

from manifests.errors import MissingFileError, SettingsError
from manifests.runs import read_run
from soundwave.train import setup
from soundwave.train.loop import train
from soundwave.train.settings import StageSettings

TIMES = ("seconds", "cpu_seconds", "wait_seconds", "encode_seconds", "padding")
WSD = {"learning_rate": 3e-3, "schedule": "wsd", "warmup_steps": 2, "decay": 0.4}


def metrics(run):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


@pytest.fixture(scope="module")
def values(stage_values):
    return stage_values("shrinking", steps=10, optimiser=WSD, ema=0.5, model={"dropout": 0.1}, checkpoint_every=3)


@pytest.fixture(scope="module")
def trunk(values, workspace, tmp_path_factory):
    root = tmp_path_factory.mktemp("trunk")
    settings = StageSettings(**values | {"keep_checkpoints": [4, 6]})
    train(settings, plan=workspace / "mixtures" / "mixed", output=root / "trunk")
    return root / "trunk"


def test_the_checkpoints_asked_for_stay(trunk):
    names = sorted(path.name for path in (trunk / "checkpoints").iterdir())
    assert names == ["step-0000004.safetensors", "step-0000006.safetensors"]


def test_a_branch_is_bitwise_the_whole_run(trunk, values, workspace, tmp_path, capsys):
    plan, source = workspace / "mixtures" / "mixed", trunk / "checkpoints" / "step-0000004.safetensors"
    shorter = StageSettings(**values | {"steps": 7})
    train(shorter, plan=plan, output=tmp_path / "whole")
    train(shorter, plan=plan, output=tmp_path / "branch", branch=source)
    assert "resumed after step 4 of 7" in capsys.readouterr().err
    assert metrics(tmp_path / "branch") == metrics(tmp_path / "whole")
    models = [(tmp_path / name / "final" / "adapters.safetensors").read_bytes() for name in ("branch", "whole")]
    assert models[0] == models[1]
    rows = [pq.read_table(tmp_path / name / "ledger.parquet").to_pylist() for name in ("branch", "whole")]
    assert [row | {"run": "whole"} for row in rows[0]] == rows[1]
    assert {row["run"] for row in rows[0]} == {"branch"}
    info = read_run(tmp_path / "branch")
    assert info.branch == str(source) and info.key == read_run(tmp_path / "whole").key
    assert metrics(trunk)[:4] == [row | {"steps": 10} for row in metrics(tmp_path / "branch")[:4]]


def _noted(asked, real, name, *args, **more):
    asked.append(name)
    return real(*args, **more)


def test_a_branch_reads_no_text_again_for_its_vocabulary(trunk, values, workspace, tmp_path, monkeypatch):
    plan, source = workspace / "mixtures" / "mixed", trunk / "checkpoints" / "step-0000004.safetensors"
    asked = []
    for name in ("seen_tokens", "feature_scale"):
        monkeypatch.setattr(setup, name, partial(_noted, asked, getattr(setup, name), name))
    train(StageSettings(**values | {"steps": 7}), plan=plan, output=tmp_path / "branch", branch=source)
    assert asked == []
    copied = tmp_path / "copied"
    shutil.copytree(trunk, copied)
    (copied / "final" / "adapters.safetensors").write_bytes(b"damaged")  # then it reads them, as a run from zero does
    train(StageSettings(**values | {"steps": 7}), plan=plan, output=tmp_path / "other",
          branch=copied / "checkpoints" / source.name)  # fmt: skip
    assert asked
    models = [(tmp_path / name / "final" / "adapters.safetensors").read_bytes() for name in ("branch", "other")]
    assert models[0] == models[1]


@pytest.mark.parametrize(
    ("changes", "step", "message"),
    [
        ({"steps": 7}, 6, "learning rate at step 5"),
        ({"steps": 4}, 4, "has 4 steps"),
        ({"seed": 9}, 4, "differs in seed"),
        ({"optimiser": WSD | {"learning_rate": 1e-3}}, 4, "differs in optimiser"),
        ({"optimiser": WSD | {"warmup_steps": None, "warmup": 0.3}}, 4, "learning rate at step 0"),
    ],
)
def test_a_run_that_would_have_been_another_is_refused(trunk, values, workspace, tmp_path, changes, step, message):
    source = trunk / "checkpoints" / f"step-{step:07d}.safetensors"
    with pytest.raises(SettingsError, match=message):
        settings = StageSettings(**values | changes)
        train(settings, plan=workspace / "mixtures" / "mixed", output=tmp_path / "x", branch=source)
    assert not (tmp_path / "x").exists()


def test_another_plan_or_no_checkpoint_is_refused(trunk, values, workspace, tmp_path):
    settings = StageSettings(**values)
    source = trunk / "checkpoints" / "step-0000004.safetensors"
    with pytest.raises(SettingsError, match="differs in its plan"):
        train(settings, plan=workspace / "mixtures" / "speech", output=tmp_path / "x", branch=source)
    with pytest.raises(MissingFileError, match="keep_checkpoints"):
        train(settings, plan=workspace / "mixtures" / "mixed", output=tmp_path / "x", branch=source.with_name("none"))
    with pytest.raises(SettingsError, match="is no checkpoint"):
        train(settings, plan=workspace / "mixtures" / "mixed", output=tmp_path / "x", branch=trunk / "run.json")
