"""Text alone, audio alone, both; nothing said; half a minute, five minutes: all go through sample maker and model."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from soundwave.model.batch import AUDIO
from soundwave.train.batches.plan_data import Draw, PlanData, Stored
from soundwave.train.settings import StageSettings
from soundwave.train.setup import make_maker, make_model
from tests.tolerance import half_the_digits

RATE = 40  # frames per second of the fixture's encoder


@pytest.fixture(scope="module")
def mixed(workspace):
    return PlanData(workspace / "mixtures" / "mixed", encoder="moonshine-tiny-en")


@pytest.fixture(scope="module")
def made(mixed, stage_values):
    """Sample maker and model of a stage."""

    def make(stage="shrinking", **changes):
        settings = StageSettings(**stage_values(stage, **changes))
        model = make_model(settings, mixed, None, "fp32").train()
        return make_maker(settings, mixed, model, steps=10), model

    return make


@pytest.fixture(scope="module")
def cuts(mixed):
    """One cut of each task."""
    return {draw.cut.task: draw.cut for draw in mixed.draws()}


@pytest.fixture
def long_cut(cuts, tmp_path):
    """Transcribed speech of so many seconds, with stored frames."""

    def make(seconds, **changes):
        path = tmp_path / f"{seconds}.npy"
        np.save(path, np.random.default_rng(0).normal(size=(RATE * seconds, 12)).astype(np.float16))
        stored = Stored(str(path), 0, RATE * seconds, 12, float(RATE))
        return replace(cuts["asr"], duration=float(seconds), words=(), features={"plain": stored}, **changes)

    return make


def drawn(*found):
    return [Draw(cut, cut.task, 0) for cut in found]


def learnt(maker, model, draws, **weights):
    """The output of one pass; its loss is finite and has gradients."""
    batch, samples = maker.batch(draws, 0)
    model.zero_grad(set_to_none=True)
    output = model(batch, **{"lm_weight": maker.settings.lm_weight, "ctc_weight": maker.settings.ctc_weight, **weights})
    output.loss.backward()
    grads = [value.grad for value in model.parameters() if value.grad is not None]
    assert math.isfinite(float(output.loss.detach())) and grads and all(bool(grad.isfinite().all()) for grad in grads)
    return output, batch, samples


def test_text_alone(made, cuts):
    maker, model = made()
    output, batch, samples = learnt(maker, model, drawn(cuts["qa"], cuts["qa"]))
    assert batch.features.shape[0] == 0 and len(output.ctc_loss) == 0 and output.lm_loss.isfinite().all()
    assert all(sample.frames is None and sample.target is None and AUDIO not in sample.prompt for sample in samples)


def test_audio_alone(made, cuts):
    output, batch, samples = learnt(*made("alignment"), drawn(cuts["asr"], cuts["sound"]))
    assert output.lm_loss.isnan().all() and output.ctc_loss.isfinite().all()
    assert len(batch.targets) == 2 and all(sample.prompt == sample.answer == [] for sample in samples)


@pytest.mark.parametrize("order", [("qa", "asr", "st", "sound"), ("sound", "qa", "st", "qa", "asr")])
def test_all_tasks_in_one_batch(made, cuts, order):
    maker, model = made()
    model.eval()  # without dropout a sample does not depend on what it is batched with
    output, batch, _ = learnt(maker, model, drawn(*(cuts[task] for task in order)))
    audios = [task for task in order if task != "qa"]
    assert len(batch.lengths) == len(audios) and output.lm_loss.isfinite().all()
    # Translations have no CTC target; the columns of the others stay with their audios.
    assert output.ctc_loss.isnan().tolist() == [task == "st" for task in audios]
    alone = {task: model(maker.batch(drawn(cuts[task]), 0)[0]).lm_loss[0] for task in set(order)}
    expected = torch.stack([alone[task] for task in order])
    torch.testing.assert_close(output.lm_loss, expected, atol=0, rtol=half_the_digits(np.float32))


@pytest.mark.parametrize("answer", ["spoken", "written"])
def test_nothing_said_is_all_blank_and_an_empty_answer(made, cuts, answer):
    maker, model = made(answer=answer, templates="paper")
    silent = replace(cuts["asr"], text="", words=())
    output, _, (sample, _) = learnt(maker, model, drawn(silent, cuts["asr"]))
    assert sample.target == [] and sample.answer == [maker.table.tokenizer.eos_token_id]
    assert output.ctc_loss.isfinite().all() and output.lm_loss.isfinite().all()


def test_marks_alone_are_nothing_said(made, cuts):
    maker, _ = made(splice={"share": 1.0})
    (sample,) = maker.samples(drawn(replace(cuts["asr"], text="...", words=())), 0)
    assert sample.target == []


@pytest.mark.parametrize("seconds", [31, 300])
def test_long_clips_keep_every_frame(made, cuts, long_cut, seconds):
    cut = long_cut(seconds, text=" ".join(["press one to hear the message"] * (seconds // 5)))
    output, batch, (sample, _) = learnt(*made("alignment", model={"stack": 3}), drawn(cut, cuts["asr"]))
    assert len(sample.frames) == RATE * seconds == batch.lengths[0]
    assert output.frames[0] == math.ceil(RATE * seconds / 3)
    assert output.ctc_loss.isfinite().all()


def test_half_a_minute_reaches_the_llm(made, cuts, long_cut):
    maker, model = made()
    output, _, _ = learnt(maker, model, drawn(long_cut(31), cuts["qa"], cuts["asr"]))
    assert output.lm_loss.isfinite().all() and output.kept_frames[0] > output.kept_frames[1]


def test_long_clips_are_joined_as_well(made, cuts, long_cut):
    maker, _ = made(sandwich={"share": 1.0, "joined": "frames"}, multi_speaker={"share": 1.0, "joined": "frames"})
    one, two = (long_cut(31, speaker=name) for name in ("ann", "bo"))
    sizes = [len(sample.frames) for sample in maker.samples(drawn(one, two), 0)]
    assert sizes == [2 * RATE * 31]


def test_five_minutes_on_the_fly(made, cuts, mixed, tmp_path, monkeypatch):
    import soundfile

    class Encoder:
        name, dim, frame_rate = "counting", 12, float(RATE)
        longest = 0

        def encode(self, clips):
            self.longest = max(self.longest, *(len(clip) for clip in clips))
            return [np.ones((len(clip) // 400, 12), np.float32) for clip in clips]

    encoder = Encoder()
    monkeypatch.setattr("curation.encoders.load_encoder", lambda name: encoder)
    soundfile.write(tmp_path / "long.wav", np.zeros(16000 * 300, np.float32), 16000)
    cut = replace(cuts["asr"], source_path=str(tmp_path / "long.wav"), start=0.0, duration=300.0, features={}, words=())
    maker, _ = made()
    (sample,) = maker.samples(drawn(cut), 0)
    assert len(sample.frames) == RATE * 300 and encoder.longest <= 30 * 16000
