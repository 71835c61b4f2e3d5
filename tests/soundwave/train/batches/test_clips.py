"""Clips that are encoded in batches have the frames that they have alone."""

import sys
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from curation.encoders import load_encoder
from manifests.errors import AudioError, BadCutError
from soundwave.train.batches import clips as module
from soundwave.train.batches.ahead import one_core_each
from soundwave.train.batches.augment import Masks, mask
from soundwave.train.batches.clips import HeardClip, encode_clips, encode_pieces, played
from soundwave.train.batches.lazy_frames import LazyFrames, end_to_end
from soundwave.train.batches.samples import Sample, collate
from tests.curation.encoders.test_encoders import make_whisper

SECONDS = (0.4, 3.0, 1.2, 70.0, 3.0, 0.05)


def noises():
    rng = np.random.default_rng(0)
    return [(0.1 * rng.standard_normal(round(16000 * seconds))).astype(np.float32) for seconds in SECONDS]


@pytest.mark.parametrize("name", ["moonshine-tiny-en", "whisper"])
def test_batches_change_no_frames_but_by_rounding(name, tmp_path, monkeypatch):
    """float32 rounds: other batch sizes may sum in another order, some hundred numbers of 6e-8 each."""
    encoder = load_encoder(str(make_whisper(tmp_path)) if name == "whisper" else name)
    sounds = noises()
    expected = [encode_pieces(encoder, sound) for sound in sounds]
    monkeypatch.setattr(module, "BATCH", 7.0)
    found = [HeardClip(str(n), lambda sound=sound: sound, lambda: encoder) for n, sound in enumerate(sounds)]
    with ThreadPoolExecutor(2) as pool:
        encode_clips(encoder, [*found, found[0]], pool)
    for clip, frames in zip(found, expected, strict=True):
        assert clip.encoded and clip.frames().shape == frames.shape
        bound = 0.0 if name == "moonshine-tiny-en" else 1e-5 * np.abs(frames).max()
        assert np.abs(clip.frames() - frames).max() <= bound


class Failing:
    """An encoder that fails on clips of one length, in whatever batch they are."""

    name, dim, frame_rate = "failing", 1, 10.0

    def encode(self, clips):
        if any(len(clip) == 777 for clip in clips):
            raise ValueError("cannot")
        return [np.full((2, 1), len(clip), np.float32) for clip in clips]


def test_the_clip_that_fails_is_named_and_its_neighbours_are_encoded():
    encoder = Failing()
    good, bad = (
        HeardClip(name, lambda n=n: np.zeros(n, np.float32), lambda: encoder) for name, n in (("a", 5), ("b", 777))
    )
    with ThreadPoolExecutor(1) as pool, pytest.raises(BadCutError, match="cut 'b': the encoder fails") as caught:
        encode_clips(encoder, [good, bad], pool)
    assert (caught.value.cut_id, caught.value.reason) == ("b", "encoder_failed") and good.frames()[0, 0] == 5

    def refuse():
        raise AudioError("cut 'c': x.wav is empty.", reason="audio_missing")

    with ThreadPoolExecutor(1) as pool, pytest.raises(BadCutError, match=r"x\.wav") as caught:
        encode_clips(encoder, [good, HeardClip("c", refuse, lambda: encoder)], pool)
    assert (caught.value.cut_id, caught.value.reason) == ("c", "audio_missing")


def test_clips_of_one_recording_are_heard_in_its_order():
    """Whatever their order in the step; each still gets its own frames."""
    heard, encoder = [], Failing()

    def clip(number, recording, start):
        def hear():
            heard.append((recording, start))
            return np.zeros(100 + number, np.float32)

        return HeardClip(str(number), hear, lambda: encoder, place=(recording, start))

    places = [("b", 3.0), ("a", 9.0), ("b", 1.0), ("a", 2.0), ("b", 2.0)]
    clips = [clip(number, *place) for number, place in enumerate(places)]
    with ThreadPoolExecutor(1) as pool:
        encode_clips(encoder, clips, pool)
    assert heard == sorted(places)
    assert [clip.frames()[0, 0] for clip in clips] == [100, 101, 102, 103, 104]


def test_frames_that_stay_on_the_device_are_those_that_come_back(tmp_path):
    """With a CPU for a device. Spectrograms are made by other code there, which rounds otherwise."""
    encoder = load_encoder(str(make_whisper(tmp_path)))
    sounds = noises()
    expected = [encode_pieces(encoder, sound) for sound in sounds]
    there = copy(encoder)
    there.stays = True
    clips = [HeardClip(str(n), lambda sound=sound: sound, lambda: there) for n, sound in enumerate(sounds)]
    assert all(isinstance(clip.samples(), torch.Tensor) for clip in clips)
    for batches in (True, False):
        there.one_at_a_time = not batches
        with ThreadPoolExecutor(2) as pool:
            encode_clips(there, clips, pool)
        for clip, frames in zip(clips, expected, strict=True):
            assert isinstance(clip.frames(), torch.Tensor) and clip.frames().shape == frames.shape
            assert np.abs(clip.frames().numpy() - frames).max() <= 1e-4 * np.abs(frames).max()
            clip.keep(None)


@pytest.mark.parametrize("speed", [0.9, 1.0, 1.1])
def test_a_clip_is_played_faster_on_the_device_as_elsewhere(tmp_path, speed, monkeypatch):
    encoder = copy(load_encoder(str(make_whisper(tmp_path))))
    times = np.arange(16000, dtype=np.float32) / 16000
    tone = np.sin(2 * np.pi * 440 * times).astype(np.float32)
    expected = played(tone, speed, encoder)
    assert isinstance(expected, np.ndarray)
    encoder.stays = True
    found = played(tone, speed, encoder)
    assert isinstance(found, torch.Tensor) and abs(len(found) - len(expected)) <= 1
    inside = slice(500, len(expected) - 500)  # resamplers differ in what they take to be before and after a clip
    assert np.abs(found.numpy()[inside] - expected[inside]).max() < 0.01
    monkeypatch.setitem(sys.modules, "torchaudio.functional", None)  # as if it were not installed
    assert np.array_equal(played(tone, speed, encoder).numpy(), expected)


def test_frames_on_a_device_go_through_masks_joins_and_batches_as_arrays_do():
    """Device `meta` computes nothing, so what leaves it raises; a CPU's tensors give the bits of arrays."""
    array = np.arange(24, dtype=np.float32).reshape(8, 3)
    fill, masks = np.full(3, -1, np.float32), Masks([(1, 3)], [(0, 1)])

    def made(frames):
        one, two = LazyFrames(lambda: mask(frames, masks, fill), 8), LazyFrames(lambda: array[:2], 2)
        return end_to_end([one[2:], two]).read()

    here, there = made(array), made(torch.from_numpy(array))
    assert isinstance(here, np.ndarray) and isinstance(there, torch.Tensor) and np.array_equal(here, there.numpy())
    sample = Sample((0,), LazyFrames(array.copy, 8), None, [], [])
    away = replace(sample, frames=LazyFrames(lambda: torch.empty(5, 3, device="meta"), 5))
    batch = collate([sample, away], 3)
    assert batch.features.device.type == "meta" and batch.features.shape == (2, 8, 3)
    assert (array >= 0).all()


def test_threads_of_a_pool_compute_by_themselves_and_others_as_before():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with one_core_each(2) as pool:
            assert set(pool.map(lambda _: torch.get_num_threads(), range(20))) == {1}
            assert torch.get_num_threads() == 3
            with ThreadPoolExecutor(1) as later:
                assert later.submit(torch.get_num_threads).result() == 3
    finally:
        torch.set_num_threads(before)
