"""Clips of a step go through the encoder together, also where passes are limited; imports beside other work."""

import sys
import threading

import pytest
import torch

from soundwave.train.batches import ahead
from soundwave.train.batches.clips import encode_clips
from soundwave.train.batches.plan_data import PlanData
from soundwave.train.batches.samples import collate
from soundwave.train.loop import Trainer
from soundwave.train.settings import StageSettings
from soundwave.train.setup import importing
from tests.soundwave.train.heard_workspace import make_heard_workspace


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    return make_heard_workspace(tmp_path_factory.mktemp("heard"))


@pytest.mark.parametrize("micro", [None, {"rows": 2}, {"seconds": 3.0}])
def test_a_steps_clips_are_encoded_together_whatever_its_passes(heard, stage_values, tmp_path, monkeypatch, micro):
    """One by one, each would wait for the one before. (Targets in letters may need to know how long a clip is.)"""
    asked = []

    def spy(encoder, clips, pool):
        assert not any(clip.encoded for clip in clips)
        asked.append(list(clips))
        encode_clips(encoder, clips, pool)

    monkeypatch.setattr(ahead, "encode_clips", spy)
    data = PlanData(heard / "mixtures" / "mixed", encoder="moonshine-tiny-en")
    settings = StageSettings(**stage_values(micro_batch=micro, ctc_units="tokens"))
    trainer = Trainer.make(settings, data, None, tmp_path / "run")
    ready = trainer.coming.maker.prepare(0)
    clips = [clip for sample in ready.samples if sample.frames is not None for clip in sample.frames.clips]
    assert asked == [clips] and len(clips) > 2 and (micro is None) == (len(ready.parts) == 1)
    assert ready.encode_seconds > 0 and sum(map(len, ready.parts)) == len(ready.samples)
    trainer.coming.close()


def test_two_steps_are_made_at_once_where_sound_is_encoded(heard, workspace, stage_values, tmp_path):
    settings, makers = StageSettings(**stage_values()), []
    for root in (heard, workspace):
        data = PlanData(root / "mixtures" / "mixed", encoder="moonshine-tiny-en")
        trainer = Trainer.make(settings, data, None, tmp_path / "run")
        makers.append(trainer.coming.maker.makers)
        trainer.coming.close()
    assert makers == [2, 1]


@pytest.mark.parametrize("kind", ["stored", "heard"])
def test_makers_leave_the_steps_cores_alone(heard, workspace, stage_values, tmp_path, monkeypatch, kind):
    """torch gives each thread that computes as many helpers as there are cores: theirs would wait for the step's."""
    monkeypatch.setattr(ahead, "collate", lambda *args: (seen.append(torch.get_num_threads()), collate(*args))[1])
    before, seen = torch.get_num_threads(), list[int]()
    torch.set_num_threads(3)  # any machine's
    try:
        data = PlanData((heard if kind == "heard" else workspace) / "mixtures" / "mixed", encoder="moonshine-tiny-en")
        trainer = Trainer.make(StageSettings(**stage_values(ahead=1)), data, None, tmp_path / "run")
        trainer.coming.take(0)
        trainer.coming.close()
        assert set(seen) == {1} and torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_module_is_imported_beside_other_work_and_its_error_is_told_where_it_is_used(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "slow_sound.py").write_text("import threading\nBY = threading.current_thread().name\n")
    (tmp_path / "torn_sound.py").write_text("raise ValueError('torn')\n")
    before = sys.getswitchinterval()
    with importing("slow_sound"), importing("torn_sound"):
        pass
    assert sys.modules.pop("slow_sound").BY == "import slow_sound" != threading.current_thread().name
    assert sys.getswitchinterval() == before and "torn_sound" not in sys.modules
    with pytest.raises(KeyError), importing("slow_sound"):
        raise KeyError
    assert sys.getswitchinterval() == before
    del sys.modules["slow_sound"]
