"""Sounds inside speech, and speakers in turn: every draw once, words in order, tags where the sound is."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from soundwave.model.batch import AUDIO
from soundwave.train.batches.joins import quotations
from soundwave.train.batches.plan_data import Draw, PlanData
from soundwave.train.settings import StageSettings
from soundwave.train.setup import make_maker, make_model


@pytest.fixture(scope="module")
def mixed(workspace):
    return PlanData(workspace / "mixtures" / "mixed", encoder="moonshine-tiny-en")


@pytest.fixture(scope="module")
def build(mixed, stage_values):
    def make(stage="shrinking", **changes):
        settings = StageSettings(**stage_values(stage, **changes))
        return make_maker(settings, mixed, make_model(settings, mixed, None, "fp32"), steps=10)

    return make


@pytest.fixture(scope="module")
def cuts(mixed):
    """Cuts of each task, by id."""
    found = {}
    for draw in mixed.draws():
        found.setdefault(draw.cut.task, {})[draw.cut.cut_id] = draw.cut
    return {task: list(by_id.values()) for task, by_id in found.items()}


def drawn(*cuts):
    return [Draw(cut, cut.task, 0) for cut in cuts]


def answer_of(maker, sample):
    return maker.table.tokenizer.decode(sample.answer[:-1])


def written(maker, sample):
    return maker.table.decode(sample.target)


def test_a_sound_stands_between_two_words_of_the_clip(build, mixed, cuts):
    maker = build(sandwich={"share": 1.0, "joined": "frames"})
    sound, speech = cuts["sound"][0], cuts["asr"][0]
    words = speech.text.split()
    places = set()
    for step in range(30):
        (sample,) = maker.samples(drawn(speech, sound), step)
        assert sample.draws == (1, 0)
        found = written(maker, sample).split()
        place = found.index("<dog_barking>")
        assert 0 < place < len(words) and found[:place] + found[place + 1 :] == words
        # The fixture gives every word half a second, 20 frames.
        inner = mixed.store.frames(sound)
        assert np.array_equal(sample.frames[20 * place : 20 * place + len(inner)], inner)
        assert len(sample.frames) == len(inner) + 20 * len(words)
        assert answer_of(maker, sample) == written(maker, sample)
        assert sample.prompt.count(AUDIO) == 1
        places.add(place)
    assert places == set(range(1, len(words)))


def test_without_aligned_words_it_stands_between_two_clips(build, mixed, cuts):
    maker = build(sandwich={"share": 1.0, "joined": "frames"})
    one, two = (replace(cut, words=()) for cut in cuts["asr"][:2])
    (sample,) = maker.samples(drawn(one, cuts["sound"][0], two), 0)
    before, after = written(maker, sample).split(" <dog_barking> ")
    assert {before, after} == {one.text, two.text} and sorted(sample.draws) == [0, 1, 2]
    # A single clip that cannot be opened is not enough: both stay alone.
    assert [sample.draws for sample in maker.samples(drawn(one, cuts["sound"][0]), 0)] == [(0,), (1,)]


def test_a_written_answer_keeps_marks_and_capitals(build, cuts):
    maker = build(sandwich={"share": 1.0, "joined": "frames"}, answer="written")
    cut = cuts["asr"][0]
    first, *others = cut.text.split()
    spelled = f"{first.capitalize()}, " + " -- ".join(f'"{word}"' for word in others) + "."
    words = (replace(cut.words[0], symbol=first.capitalize()), *cut.words[1:])
    answers = set()
    for step in range(30):
        (sample,) = maker.samples(drawn(replace(cut, text=spelled, words=words), cuts["sound"][0]), step)
        answers.add(answer_of(maker, sample))
        assert written(maker, sample).replace(" <dog_barking>", "") == cut.text
    assert len(answers) == len(others)
    for answer in answers:
        before, after = answer.split(" <dog_barking> ")
        assert f"{before} {after}" == spelled


def test_every_draw_is_in_one_sample_and_no_word_is_lost(build, mixed):
    maker, plain = (
        build(sandwich={"share": 0.5, "joined": "frames"}, multi_speaker={"share": 0.5, "joined": "frames"}),
        build(),
    )
    joined = 0
    for step in range(2 * len(mixed)):
        draws = [replace(draw, cut=replace(draw.cut, speaker=f"s{n % 3}")) for n, draw in enumerate(mixed.step(step))]
        found, alone = maker.samples(draws, step), plain.samples(draws, step)
        assert sorted(slot for sample in found for slot in sample.draws) == list(range(len(draws)))
        assert maker_words(maker, found) == maker_words(plain, alone)
        joined += sum(len(sample.draws) > 1 for sample in found)
        again = maker.samples(draws, step)
        assert [sample.draws for sample in again] == [sample.draws for sample in found]
        assert all(
            np.array_equal(a.frames, b.frames) for a, b in zip(again, found, strict=True) if a.frames is not None
        )
    assert joined > 5


def maker_words(maker, samples):
    return Counter(word for sample in samples if sample.target for word in written(maker, sample).split())


def test_it_works_beside_sentence_mixing(build, mixed):
    maker = build(sandwich={"share": 1.0, "joined": "frames"}, splice={"share": 1.0, "words": 1.5})
    plain = build()
    for step in range(len(mixed)):
        draws = mixed.step(step)
        found = maker.samples(draws, step)
        assert {slot for sample in found for slot in sample.draws} == set(range(len(draws)))
        assert maker_words(maker, found) == maker_words(plain, plain.samples(draws, step))


@pytest.mark.parametrize("off", [{"sandwich": {"share": 0.0}}, {"multi_speaker": {"share": 0.0}}])
def test_a_share_of_zero_changes_nothing(build, mixed, off):
    settings = {"spec_augment": {}, "speeds": [0.9, 1.0], "splice": {"share": 0.5}}
    maker, plain = build(**settings, **off), build(**settings)
    for step in range(len(mixed)):
        one, two = maker.batch(mixed.step(step), step)[0], plain.batch(mixed.step(step), step)[0]
        assert (one.features == two.features).all()
        assert (one.prompts, one.answers, one.targets) == (two.prompts, two.answers, two.targets)


def test_speakers_are_quoted_in_the_order_in_which_they_are_heard(build, mixed, cuts):
    maker = build(multi_speaker={"share": 1.0, "most": 2, "joined": "frames"})
    one, two, other = (replace(cut, speaker=name) for cut, name in zip(cuts["asr"], ["ann", "bo", "ann"], strict=False))
    (sample,) = maker.samples(drawn(one, two), 0)
    heard = [(one, two)[slot] for slot in sample.draws]
    assert written(maker, sample) == " ".join(cut.text for cut in heard)
    assert answer_of(maker, sample) == quotations([cut.text for cut in heard])
    assert np.array_equal(sample.frames, np.concatenate([mixed.store.frames(cut) for cut in heard]))
    # Clips of one speaker, or of nobody in particular, are not joined.
    for pair in ((one, other), (one, replace(two, speaker=None))):
        assert [sample.draws for sample in maker.samples(drawn(*pair), 0)] == [(0,), (1,)]


def test_no_sequence_has_more_speakers_than_asked_for_or_one_of_them_twice(build, cuts):
    maker = build(multi_speaker={"share": 1.0, "most": 3, "joined": "frames"})
    voices = [replace(cut, speaker=f"s{n % 4}") for n, cut in enumerate(cuts["asr"])]
    sizes = set()
    for step in range(20):
        for sample in maker.samples(drawn(*voices), step):
            names = [voices[slot].speaker for slot in sample.draws]
            assert len(set(names)) == len(names) <= 3
            sizes.add(len(names))
    assert {2, 3} <= sizes


def test_quotations():
    assert quotations(["Press one.", "Why?"]) == 'The first speaker says "Press one". The second speaker says "Why?".'


def test_the_papers_set_names_sound_and_number_of_speakers(build, cuts):
    maker = build(
        templates="paper",
        sandwich={"share": 1.0, "joined": "frames"},
        multi_speaker={"share": 1.0, "most": 2, "joined": "frames"},
    )
    one, two = (replace(cut, speaker=name) for cut, name in zip(cuts["asr"], ["ann", "bo"], strict=False))
    answers = {}
    for step in range(60):
        for kind, draws in (("sound", drawn(one, cuts["sound"][0])), ("speakers", drawn(one, two))):
            (sample,) = maker.samples(draws, step)
            answers.setdefault(kind, set()).add(answer_of(maker, sample))
    assert any(answer.endswith("\nSound: dog barking") for answer in answers["sound"])
    assert any(answer.startswith("The sound is dog barking. ") for answer in answers["sound"])
    assert any(answer.startswith("There are two speakers. The first speaker says") for answer in answers["speakers"])


def test_stage_one_has_targets_alone(build, cuts):
    maker = build("alignment", sandwich={"share": 1.0, "joined": "frames"})
    (sample,) = maker.samples(drawn(cuts["asr"][0], cuts["sound"][0]), 0)
    assert "<dog_barking>" in written(maker, sample) and sample.prompt == sample.answer == []


def test_the_ledger_counts_every_draw_of_a_joined_sequence(workspace, mixed, stage_values, tmp_path):
    import pyarrow.parquet as pq

    from soundwave.train.loop import train

    settings = StageSettings(**stage_values(steps=len(mixed), sandwich={"share": 1.0, "joined": "frames"}))
    train(settings, plan=workspace / "mixtures" / "mixed", output=tmp_path / "run")
    rows = pq.read_table(tmp_path / "run" / "ledger.parquet").to_pylist()
    assert [row["cut_id"] for row in rows] == [draw.cut.cut_id for draw in mixed.draws()]
    sounds = [row for row in rows if row["domain"] == "sound"]
    # A sandwich's loss is that of the sequence, so the clip around the sound has the same row.
    shared = [row for row in sounds if any(row["loss"] == other["loss"] for other in rows if other["domain"] == "asr")]
    assert shared and all(row["ctc_loss"] is not None for row in sounds)
