"""Sequences joined as audio on their way to a batch: one clip for the encoder, and bitwise the same each time."""

import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from manifests.errors import MissingFileError
from soundwave.train.batches import clips
from soundwave.train.batches.joins import group_speakers, insert_sounds, joined_draws
from soundwave.train.batches.plan_data import Draw, PlanData
from soundwave.train.loop import train
from soundwave.train.runs.identity import Training
from soundwave.train.settings import MultiSpeaker, Sandwich, StageSettings, with_joins
from soundwave.train.setup import make_maker, make_model
from tests.curation.encoders.test_encoders import make_whisper
from tests.soundwave.conftest import make_workspace
from tests.soundwave.train.stopping import Killed, kill_at

RATE = 16000


@pytest.fixture(scope="module")
def sounding(tmp_path_factory):
    """A workspace whose cuts have audio files, and a tiny Whisper beside it."""
    root = make_workspace(tmp_path_factory.mktemp("sounding"))
    rng = np.random.default_rng(0)
    for number in range(24):
        noise = rng.normal(0, 0.05, RATE * 3).astype(np.float32)
        soundfile.write(root / "corpora" / "tiny" / f"tiny-{number:02d}.wav", noise, RATE)
    make_whisper(root / "whisper")
    return root


@pytest.fixture(scope="module")
def plan(sounding):
    return PlanData(sounding / "mixtures" / "mixed", encoder=str(sounding / "whisper"))


@pytest.fixture(scope="module")
def values(sounding, stage_values):
    def make(stage="alignment", **changes):
        return stage_values(stage, encoder=str(sounding / "whisper"), **changes)

    return make


def maker_of(values, plan, **changes):
    settings = StageSettings(**values(**changes))
    return make_maker(settings, plan, make_model(settings, plan, None, "fp32"), steps=10)


def with_speakers(draws):
    return [replace(draw, cut=replace(draw.cut, speaker=f"s{n % 3}")) for n, draw in enumerate(draws)]


def words_of(maker, samples):
    return Counter(word for one in samples if one.target for word in maker.table.decode(one.target).split())


def test_every_draw_is_in_one_sequence_and_no_word_is_lost(values, plan):
    both = {"sandwich": {"share": 1.0}, "multi_speaker": {"share": 0.5}, "speeds": [0.9, 1.0]}
    maker, plain = maker_of(values, plan, **both), maker_of(values, plan)
    sizes = Counter()
    for step in range(2 * len(plan)):
        draws = with_speakers(plan.step(step))
        found = maker.samples(draws, step)
        assert sorted(slot for one in found for slot in one.draws) == list(range(len(draws)))
        assert words_of(maker, found) == words_of(plain, plain.samples(draws, step))
        sizes.update(len(one.draws) for one in found)
    assert sizes[2] > 5


def test_a_sequence_has_the_same_bits_whoever_reads_it_and_in_which_order(values, plan, sounding):
    changes = {"sandwich": {"share": 1.0}, "speeds": [0.9, 1.0, 1.1], "spec_augment": {}}
    maker = maker_of(values, plan, **changes)
    other = maker_of(values, PlanData(sounding / "mixtures" / "mixed", encoder=str(sounding / "whisper")), **changes)
    read = 0
    for step in reversed(range(len(plan))):
        here = maker.samples(plan.step(step), step)
        there = other.samples(plan.step(step), step)
        for number in reversed(range(len(here))):  # as a process of several, which reads its own alone
            if len(here[number].draws) > 1:
                assert np.array_equal(here[number].frames.read(), there[number].frames.read())
                read += 1
    assert read > 2


def test_the_encoder_hears_one_clip(values, plan, monkeypatch):
    maker = maker_of(values, plan, model={"stack": 1}, sandwich={"share": 1.0, "gap": [0, 0], "length": [1, 1]})
    heard, encode = [], clips.encode_pieces
    monkeypatch.setattr(clips, "encode_pieces", lambda *given: heard.append(given[1]) or encode(*given))
    draws = plan.step(next(n for n in range(len(plan)) if {d.cut.task for d in plan.step(n)} >= {"asr", "sound"}))
    joined = [one for one in maker.samples(draws, 0) if len(one.draws) == 2]
    assert joined and not heard  # nothing is read before it is needed
    frames = joined[0].frames.read()
    speech = draws[joined[0].draws[1]].cut
    assert len(heard) == 1 and len(heard[0]) == round((speech.duration + 1) * RATE)
    assert np.array_equal(frames, encode(plan.store.load_encoder(), heard[0]))


def test_a_killed_run_goes_on_to_the_same_bits(values, sounding, tmp_path, monkeypatch):
    settings = StageSettings(
        **values(steps=5, checkpoint_every=2, speeds=[0.9, 1.0], sandwich={"share": 1.0}, micro_batch={"rows": 2})
    )
    plan = sounding / "mixtures" / "mixed"
    train(settings, plan=plan, output=tmp_path / "whole")
    with monkeypatch.context() as patch:
        kill_at(patch, 3)
        with pytest.raises(Killed):
            train(settings, plan=plan, output=tmp_path / "killed")
    train(settings, plan=plan, output=tmp_path / "killed")
    weights = [(tmp_path / run / "final" / "adapters.safetensors").read_bytes() for run in ("whole", "killed")]
    assert weights[0] == weights[1]


def test_without_files_a_run_does_not_begin(values, workspace, sounding):
    silent = PlanData(workspace / "mixtures" / "mixed", encoder=str(sounding / "whisper"))
    with pytest.raises(MissingFileError, match="`joined: frames`"):
        maker_of(values, silent, sandwich={"share": 0.5})
    assert maker_of(values, silent, sandwich={"share": 0.0})


