"""A plan's draws as batches: targets, prompts and answers by task."""

import pytest

from manifests.errors import SettingsError
from soundwave.model.batch import AUDIO
from soundwave.train.data import CutStore, PlanData
from soundwave.train.samples import TEMPLATES, answer_text, target_text, template_set
from soundwave.train.settings import StageSettings
from soundwave.train.setup import make_maker, make_model


@pytest.fixture(scope="module")
def mixed(workspace):
    return PlanData(workspace / "mixtures" / "mixed", encoder="moonshine-tiny-en")


@pytest.fixture(scope="module")
def build(mixed, stage_values):
    def make(**changes):
        settings = StageSettings(**stage_values(**changes))
        return make_maker(settings, mixed, make_model(settings, mixed, None, "fp32"), steps=10)

    return make


def all_samples(maker, data):
    return [(draws[slot], sample) for step in range(len(data)) for draws in [data.step(step)]
            for sample in maker.batch(draws, step)[1] for slot in sample.draws]  # fmt: skip


def test_every_task_has_its_target_prompt_and_answer(build, mixed):
    maker = build()
    decode = maker.table.tokenizer.decode
    seen = set()
    for draw, sample in all_samples(maker, mixed):
        task = draw.cut.task
        seen.add(task)
        text = decode([token for token in sample.prompt if token != AUDIO])
        assert (AUDIO in sample.prompt) == (sample.frames is not None) == (task != "qa")
        assert text.endswith("<|im_start|>assistant\n") and sample.answer[-1] == maker.table.tokenizer.eos_token_id
        answer = decode(sample.answer[:-1])
        target = None if sample.target is None else maker.table.decode(sample.target)
        if task == "asr":
            assert answer == target == draw.cut.text
        elif task == "st":
            assert answer == "please enter" and target is None and "English" in text
        elif task == "sound":
            assert answer == "Dog." and target == "<dog_barking>"
        else:
            assert answer == "one" and "what to press" in text
    assert seen == {"asr", "st", "sound", "qa"}


def test_batches_follow_from_seed_and_step_alone(build, mixed):
    changes = {"spec_augment": {}, "speeds": [0.9, 1.0], "splice": {"share": 0.5}}
    one, two, other = build(**changes), build(**changes), build(seed=4, **changes)
    draws = mixed.step(1)
    a, b, c = (maker.batch(draws, 1)[0].features for maker in (one, two, other))
    assert a.shape == b.shape and (a == b).all()
    assert a.shape != c.shape or not (a == c).all()
    assert one.batch(draws, 1)[0].features.shape != one.batch(draws, 2)[0].features.shape or True


def test_splicing_keeps_every_word(build, mixed):
    maker = build(splice={"share": 1.0, "words": 1.5})
    plain = build()
    for step in range(len(mixed)):
        draws = mixed.step(step)
        spliced, whole = maker.batch(draws, step)[1], plain.batch(draws, step)[1]
        words = [
            sorted(w for s in found if s.target for w in maker.table.decode(s.target).split())
            for found in (spliced, whole)
        ]
        assert words[0] == words[1]
        assert {slot for sample in spliced for slot in sample.draws} == set(range(len(draws)))


def test_units_change_once(build):
    maker = build(ctc_units="letters_then_tokens", letters_share=0.3)
    assert [maker.unit(step) for step in range(10)] == ["letters"] * 3 + ["tokens"] * 7


def test_written_and_spoken_answers(workspace):
    cut = CutStore(workspace / "catalog", ["tiny-00"], encoder="moonshine-tiny-en").cuts["tiny-00"]
    written = type(cut)(**{**cut.__dict__, "text": "Press 1, now."})
    assert answer_text(written, "written") == "Press 1, now."
    assert answer_text(written, "spoken") == target_text(written, ["en"]) == "press one now"
    assert target_text(written, ["de"]) is None


def test_template_sets_cover_every_task():
    assert TEMPLATES.is_file()
    for name in ("short", "paper"):
        lines = template_set(name)
        assert set(lines) == {"asr", "st", "sound", "qa"}
        assert all("{audio}" in line for task in ("asr", "st", "sound") for line in lines[task])
    with pytest.raises(SettingsError, match="Expected one of: paper, short"):
        template_set("long")
