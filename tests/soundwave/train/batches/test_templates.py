"""Instructions: as many and as varied as the paper asks for, each well formed; options and answers drawn from them."""

import itertools
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import SettingsError
from manifests.rows import TASKS
from manifests.settings import read_yaml
from soundwave.train.batches import instructions
from soundwave.train.batches.instructions import (
    LETTERS,
    Facts,
    Template,
    draw_options,
    fill_in,
    load_set,
    make_turn,
    places,
)

FORMS = {"direct", "choice", "sentence", "steps"}
FEWEST = dict.fromkeys([task for task in load_set("paper") if task != "qa"], 50)
PAPER = load_set("paper")


def words(ask):
    """An instruction's words, without places and marks."""
    return set(re.findall(r"[a-z]+", re.sub(r"\{\w+\}", " ", ask).lower()))


@pytest.mark.parametrize("task", FEWEST)
def test_there_are_as_many_instructions_as_promised(task):
    asks = [template.ask for template in PAPER[task]]
    assert len(set(asks)) == len(asks) >= FEWEST[task]


@pytest.mark.parametrize("task", sorted(PAPER))
def test_no_two_instructions_are_nearly_the_same(task):
    for one, other in itertools.combinations((template.ask for template in PAPER[task]), 2):
        first, second = words(one), words(other)
        assert len(first & second) < 0.7 * max(1, len(first | second)), f"{one!r} and {other!r}"


@pytest.mark.parametrize(("name", "task"), [(name, task) for name in ("paper", "short") for task in load_set(name)])
def test_every_instruction_is_well_formed(name, task):
    for template in load_set(name)[task]:
        assert template.form in FORMS
        assert template.ask.count("{audio}") == (task != "qa")
        assert places(template.ask) <= instructions.ASK and ("options" in places(template.ask)) == (
            template.form == "choice"
        )
        assert template.ask == template.ask.strip() and "  " not in template.ask
        for answer in template.answers:
            assert places(answer) & {"answer", "label", "letter"} and places(answer) <= instructions.ANSWER
        if template.form == "steps":
            assert {"transcript", "spoken", "answer"} & places(template.answers[0])
        if task == "st" and template.form in ("direct", "sentence"):
            assert "{language}" in template.ask + template.answers[0]


def test_every_task_of_the_contract_and_of_the_papers_mixtures_has_instructions():
    from curation.plan import mixture

    shares = read_yaml(mixture.MIXTURES.find("paper/sft"))["shares"]
    assert set(shares) <= set(PAPER)
    assert {*TASKS, "sandwich", "multi_speaker"} <= set(PAPER)
    assert {"asr", "st", "sound", "qa", "sandwich", "multi_speaker"} <= set(load_set("short"))  # the demo's tasks


@pytest.mark.parametrize("task", ["asr", "st"])
def test_transcription_and_translation_come_in_every_form(task):
    assert {template.form for template in PAPER[task]} == FORMS


def test_age_is_multiple_choice_only():
    assert {template.form for template in PAPER["age"]} == {"choice"}


def test_the_short_set_stays_one_line_a_task():
    expected = {
        "asr": "Transcribe in correct spelling: {audio}",
        "st": "Translate into {language}: {audio}",
        "sound": "Name the sound: {audio}",
        "qa": "{text}",
    }
    found = load_set("short")
    assert {task: [template.ask for template in found[task]] for task in expected} == {
        task: [ask] for task, ask in expected.items()
    }
    assert all(template.answers == ("{answer}",) for templates in found.values() for template in templates)


POOL = st.lists(
    st.sampled_from(["Dog.", "dog", "Cat.", "Cow", "Siren.", "Bell", "Rain.", "Sea"]), min_size=1, unique=True
)


@given(POOL, st.integers(0, 99), st.data())
def test_options_hold_the_answer_once_and_nothing_else_that_is_right(pool, seed, data):
    answer = data.draw(st.sampled_from(pool))
    facts = Facts(answer, others=sorted(pool), also_right=["cow"])
    lines, letter = draw_options(facts, random.Random(seed))
    found = dict(line.split(". ", 1) for line in lines)
    assert list(found) == list(LETTERS[: len(lines)])
    assert found[letter] == answer.rstrip(".")
    plain = [text.lower() for text in found.values()]
    assert len(set(plain)) == len(plain)
    assert "cow" not in plain or answer == "Cow"
    wrong = {text.rstrip(".").lower() for text in pool} - {answer.rstrip(".").lower(), "cow"}
    assert len(lines) == 1 + min(len(LETTERS) - 1, len(wrong))
    assert draw_options(facts, random.Random(seed)) == (lines, letter)


