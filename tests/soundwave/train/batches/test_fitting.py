"""Draws that are longer than a stage or its model take are told before the first step: how many, which first."""

import math

import pytest

from soundwave.model.plain_text import text_ids
from soundwave.train.batches import fitting
from soundwave.train.batches.fitting import too_long
from soundwave.train.batches.plan_data import PlanData
from soundwave.train.batches.prompts import make_prompt
from soundwave.train.loop import train
from soundwave.train.settings import StageSettings
from soundwave.train.setup import make_maker, make_model
from tests.soundwave.train.heard_workspace import make_heard_workspace

ENCODER = "moonshine-tiny-en"


@pytest.fixture(scope="module")
def parts(workspace, stage_values):
    """A plan of every kind of row; a maker and a model for it, with what differs."""

    def make(context=None, plan=workspace / "mixtures" / "mixed", **changes):
        data = PlanData(plan, encoder=ENCODER)
        settings = StageSettings(**stage_values(**changes))
        model = make_model(settings, data, None, "fp32")
        if context is not None:
            model.llm.config.max_position_embeddings = context
        return data, make_maker(settings, data, model, steps=2), model

    return make


def first_of(data, wanted):
    """How many draws, and step and id of the first, by going through them all."""
    found = [(step, draw.cut.cut_id) for step in range(len(data)) for draw in data.step(step) if wanted(draw.cut)]
    assert found
    return len(found), *found[0]


def test_a_training_tells_before_its_first_step_what_goes_through_alone(workspace, stage_values, tmp_path, capsys):
    plan = workspace / "mixtures" / "speech"
    settings = StageSettings(**stage_values("alignment", steps=1, micro_batch={"seconds": 1.9}))
    train(settings, plan=plan, output=tmp_path / "run")
    count, step, cut_id = first_of(PlanData(plan, encoder=ENCODER), lambda cut: cut.duration > 1.9)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "micro_batch.seconds" in line]
    told = f"{count} draws are longer than the 1.9 s of audio that go through the model at once (micro_batch.seconds); "
    assert line.startswith(f"{plan}: {told}the first is {cut_id} in step {step}, with ")
    assert line.endswith("Leave such cuts out in the mixture's query, or raise micro_batch.seconds.")


def positions(maker, model, cut):
    """What a draw needs if every adapter frame is kept."""
    asks = [template.ask for task in maker.data.tasks for template in maker.templates[task]]
    prompt = max(len(make_prompt(model.tokenizer, ask, None, "")) for ask in asks)
    frames = math.ceil(cut.duration * maker.frame_rate / model.settings.stack)
    return frames + prompt + sum(len(text_ids(model.tokenizer, text or "")) for text in (cut.text, cut.target_text))


def test_what_is_beyond_the_context_is_counted_in_tokens(parts):
    data, maker, model = parts()
    needed = sorted({positions(maker, model, draw.cut) for draw in data.draws()})
    most = needed[len(needed) // 2]
    count, step, cut_id = first_of(data, lambda cut: positions(maker, model, cut) > most)
    model.llm.config.max_position_embeddings = most
    (told,) = too_long(data, maker, model)
    assert told.startswith(f"{count} draws may be longer than the {most} positions that the LLM ")
    assert f"; the first is {cut_id} in step {step}, with up to " in told and "an LLM that reads more" in told
    model.llm.config.max_position_embeddings = needed[-1]
    assert list(too_long(data, maker, model)) == []


def test_texts_beyond_the_first_are_counted_in_letters(parts, monkeypatch):
    data, maker, model = parts(context=40)
    (exact,) = too_long(data, maker, model)
    monkeypatch.setattr(fitting, "READ", 0)
    (rough,) = too_long(data, maker, model)
    counts = [int(told.split(" draws", 1)[0]) for told in (exact, rough)]
    assert 0 < counts[0] <= counts[1]


def test_an_llm_that_is_not_asked_has_room(parts):
    assert list(too_long(*parts(context=1))) != []
    assert list(too_long(*parts(context=1, stage="alignment"))) == []


def test_what_an_encoder_hears_in_pieces_is_told_where_it_is_encoded_while_training(parts, tmp_path, monkeypatch):
    root = make_heard_workspace(tmp_path)
    data, maker, model = parts(plan=root / "mixtures" / "mixed")
    assert list(too_long(data, maker, model)) == []  # Moonshine hears any length
    monkeypatch.setattr(data.store.load_encoder(), "window_seconds", 1.9, raising=False)
    count, step, cut_id = first_of(data, lambda cut: cut.duration > 1.9)
    (told,) = too_long(data, maker, model)
    assert told.startswith(f"{count} draws are longer than the 1.9 s that the encoder {ENCODER} hears at once; ")
    assert f"the first is {cut_id} in step {step}, " in told and "soundwave segment" in told
    assert list(too_long(*parts())) == []  # stored frames were made before
