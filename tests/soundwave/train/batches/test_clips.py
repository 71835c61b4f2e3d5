"""Clips that are encoded in batches have the frames that they have alone."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from curation.encoders import load_encoder
from manifests.errors import AudioError, BadCutError
from soundwave.train.batches import clips as module
from soundwave.train.batches.clips import HeardClip, encode_clips, encode_pieces
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
