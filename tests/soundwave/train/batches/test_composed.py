"""Clips composed of several, as audio: what is where, how loud, and the same samples for the same chances."""

import random

import numpy as np
import pytest
import soundfile

from manifests.errors import AudioError, MissingFileError, SettingsError
from manifests.settings import check_settings
from soundwave.train.batches import composed
from soundwave.train.batches.composed import loudest, loudness, need_audio, sound_inside, speakers_in_turn
from soundwave.train.batches.plan_data import Cut, WordSpan
from soundwave.train.settings import MultiSpeaker, Sandwich

RATE = 16000
WORDS = ("Press", "one,", "to", "hear!")


def tone(seconds, pitch, level):
    return (level * np.sin(np.arange(round(seconds * RATE)) * pitch * 2 * np.pi / RATE)).astype(np.float32)


@pytest.fixture
def clip(tmp_path):
    """A cut with these samples on disk, exactly: of four words of half a second each, or a sound."""

    def make(name, samples, *, sound=(), words=True, speaker=None):
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, samples, RATE, subtype="FLOAT")
        said = None if sound else " ".join(WORDS)
        spans = tuple(WordSpan(word, 0.5 * n, 0.5 * n + 0.5) for n, word in enumerate(WORDS))
        return Cut(
            cut_id=name,
            corpus="tiny",
            split="train",
            task="sound" if sound else "asr",
            start=0.0,
            duration=len(samples) / RATE,
            language="en",
            target_language=None,
            text=said,
            target_text=None,
            sound=sound,
            source_path=str(path),
            words=spans if words and not sound else (),
            speaker=speaker,
        )

    return make


@pytest.fixture
def speech(clip):
    return clip("speech", tone(2.0, 200, 0.1))


@pytest.fixture
def bark(clip):
    """Half a second of a loud sound between silences, in four seconds."""
    silence = np.zeros(RATE, np.float32)
    return clip("bark", np.concatenate([silence, tone(0.5, 900, 0.5), np.zeros(40000, np.float32)]), sound=("Bark",))


def inside(sound, speech, seed=0, **settings):
    return sound_inside(sound, speech, Sandwich(share=1.0, **settings), random.Random(seed))


def test_words_keep_their_samples_and_have_their_new_times(speech, bark):
    original, places = speech.samples(), set()
    for seed in range(20):
        made = inside(bark, [speech], seed, gap=[0.1, 0.3])
        found = made.compose()
        before, sound, after = found.stretches
        assert (before.cut_id, sound.cut_id, after.cut_id) == ("speech", "bark", "speech")
        assert made.heard == f"{before.text} <bark> {after.text}" and sound.words == ()
        assert made.written.replace(" <bark>", "") == speech.text
        assert [word.symbol for word in (*before.words, *after.words)] == list(WORDS)
        for old, new in zip(speech.words, (*before.words, *after.words), strict=True):
            part = found.samples[round(new.start * RATE) : round(new.end * RATE)]
            inner = slice(composed.FADE, -composed.FADE)  # what fades at a joint
            there = original[round(old.start * RATE) : round(old.end * RATE)]
            assert len(part) == len(there) == RATE // 2 and np.array_equal(part[inner], there[inner])
        for gap in (sound.start - before.end, after.start - sound.end):
            assert 0.1 <= round(gap, 4) <= 0.3
        assert found.samples[round(before.end * RATE) : round(sound.start * RATE)].any() == 0
        assert len(found.samples) / RATE >= made.at_least
        places.add(before.end)
    assert places == {0.5, 1.0, 1.5}


@pytest.mark.parametrize(("position", "places"), [([0.4, 0.6], {1.0}), ([0.0, 0.3], {0.5}), ([0.9, 1.0], {1.5})])
def test_the_clip_is_opened_where_the_settings_say_or_at_the_nearest_border(speech, bark, position, places):
    found = {inside(bark, [speech], seed, position=position).pieces[0].end for seed in range(10)}
    assert found == places


@pytest.mark.parametrize("level", [-12.0, 0.0, 6.0])
def test_the_sound_is_as_much_louder_than_the_speech_as_asked_for(speech, bark, level):
    found = inside(bark, [speech], level=[level, level], gap=[0, 0]).compose()
    sound = found.stretches[1]
    part = found.samples[round(sound.start * RATE) : round(sound.end * RATE)]
    assert 20 * np.log10(loudness(part) / loudness(speech.samples())) == pytest.approx(level, abs=0.1)