def drawn(cuts):
    return [Draw(cut, cut.task, 0) for cut in cuts]


def test_no_sequence_of_audio_is_longer_than_allowed(plan):
    cuts = {draw.cut.task: draw.cut for draw in plan.draws()}
    sound = replace(cuts["sound"], duration=9.0)
    speech = [replace(cuts["asr"], duration=seconds, words=()) for seconds in (14.0, 12.0, 20.0, 29.0)]
    rng = random.Random(0)
    pairs = set()
    for _ in range(30):
        for found in insert_sounds(drawn([sound, *speech]), Sandwich(share=1.0), ["en"], rng):
            pairs.add(frozenset(found[1:]))
    assert pairs == {frozenset((1, 2))}  # 26 s, 3.5 s of the sound and two gaps
    assert not insert_sounds(drawn([sound, *speech]), Sandwich(share=1.0), ["en"], rng, slowest=0.9)
    assert insert_sounds(drawn([sound, *speech[2:]]), Sandwich(share=1.0, joined="frames"), ["en"], rng)
    voices = drawn(replace(cut, speaker=str(n)) for n, cut in enumerate(speech))
    groups = {
        frozenset(group)
        for _ in range(30)
        for group in group_speakers(voices, [0, 1, 2, 3], MultiSpeaker(share=1.0), rng)
    }
    assert groups == {frozenset((0, 1))}


def test_sounds_go_into_speech_of_the_corpora_that_are_named(plan):
    cuts = {draw.cut.task: draw.cut for draw in plan.draws()}
    draws = drawn([cuts["sound"], cuts["asr"], replace(cuts["asr"], corpus="libritts"), cuts["asr"]])
    rng = random.Random(0)
    for _ in range(10):
        assert insert_sounds(draws, Sandwich(share=1.0, speech=("libritts",)), ["en"], rng) == [(0, 2)]
    assert insert_sounds(draws, Sandwich(share=1.0, speech=("other",)), ["en"], rng) == []
    two = insert_sounds(draws, Sandwich(share=1.0, opened=0.0), ["en"], rng)
    assert len(two[0]) == 3  # never opened: between two clips


def test_the_chances_of_one_sequence_do_not_depend_on_its_neighbours(values, plan):
    settings = StageSettings(**values(sandwich={"share": 1.0}))
    cuts = {draw.cut.task: draw.cut for draw in plan.draws()}
    rng = random.Random
    alone = drawn([cuts["sound"], cuts["asr"]])
    (one,) = joined_draws(alone, 3, settings, rng(0))
    (again,) = joined_draws(alone, 3, settings, rng(1))
    (later,) = joined_draws(alone, 4, settings, rng(0))
    assert one == again and one.composition != later.composition


def test_joins_of_runs_of_earlier_versions_are_of_frames(stage_values):
    old = stage_values(sandwich={"share": 0.5}, multi_speaker={"share": 0.1, "most": 2})
    settings = StageSettings(**with_joins(old))
    assert settings.sandwich.joined == settings.multi_speaker.joined == "frames"
    assert StageSettings(**with_joins(settings.model_dump())) == settings
    assert with_joins(stage_values(sandwich={"share": 0.5, "joined": "audio"}))["sandwich"]["joined"] == "audio"
    assert with_joins(stage_values()) == stage_values()


def test_joins_of_frames_are_told_apart_as_before(stage_values):
    """The fingerprint that the version before joins of audio made of these settings."""
    import manifests
    from manifests.fingerprint import fingerprint
    from soundwave.train.settings import RUNTIME_ONLY

    settings = StageSettings(**with_joins(stage_values(sandwich={"share": 0.5}, multi_speaker={"share": 0.1})))
    before = settings.model_dump(mode="json", exclude=set(RUNTIME_ONLY))
    del before["speaker_number"], before["length_window"]  # came later
    before |= {"sandwich": {"share": 0.5}, "multi_speaker": {"share": 0.1, "most": 3}}
    assert Training(settings, "d", None).key == fingerprint(manifests.__version__, before, "d", None)
    audio = StageSettings(**stage_values(sandwich={"share": 0.5}, multi_speaker={"share": 0.1}))
    assert Training(audio, "d", None).key != Training(settings, "d", None).key


def test_rows_that_ask_how_many_speak_become_clips_of_several(values, plan):
    settings = values("sft", lm_weight=1.0, ctc_weight=0.0, train=["lora"], templates="paper")
    settings |= {"speaker_number": {"share": 1.0, "most": 3}, "multi_speaker": {"share": 1.0}}
    maker = maker_of(lambda **_: settings, plan)
    cut = next(draw.cut for draw in plan.draws() if draw.cut.task == "asr")
    one = replace(cut, task="speakers", text=None, target_text="one speaker", words=())
    draws = drawn(replace(one, cut_id=f"{n}", speaker=f"s{n % 4}") for n in range(8))
    answers, letters = Counter(), 0
    for step in range(12):
        found = maker.samples(draws, step)
        assert sorted(slot for sample in found for slot in sample.draws) == list(range(8))
        for sample in found:
            said = maker.table.tokenizer.decode(sample.answer[:-1])
            number = {1: "one", 2: "two", 3: "three"}[len(sample.draws)]
            assert len({draws[slot].cut.speaker for slot in sample.draws}) == len(sample.draws)
            assert number in said or len(said) == 1, said  # or the letter of an option
            assert sample.target is None
            letters += len(said) == 1
            answers[number] += 1
    assert answers["two"] > 3 and answers["three"] > 3 and letters > 3
