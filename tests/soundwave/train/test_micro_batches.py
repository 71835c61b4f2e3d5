"""A step in several passes is the step in one: the same loss, gradients and ledger."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from soundwave.train.batches.plan_data import PlanData
from soundwave.train.batches.samples import Sample
from soundwave.train.loop import Trainer, train
from soundwave.train.micro_batches import shares, split
from soundwave.train.settings import MicroBatch, StageSettings
from tests.soundwave.train.train_processes import assert_close
from tests.tolerance import llm_rounding

RATE = 40.0

TIMES = ("seconds", "cpu_seconds", "wait_seconds", "encode_seconds", "padding")  # and what passes decide


def sample(frames, answer=3, target=2):
    audio = None if frames is None else np.zeros((frames, 1), np.float32)
    return Sample((0,), audio, None if target is None else [0] * target, [1], [2] * answer)


lists = st.lists(st.one_of(st.none(), st.integers(1, 400)), max_size=12)


@given(lists, st.one_of(st.none(), st.integers(1, 5)), st.one_of(st.none(), st.floats(0.1, 20)))
def test_passes_hold_every_sample_once_within_the_limits(lengths, rows, seconds):
    samples = [sample(length) for length in lengths]
    parts = split(range(len(samples)), samples, MicroBatch(rows=rows, seconds=seconds), RATE)
    assert [number for part in parts for number in part] == list(range(len(samples)))
    for part in parts:
        padded = max((lengths[number] or 0) for number in part) / RATE * len(part)
        assert part and (rows is None or len(part) <= rows)
        assert len(part) == 1 or seconds is None or padded <= seconds


@given(lists, st.integers(1, 4))
def test_the_passes_shares_are_the_step(lengths, rows):
    samples = [sample(length, answer=number % 3, target=number % 4) for number, length in enumerate(lengths)]
    parts = split(range(len(samples)), samples, MicroBatch(rows=rows), RATE)
    answers, targets = (sum(len(getattr(s, name)) for s in samples) for name in ("answer", "target"))
    for part in parts:
        mine = [samples[number] for number in part]
        found = shares(mine, samples)
        assert found[0] == pytest.approx(max(1, sum(len(s.answer) for s in mine)) / max(1, answers))
        assert found[1] == pytest.approx(max(1, sum(len(s.target) for s in mine)) / max(1, targets))
    assert shares(samples, samples) == (1.0, 1.0)


def test_no_limit_is_one_pass_and_nothing_is_none():
    samples = [sample(40), sample(None)]
    assert split([0, 1], samples, None, RATE) == [[0, 1]]
    assert split([], samples, None, RATE) == split([], samples, MicroBatch(rows=1), RATE) == []


@pytest.fixture(scope="module")
def make(workspace, stage_values, tmp_path_factory):
    """A trainer of a stage with nothing by chance in the model, in float64, on the plan with every task in it."""
    data = PlanData(workspace / "mixtures" / "mixed", encoder="moonshine-tiny-en")
    output = tmp_path_factory.mktemp("run")

    def build(stage="shrinking", **changes):
        values = stage_values(stage, **{"model": {"dropout": 0.0}, "precision": "fp64", **changes})
        trainer = Trainer.make(StageSettings(**values), data, None, output)
        trainer.model.train()
        return trainer

    return build


def gradients(trainer, step):
    """A step's losses and gradients, before the update."""
    seen = {}
    trainer.optimiser.step = lambda: None
    row, rows = trainer.step(step)
    row = {name: value for name, value in row.items() if name not in TIMES}
    for parameter, name in trainer.trainable.items():
        seen[name] = None if parameter.grad is None else parameter.grad.clone()
    return row, rows, seen


def assert_same(ours, theirs):
    tolerance = llm_rounding(1)
    assert_close([ours[0], *ours[1]], [theirs[0], *theirs[1]], tolerance)
    assert ours[2].keys() == theirs[2].keys()
    for name, value in ours[2].items():
        other = theirs[2][name]
        assert (value is None) == (other is None), name
        if value is not None:
            assert torch.allclose(value, other, rtol=tolerance, atol=tolerance * float(other.abs().max())), name


@pytest.mark.parametrize("micro", [{"rows": 1}, {"rows": 2}, {"seconds": 4.0}, {"rows": 3, "seconds": 3.0}])
@pytest.mark.parametrize("stage", ["alignment", "shrinking"])
def test_loss_and_gradients_are_those_of_one_pass(make, micro, stage):
    for step in range(2):
        whole, parts = make(stage), make(stage, micro_batch=micro)
        assert_same(gradients(parts, step), gradients(whole, step))


def test_it_really_goes_in_several_passes(make, monkeypatch):
    trainer = make(micro_batch={"rows": 1})
    real, sizes = trainer.model.forward, []
    monkeypatch.setattr(
        trainer.model, "forward", lambda batch, **o: sizes.append(len(batch.prompts)) or real(batch, **o)
    )
    row, _ = trainer.step(0)
    assert sizes == [1] * row["draws"] and len(sizes) > 2


def test_the_curve_of_a_run_does_not_change(workspace, stage_values, tmp_path):
    values = stage_values(
        "shrinking", steps=6, splice={"share": 0.5}, spec_augment={}, model={"dropout": 0.0}, precision="fp64"
    )
    plan = workspace / "mixtures" / "mixed"
    curves, ledgers = [], []
    for name, micro in (("one", None), ("many", {"rows": 2})):
        info = train(StageSettings(**values | {"micro_batch": micro}), plan=plan, output=tmp_path / name)
        curves.append([json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()])
        ledgers.append(pq.read_table(tmp_path / name / "ledger.parquet").drop_columns("run").to_pylist())
    for row in [*curves[0], *curves[1]]:
        for name in TIMES:
            del row[name]
    assert_close(*curves, llm_rounding(6))
    assert_close(*ledgers, llm_rounding(6))
    assert info.status == "done"


def test_how_it_is_computed_does_not_make_another_run(workspace, stage_values, tmp_path, capsys):
    settings = StageSettings(**stage_values("alignment", steps=1))
    for changes in ({}, {"micro_batch": {"rows": 1}}, {"gradient_checkpointing": True}, {"tensorboard": False}):
        other = StageSettings(**{**settings.model_dump(), **changes})
        train(other, plan=workspace / "mixtures" / "speech", output=tmp_path / "run")
        assert ("reused" in capsys.readouterr().err) == bool(changes)


def test_text_that_reaches_nothing_that_learns_is_no_error(make):
    trainer = make(train=["alignment", "ctc_head"])
    text = [draw for draw in trainer.data.draws() if draw.cut.task == "qa"]
    trainer.coming.maker._step = lambda step: text
    row, rows = trainer.step(0)
    assert row["gradient_norm"] == 0 and row["lm_loss"] > 0 and len(rows) == len(text) > 0


def test_gradient_checkpointing_gives_the_same_losses_and_gradients(make):
    plain, saving = make(), make(gradient_checkpointing=True)
    runs = []
    saving.model.llm.model.layers[0].self_attn.register_forward_hook(lambda *_: runs.append(1))
    for step in range(2):
        assert_same(gradients(saving, step), gradients(plain, step))
    assert len(runs) == 4  # each layer runs again on the way back