def test_what_is_not_asked_for_a_level_stays_as_it_was_recorded(clip, bark):
    one, two = clip("one", tone(1.0, 200, 0.1), words=False), clip("two", tone(1.0, 300, 0.4), words=False)
    found = inside(bark, [one, two]).compose()
    first, _, last = found.stretches
    assert (first.text, last.text) == ("press one to hear", "press one to hear")
    assert np.array_equal(found.samples[100 : RATE - 100], one.samples()[100 : RATE - 100])
    assert np.array_equal(found.samples[-RATE + 100 :], two.samples()[100:])


def test_a_sound_is_trimmed_to_its_loudest_stretch(bark):
    assert len(loudest(bark.samples(), 3.0)) == RATE // 2  # the silence around it goes
    noise = np.concatenate([tone(4, 900, 0.1), tone(2, 900, 0.5), tone(4, 900, 0.1)])
    assert np.array_equal(loudest(noise, 2.0), noise[4 * RATE : 6 * RATE])
    assert len(loudest(noise, 30.0)) == len(noise)


@pytest.mark.parametrize("samples", [np.zeros(20000), np.full(1, 0.5), np.full(20000, 1e-6), np.full(20000, 30.0)])
def test_silence_and_extremes_are_sounds_like_others(clip, speech, samples):
    odd = clip("odd", samples.astype(np.float32), sound=("Hum",))
    found = inside(odd, [speech]).compose().samples
    assert np.isfinite(found).all() and np.abs(found).max() <= 1


def test_what_would_be_over_the_top_is_turned_down_as_a_whole(clip, bark):
    found = inside(bark, [clip("loud", tone(2.0, 200, 0.9))], level=[12, 12]).compose()
    assert np.abs(found.samples).max() == pytest.approx(1.0)


def test_equal_chances_give_equal_samples_and_others_do_not(speech, bark):
    one, two, other = (inside(bark, [speech], seed) for seed in (1, 1, 2))
    assert one == two and np.array_equal(one.compose().samples, two.compose().samples)
    assert (one != other and not np.array_equal(one.compose().samples[:2000], other.compose().samples[:2000])) or (
        len(one.compose().samples) != len(other.compose().samples)
    )


def test_speakers_follow_one_another(clip):
    voices = [clip(f"v{n}", tone(2.0, 200 + n, 0.1 * (n + 1)), speaker=f"s{n}") for n in range(3)]
    settings = MultiSpeaker(share=1.0, level=(0.0, 0.0), gap=(0.2, 0.2))
    made = speakers_in_turn(voices, settings, random.Random(0))
    found = made.compose()
    assert [(round(one.start, 3), round(one.end, 3)) for one in found.stretches] == [(0, 2), (2.2, 4.2), (4.4, 6.4)]
    assert made.heard == " ".join(["press one to hear"] * 3)
    loud = [loudness(found.samples[round(one.start * RATE) : round(one.end * RATE)]) for one in found.stretches]
    assert loud == pytest.approx([loud[0]] * 3, rel=0.01)
    assert [word.start for word in found.stretches[2].words] == pytest.approx([4.4, 4.9, 5.4, 5.9])


def test_a_file_that_is_not_there_says_what_else_can_be_done(speech, bark, tmp_path):
    (tmp_path / "bark.wav").unlink()
    with pytest.raises(MissingFileError, match=r"No such audio of cut 'bark'.*`joined: frames`"):
        need_audio([speech, bark])
    with pytest.raises(AudioError, match=r"(?s)bark\.wav.*`joined: frames`"):
        inside(bark, [speech]).compose()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"level": [5, -5]}, r"`level`: \[5.0, -5.0\] begins above its end"),
        ({"gap": [-1, 0]}, "0 or more"),
        ({"position": [0, 2]}, r"`position\.1`: found 2, expected 1.0 or less"),
        ({"length": [3]}, "length"),
        ({"joined": "both"}, "one of audio, frames"),
        ({"longest": 0}, "above 0"),
    ],
)
def test_ranges_that_are_none_are_refused(changes, said):
    with pytest.raises(SettingsError, match=said):
        check_settings(Sandwich, {"share": 1.0, **changes}, where="here")
