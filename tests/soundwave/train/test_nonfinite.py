"""A loss or gradient that is not finite stops a run before the optimiser's step, or its batch is dropped."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from manifests.errors import NonFiniteError
from manifests.runs import CHECKPOINTS, LEDGER, METRICS, WEIGHTS, final_model, read_run
from soundwave.train.batches.plan_data import CutStore, PlanData
from soundwave.train.loop import Trainer, train
from soundwave.train.nonfinite import bad_gradient, is_finite, watch
from soundwave.train.runs import checkpoint
from soundwave.train.settings import StageSettings
from tests.soundwave.conftest import make_workspace
from tests.soundwave.train.stopping import Killed, kill_at
from tests.soundwave.train.train_processes import launch

TIMES = ("seconds", "cpu_seconds", "wait_seconds", "encode_seconds", "padding")
CUT, STEPS = "tiny-02", 6


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory):
    """The workspace with one NaN in the stored frames of CUT."""
    root = make_workspace(tmp_path_factory.mktemp("poisoned"))
    cut = CutStore(root / "catalog", [CUT], encoder="moonshine-tiny-en").cuts[CUT]
    for stored in cut.features.values():
        matrix = np.load(stored.path)
        matrix[stored.offset + 3, 5] = np.nan
        np.save(stored.path, matrix)
    return root


@pytest.fixture(scope="module")
def plan(poisoned):
    return poisoned / "mixtures" / "speech"


@pytest.fixture(scope="module")
def bad(plan):
    """The steps that have CUT, the first of them not the first of the plan."""
    rows = pq.read_table(plan / "plan.parquet").to_pylist()
    planned = max(row["step"] for row in rows) + 1
    steps = [step for step in range(STEPS) for row in rows if row["step"] == step % planned and row["cut_id"] == CUT]
    steps = list(dict.fromkeys(steps))
    assert steps and steps[0] > 0 and len(steps) < STEPS
    return steps


@pytest.fixture(scope="module")
def values(stage_values):
    changes = {"ema": 0.5, "normalise_features": True, "checkpoint_every": 1, "model": {"dropout": 0.1}}
    return stage_values("alignment", steps=STEPS, micro_batch={"rows": 1}, **changes)


def rows_of(run):
    rows = [json.loads(line) for line in (run / METRICS).read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


def test_one_nan_in_the_frames_stops_the_run_before_it_does_harm(values, plan, bad, tmp_path):
    with pytest.raises(NonFiniteError) as raised:
        train(StageSettings(**values), plan=plan, output=tmp_path / "run")
    said = str(raised.value)
    assert f"Step {bad[0]}: the loss is nan. The optimiser's step was not taken." in said
    assert f"Encoder frames that are not finite, before the model sees them: {CUT}." in said
    assert "First module whose output is not finite: alignment." in said
    assert f"Cuts of that pass: {CUT}." in said
    assert f"checkpoint step-{bad[0]:07d}.safetensors stays" in said
    assert "on_nonfinite: skip" in said
    last = checkpoint.load_last(tmp_path / "run" / CHECKPOINTS)
    assert last.step == bad[0]
    assert all(value.isfinite().all() for value in [*last.weights.values(), *last.average.values()])
    assert [row["step"] for row in rows_of(tmp_path / "run")] == list(range(bad[0]))
    assert read_run(tmp_path / "run").status == "running"


@pytest.fixture(scope="module")
def skipped(values, plan, tmp_path_factory):
    """A whole run that drops such batches."""
    folder = tmp_path_factory.mktemp("skipped") / "run"
    train(StageSettings(**values, on_nonfinite="skip"), plan=plan, output=folder)
    return folder


def test_dropped_batches_are_counted_and_leave_no_trace_in_the_model(skipped, bad):
    info = read_run(skipped)
    assert (info.status, info.skipped) == ("done", len(bad))
    rows = rows_of(skipped)
    assert [row["step"] for row in rows] == list(range(STEPS))
    assert [row["step"] for row in rows if row.get("skipped")] == bad
    assert all((row["loss"] is None) == (row["step"] in bad) for row in rows)
    assert not {row["step"] for row in pq.read_table(skipped / LEDGER).to_pylist()} & set(bad)


def test_a_stopped_run_goes_on_with_skip_as_if_it_had_begun_with_it(values, plan, skipped, tmp_path):
    output = tmp_path / "run"
    with pytest.raises(NonFiniteError):
        train(StageSettings(**values), plan=plan, output=output)
    train(StageSettings(**values, on_nonfinite="skip"), plan=plan, output=output)
    assert rows_of(output) == rows_of(skipped)
    assert read_run(output).skipped == read_run(skipped).skipped
    ours, theirs = ((final_model(run) / WEIGHTS).read_bytes() for run in (output, skipped))
    assert ours == theirs


def test_a_run_killed_after_a_dropped_batch_goes_on_bitwise(values, plan, bad, skipped, tmp_path):
    settings = StageSettings(**values | {"checkpoint_every": 2}, on_nonfinite="skip")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, bad[0] + 1)
        train(settings, plan=plan, output=tmp_path / "run")
    train(settings, plan=plan, output=tmp_path / "run")
    assert rows_of(tmp_path / "run") == rows_of(skipped)
    assert read_run(tmp_path / "run").skipped == len(bad)
    ours, theirs = ((final_model(run) / WEIGHTS).read_bytes() for run in (tmp_path / "run", skipped))
    assert ours == theirs


def test_the_limit_ends_a_run_that_drops_too_many(values, plan, bad, tmp_path):
    settings = StageSettings(**values, on_nonfinite="skip", nonfinite_limit=len(bad) - 1)
    with pytest.raises(NonFiniteError, match=rf"Step {bad[-1]}: (.|\n)*nonfinite_limit is {len(bad) - 1}"):
        train(settings, plan=plan, output=tmp_path / "run")


def test_a_gradient_that_is_not_finite_stops_the_run_too(stage_values, workspace, tmp_path):
    values = stage_values("alignment", steps=2)
    trainer = Trainer.make(
        StageSettings(**values),
        PlanData(workspace / "mixtures" / "speech", encoder="moonshine-tiny-en"),
        None,
        tmp_path,
    )
    poisoned, name = list(trainer.trainable.items())[-1]
    poisoned.register_hook(lambda gradient: gradient * torch.inf)
    before = [value.detach().clone() for value in trainer.trainable]
    with pytest.raises(NonFiniteError) as raised:
        trainer.step(0)
    assert "Step 0: the gradient is not finite." in str(raised.value)
    assert f"Every module's output is finite; not finite is the gradient of {name}." in str(raised.value)
    assert "Cuts: tiny-" in str(raised.value)
    assert all(torch.equal(one, two) for one, two in zip(before, trainer.trainable, strict=True))
    assert bad_gradient(trainer.trainable) == name


@pytest.mark.parametrize("sharded", [{}, {"shard_llm": True, "gradient_checkpointing": True}])
def test_two_processes_stop_together_and_skip_together(stage_values, poisoned, tmp_path, sharded):
    values = stage_values("shrinking", steps=4, micro_batch={"rows": 1}, model={"dropout": 0.0}, **sharded)
    plan = poisoned / "mixtures" / "speech"
    job = {"settings": values, "plan": plan, "output": tmp_path / "stopped"}
    assert launch([job], 2, tmp_path / "first") == [1, 1]
    logs = [(tmp_path / "first" / f"log-{rank}.txt").read_text() for rank in range(2)]
    said = [log[log.index("NonFiniteError: Step") :] for log in logs]
    assert said[0].splitlines()[:4] == said[1].splitlines()[:4]
    assert f"before the model sees them: {CUT}." in said[0]
    job = {"settings": values | {"on_nonfinite": "skip"}, "plan": plan, "output": tmp_path / "skipped"}
    assert launch([job], 2, tmp_path / "second") == [0, 0]
    train(StageSettings(**job["settings"]), plan=plan, output=tmp_path / "alone")
    dropped = [[row["step"] for row in rows_of(tmp_path / name) if row.get("skipped")] for name in ("skipped", "alone")]
    assert dropped[0] == dropped[1] != []


def test_the_first_module_to_end_with_a_bad_output_is_named():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()))
    torch.nn.init.constant_(model[1][0].bias, torch.nan)
    with watch(model) as watched:
        model(torch.ones(1, 2))
    assert watched.module == "1.0"
    assert not model[1][0]._forward_hooks


@pytest.mark.parametrize("value", [torch.tensor([1.0, torch.inf]), (1, {"a": [torch.tensor(torch.nan)]})])
def test_outputs_are_looked_through_whatever_holds_them(value):
    assert not is_finite(value)
    assert is_finite((torch.tensor([1]), {"a": [torch.tensor(1.0), None, "x"]}))
