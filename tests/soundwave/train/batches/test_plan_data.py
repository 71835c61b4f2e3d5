"""What a plan's draws are, and their frames: stored ones, or encoded on the fly by one encoder."""

from dataclasses import replace

import numpy as np
import pytest

from manifests.errors import AudioError, InputError
from soundwave.train.batches import plan_data as data
from soundwave.train.batches.plan_data import CutStore, PlanData, encode_pieces

ENCODER = "moonshine-tiny-en"


class Counting:
    """An encoder of 10 frames a second: their times, and the samples' mean. Counts the clips it was given."""

    name, dim, frame_rate = "counting", 2, 10.0

    def __init__(self):
        self.clips = []

    def encode(self, clips):
        self.clips += [len(clip) for clip in clips]
        return [self._one(clip) for clip in clips]

    def _one(self, clip):
        frames = np.zeros((len(clip) // 1600, 2), np.float32)
        frames[:, 0] = np.arange(len(frames))
        frames[:, 1] = clip.mean()
        return frames


@pytest.fixture
def encoder(monkeypatch):
    made = []

    def load(name):
        made.append(name)
        return made_once

    made_once = Counting()
    monkeypatch.setattr("curation.encoders.load_encoder", load)
    return made_once


@pytest.fixture(scope="module")
def store(workspace):
    return CutStore(workspace / "catalog", [f"tiny-{n:02d}" for n in range(24)], encoder=ENCODER)


@pytest.fixture
def clip(tmp_path, store):
    """A cut of so many seconds of noise on disk, without stored frames."""
    import soundfile

    def make(seconds, **changes):
        path = tmp_path / f"{seconds}.wav"
        noise = np.random.default_rng(0).normal(0, 0.1, round(16000 * seconds)).astype(np.float32)
        soundfile.write(path, noise, 16000)
        cut = store.cuts["tiny-00"]
        return replace(cut, source_path=str(path), start=0.0, duration=seconds, features={}, words=(), **changes)

    return make


def test_cuts_have_their_words_sounds_and_features(store):
    speech, sound = store.cuts["tiny-00"], store.cuts["tiny-20"]
    assert [word.symbol for word in speech.words] == speech.text.split() and speech.speaker is None
    assert speech.words[1].start == 0.5 and speech.words[1].end == 1.0
    assert sound.sound == ("Dog barking",) and sound.words == () and set(sound.features) == {"plain", "speed=0.9"}
    assert (store.feature_dim, store.frame_rate) == (12, 40.0)


def test_stored_frames_come_by_variant_and_plain_when_there_is_no_such(store):
    cut = store.cuts["tiny-00"]
    plain, fast, none = (store.frames(cut, name) for name in ("plain", "speed=0.9", "speed=1.1"))
    assert plain.dtype == np.float32 and plain.shape == (20 * len(cut.words), 12)
    assert len(fast) == len(plain) - 2 and np.array_equal(none, plain)


def test_an_unknown_id_is_named(workspace):
    with pytest.raises(InputError, match=r"no cut 'nobody' \(1 such"):
        CutStore(workspace / "catalog", ["tiny-00", "nobody"], encoder=ENCODER)


def test_what_is_not_stored_is_encoded(workspace, encoder, clip):
    fresh = CutStore(workspace / "catalog", ["tiny-00"], encoder="counting")
    assert (fresh.feature_dim, fresh.frame_rate) == (2, 10.0)
    assert [fresh.frames(clip(seconds)).shape for seconds in (1.0, 31.0)] == [(10, 2), (310, 2)]
    assert encoder.clips == [16000, 16000 * 31]


def test_a_speed_that_is_not_stored_is_made(workspace, encoder, clip):
    fresh = CutStore(workspace / "catalog", ["tiny-00"], encoder="counting")
    assert len(fresh.frames(clip(9.0), "speed=0.9")) == 100


def test_part_of_a_recording_is_read_alone(workspace, encoder, clip):
    fresh = CutStore(workspace / "catalog", ["tiny-00"], encoder="counting")
    assert len(fresh.frames(replace(clip(9.0), start=2.0, duration=3.0))) == 30


def test_a_missing_file_is_named(workspace, encoder, clip):
    fresh = CutStore(workspace / "catalog", ["tiny-00"], encoder="counting")
    with pytest.raises(AudioError, match=r"No such audio file: .*gone\.wav"):
        fresh.frames(replace(clip(1.0), source_path="gone.wav"))


@pytest.mark.parametrize(("seconds", "pieces"), [(64.0, 1), (64.1, 3), (300.0, 10)])
def test_a_long_clip_goes_through_the_encoder_in_equal_pieces(seconds, pieces):
    encoder = Counting()
    samples = np.ones(round(16000 * seconds), np.float32)
    frames = encode_pieces(encoder, samples)
    assert len(encoder.clips) == pieces and sum(encoder.clips) == len(samples)
    assert max(encoder.clips) - min(encoder.clips) <= 1
    assert pieces == 1 or max(encoder.clips) <= 16000 * data.PIECE
    assert abs(len(frames) - 10 * seconds) <= pieces


def test_the_real_encoder_is_loaded_once(monkeypatch):
    from curation import encoders

    made = []
    monkeypatch.setattr(encoders, "WhisperEncoder", lambda name: made.append(name) or Counting())
    encoders.load_encoder.cache_clear()
    store = CutStore.__new__(CutStore)
    store.encoder = "some/whisper"
    assert store._encoder() is store._encoder() and made == ["some/whisper"]
    encoders.load_encoder.cache_clear()


def test_answers_of_a_domain(workspace):
    plan = PlanData(workspace / "mixtures" / "mixed", encoder=ENCODER)
    store = plan.store
    assert store.answers("sound") == ["Dog."] and store.answers("qa") == ["one"] and store.answers("none") == []
    spoken = {draw.cut.text for draw in plan.draws() if draw.domain == "asr"}
    assert store.answers("asr") == sorted(spoken) and store.answers("asr") is store.answers("asr")


def test_words_of_two_aligners_are_not_mixed(tmp_path, workspace):
    import shutil

    import pyarrow.parquet as pq

    from curation.catalog import build

    shutil.copytree(workspace / "corpora", tmp_path / "corpora")
    shutil.copytree(workspace / "labels", tmp_path / "labels")
    path = tmp_path / "labels" / "align" / "tiny" / "words-0000.parquet"
    rows = pq.read_table(path)
    other = [row | {"backend": "z-other", "start": row["start"] + 0.1} for row in rows.to_pylist()]
    import pyarrow as pa

    pq.write_table(pa.concat_tables([rows, pa.Table.from_pylist(other, schema=rows.schema)]), path)
    build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    cut = CutStore(tmp_path / "catalog", ["tiny-00"], encoder=ENCODER).cuts["tiny-00"]
    assert " ".join(word.symbol for word in cut.words) == cut.text and cut.words[1].start == 0.5


def test_a_plan_begins_again_at_its_end(workspace):
    plan = PlanData(workspace / "mixtures" / "mixed", encoder=ENCODER)
    assert plan.step(len(plan)) == plan.step(0) and len(plan.draws()) == sum(
        len(plan.step(n)) for n in range(len(plan))
    )
