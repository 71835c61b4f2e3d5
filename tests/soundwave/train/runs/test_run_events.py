"""Metrics as TensorBoard events: where it is installed, without a trace where it is not."""

import builtins
import sys
from types import ModuleType
from typing import ClassVar

import pytest

from soundwave.train.loop import Trainer, train
from soundwave.train.runs.journal import add_scalars, events
from soundwave.train.settings import StageSettings

NAME = "torch.utils.tensorboard"


class Recorder:
    """Stands in for TensorBoard's writer."""

    made: ClassVar[list] = []

    def __init__(self, folder, purge_step):
        self.folder, self.purge_step, self.scalars, self.closed = folder, purge_step, [], False
        Recorder.made.append(self)

    def add_scalar(self, name, value, step):
        self.scalars.append((name, value, step))

    def close(self):
        self.closed = True


@pytest.fixture
def recorder(monkeypatch):
    module = ModuleType(NAME)
    module.SummaryWriter = Recorder
    monkeypatch.setitem(sys.modules, NAME, module)
    monkeypatch.setattr(Recorder, "made", [])
    return Recorder


@pytest.fixture
def missing(monkeypatch):
    real = builtins.__import__

    def refusing(name, *rest, **options):
        if name == NAME:
            raise ModuleNotFoundError("No module named 'tensorboard'")
        return real(name, *rest, **options)

    monkeypatch.delitem(sys.modules, NAME, raising=False)
    monkeypatch.setattr(builtins, "__import__", refusing)


@pytest.fixture
def settings(stage_values):
    return StageSettings(**stage_values("alignment", steps=4, checkpoint_every=2))


def test_a_run_writes_its_metrics_and_purges_when_it_resumes(recorder, settings, workspace, tmp_path, monkeypatch):
    options = {"plan": workspace / "mixtures" / "speech", "output": tmp_path / "run"}
    real = Trainer.step
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(
            Trainer, "step", lambda self, n: (_ for _ in ()).throw(KeyboardInterrupt) if n == 3 else real(self, n)
        )
        train(settings, **options)
    train(settings, **options)
    first, second = recorder.made
    assert first.folder == second.folder == str(tmp_path / "run" / "tensorboard")
    assert (first.purge_step, second.purge_step) == (0, 2) and first.closed and second.closed
    assert [step for name, _, step in first.scalars if name == "loss"] == [0, 1, 2]
    assert [step for name, _, step in second.scalars if name == "loss"] == [2, 3]
    names = {name for name, _, _ in second.scalars}
    assert {"ctc_loss", "learning_rate", "gradient_norm"} <= names and not {"step", "steps", "lm_loss"} & names


def test_without_the_package_or_the_wish_nothing_is_written(missing, settings, workspace, tmp_path, capsys):
    train(settings, plan=workspace / "mixtures" / "speech", output=tmp_path / "run")
    assert not (tmp_path / "run" / "tensorboard").exists()
    assert "ensor" not in capsys.readouterr().err.replace("safetensors", "")


def test_not_wanted_is_not_even_looked_for(recorder, tmp_path):
    with events(tmp_path, before=0, wanted=False) as writer:
        assert writer is None
    assert recorder.made == []


def test_tensorboard_reads_what_was_written(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for before, steps, loss in ((0, range(3), 2.0), (2, range(2, 4), 1.0)):
        with events(tmp_path, before=before) as writer:
            for step in steps:
                add_scalars(writer, {"step": step, "steps": 4, "loss": loss, "lm_loss": None})
    found = EventAccumulator(str(tmp_path))
    found.Reload()
    assert found.Tags()["scalars"] == ["loss"]
    assert [(event.step, event.value) for event in found.Scalars("loss")] == [(0, 2.0), (1, 2.0), (2, 1.0), (3, 1.0)]