def test_every_letter_is_right_at_times():
    facts = Facts("Dog.", others=["Bell.", "Cat.", "Dog.", "Siren."])
    assert {draw_options(facts, random.Random(seed))[1] for seed in range(40)} == set(LETTERS)


def test_answers_follow_the_form():
    facts = Facts("Dog.", label="dog barking", transcript="jedna", language="English", others=["Cat.", "Dog."])
    choice = make_turn(Template("choice", "{audio} {options}", ("{letter}. {label}",)), facts, random.Random(0))
    assert choice.answer in choice.options.split("\n") and choice.answer.endswith("Dog")
    sentence = make_turn(Template("sentence", "{audio}", ("The sound is {label}.",)), facts, random.Random(0))
    assert sentence.answer == "The sound is dog barking."
    steps = Template("steps", "{audio}", ("Transcript: {transcript}\nTranslation: {answer}",))
    assert make_turn(steps, facts, random.Random(0)).answer == "Transcript: jedna\nTranslation: Dog."


def test_only_what_can_be_answered_is_asked():
    choice = Template("choice", "{audio} {options}", ("{letter}",))
    steps = Template("steps", "{audio}", ("{transcript} {answer}",))
    heard = Template("steps", "{audio}", ("{spoken} {answer}",))
    poor = Facts("one", others=["one"])
    assert not any(template.fits(poor) for template in (choice, steps, heard))
    assert not heard.fits(Facts("one", spoken="one"))
    rich = Facts("1", transcript="1", spoken="one", others=["1", "2"])
    assert all(template.fits(rich) for template in (choice, steps, heard))
    assert not choice.fits(Facts("", others=["1", "2"]))


def test_chance_is_touched_only_where_there_is_something_to_draw():
    rng = random.Random(1)
    before = rng.getstate()
    make_turn(Template("direct", "{audio}", ("{answer}",)), Facts("one"), rng)
    assert rng.getstate() == before


def test_braces_inside_a_value_are_left_alone():
    assert fill_in("{text} {language}", {"text": "{language} {", "language": "Czech"}) == "{language} { Czech"
    assert fill_in("{nothing}", {}) == "{nothing}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("asr: [{form: direct, ask: [no sound]}]", r"has 0 \{audio\}, expected 1"),
        ('qa: [{form: direct, ask: ["{audio} {text}"]}]', r"has 1 \{audio\}, expected 0"),
        ('asr: [{form: direct, ask: ["{audio} {text} {speaker}"]}]', r"unknown place \{speaker\}"),
        ('asr: [{form: direct, ask: ["{audio}"], answer: ["{reply}"]}]', r"unknown place \{reply\}"),
        ('asr: [{form: choice, ask: ["{audio}"]}]', "belong to the form choice"),
        ('asr: [{form: direct, ask: ["{audio} {options}"]}]', "belong to the form choice"),
        ('asr: [{form: direct, ask: ["{audio}"], answer: ["{letter}"]}]', "has no options"),
        ('asr: [{form: sung, ask: ["{audio}"]}]', "form"),
        ("asr: [{form: direct, ask: []}]", "ask"),
        ('asr: {direct: ["{audio}"]}', "expected a list of groups"),
    ],
)
def test_a_set_that_breaks_the_rules_says_where(line, message, tmp_path, monkeypatch):
    monkeypatch.setattr(instructions, "TEMPLATES", tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "tasks.yaml").write_text(line)
    with pytest.raises(SettingsError, match=message) as caught:
        load_set.__wrapped__("own")
    assert "tasks.yaml" in str(caught.value)


def test_a_task_stands_in_one_file(tmp_path, monkeypatch):
    monkeypatch.setattr(instructions, "TEMPLATES", tmp_path)
    (tmp_path / "own").mkdir()
    for name in ("a", "b"):
        (tmp_path / "own" / f"{name}.yaml").write_text('asr: [{form: direct, ask: ["{audio}"]}]')
    with pytest.raises(SettingsError, match="another file of the set"):
        load_set.__wrapped__("own")


@pytest.mark.parametrize("name", ["long", ""])
def test_an_unknown_set_lists_the_names(name):
    with pytest.raises(SettingsError, match="Expected one of: paper, short"):
        load_set(name)
