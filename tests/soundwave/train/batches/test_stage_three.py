"""The 15 tasks of the paper's third stage: a row of each, as its recipe or builder makes it, becomes a question."""

from dataclasses import replace

import pytest

from curation.plan.mixture import MIXTURES, flat_shares
from curation.questions.builders import BUILDERS, AskedCut, Said
from manifests.errors import InputError
from manifests.settings import read_yaml
from soundwave.model.batch import AUDIO
from soundwave.train.batches.instructions import load_set
from soundwave.train.batches.plan_data import Draw, PlanData
from soundwave.train.batches.samples import when, word_of
from soundwave.train.settings import StageSettings
from soundwave.train.setup import make_maker, make_model

ASKED = AskedCut(
    cut_id="x",
    language="de",
    speaker="ann",
    facts={"gender": "female", "age": "fourties", "emotion": "happy"},
    words=[Said("press", 0.0, 0.4), Said("one", 0.5, 0.9)],
)
PAPER = {  # the paper's task -> our task, and the target_text of a row
    "ASR": ("asr", None),
    "En-De speech translation": ("st", "drücken Sie die Eins"),
    "Speech grounding": ("grounding", BUILDERS["grounding"].answer(ASKED)),
    "Language ID": ("language", BUILDERS["language"].answer(ASKED)),
    "Gender": ("gender", BUILDERS["gender"].answer(ASKED)),
    "Emotion": ("emotion", BUILDERS["emotion"].answer(ASKED)),
    "Age": ("age", BUILDERS["age"].answer(ASKED)),
    "Entity": ("entity", "time: five am"),
    "Intent": ("intent", "alarm set"),
    "Speaker number": ("speakers", BUILDERS["speakers"].answer(ASKED)),
    "Synthetic voice": ("synthetic", "real"),
    "Vocal sound": ("sound", "Throat clearing."),
    "Scene": ("sound", "Beach."),
    "Chat": ("chat", "yes I do too"),
    "Speech instruction": ("instruction", "Paris is the capital of France."),
}
OTHERS = {  # answers of other rows of the domain
    "gender": ["female", "male"],
    "age": ["forties", "teens", "sixties"],
    "emotion": ["happy", "sad", "angry"],
    "language": ["German", "English", "Dutch"],
    "synthetic": ["real", "synthetic"],
    "intent": ["alarm set", "play music", "weather query"],
    "sound": ["Throat clearing.", "Beach.", "Tram."],
    "grounding": ["press: 0.00 to 0.40 s", "message: 1.00 to 1.50 s", "key: 2.00 to 2.40 s"],
}


@pytest.fixture(scope="module")
def maker(workspace, stage_values):
    data = PlanData(workspace / "mixtures" / "mixed", encoder="moonshine-tiny-en")
    values = stage_values("sft", ctc_weight=0.0, train=["lora"], templates="paper", answer="written")
    settings = StageSettings(**values)
    made = make_maker(settings, data, make_model(settings, data, None, "fp32"), steps=10)
    data.answers = lambda domain: OTHERS.get(domain, [])
    return made


def asked(maker, cut, count=60):
    """Question and answer of so many draws of a row."""
    tokenizer, found = maker.table.tokenizer, []
    for step in range(count):
        (sample,) = maker.samples([Draw(cut, cut.task, 0)], step)
        assert sample.prompt.count(AUDIO) == 1 and sample.frames is not None
        found.append((tokenizer.decode([t for t in sample.prompt if t >= 0]), tokenizer.decode(sample.answer[:-1])))
    return found


def test_the_papers_tasks_are_the_mixtures_and_all_have_instructions():
    shares = flat_shares(read_yaml(MIXTURES.find("paper/sft"))["shares"])
    assert {task for task, _ in PAPER.values()} == {name.partition("/")[0] for name in shares}
    assert len(PAPER) == len(shares) == 15 and {task for task, _ in PAPER.values()} <= set(load_set("paper"))


@pytest.mark.parametrize("name", PAPER)
def test_a_row_of_each_task_becomes_questions_with_its_answer(maker, workspace, name):
    task, target = PAPER[name]
    cut = next(draw.cut for draw in maker.data.draws() if draw.cut.task == "asr")
    sound = ("Throat clearing",) if name == "Vocal sound" else ("Beach",) if name == "Scene" else ()
    heard = {"text": None, "words": ()} if task == "sound" else {}
    row = replace(cut, task=task, target_text=target, target_language="de" if task == "st" else "en", sound=sound)
    found = asked(maker, replace(row, **heard))
    plain = when(target) if task == "grounding" else target or cut.text
    exact = [answer for _, answer in found if answer in (plain, plain.rstrip("."))]
    held = [answer for _, answer in found if plain.rstrip(".").casefold() in answer.casefold()]
    letters = [(question, answer) for question, answer in found if len(answer) == 1]
    assert len(held) + len(letters) == len(found)
    assert exact or task == "age"  # which is multiple choice only
    for question, answer in letters:
        option = next(
            line for line in question.replace("<|im_end|>", "\n").splitlines() if line.startswith(f"{answer}. ")
        )
        assert option.removeprefix(f"{answer}. ").casefold() == plain.rstrip(".").casefold()
    assert len({question for question, _ in found}) >= 4
    if task in ("intent", "instruction", "grounding", "entity"):
        assert any(cut.text in answer and answer.startswith("Transcript: ") for answer in held)
    if task == "grounding":
        assert all("'press'" in question for question, _ in found) and letters


@pytest.mark.parametrize("target", ["", None, "press", "0.1 to 0.2 s"])
def test_a_row_of_grounding_without_a_word_is_named(maker, target):
    cut = next(draw.cut for draw in maker.data.draws() if draw.cut.task == "asr")
    with pytest.raises(InputError, match=rf"Cut {cut.cut_id}: the target of grounding .* `hear: 0\.52 to 0\.80 s`"):
        word_of(replace(cut, task="grounding", target_text=target))
