"""Masks touch what they say; sentence mixing loses and repeats nothing."""

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from soundwave.train.batches.augment import MIN_FRAMES, SplicePiece, cut_at_words, join, masked
from soundwave.train.batches.lazy_frames import LazyFrames, end_to_end
from soundwave.train.batches.plan_data import Cut, WordSpan
from soundwave.train.settings import SpecAugment


def cut(words, seconds_each=0.5):
    spans = [WordSpan(word, seconds_each * n, seconds_each * (n + 1)) for n, word in enumerate(words)]
    return Cut(
        "c",
        "tiny",
        "train",
        "asr",
        0.0,
        seconds_each * len(words),
        "en",
        None,
        " ".join(words),
        None,
        (),
        None,
        tuple(spans),
    )


def clip_of(frames):
    return LazyFrames(lambda: frames, len(frames))


def frames_of(words, each=20):
    """Every frame holds the number of its word."""
    return np.repeat(np.arange(len(words), dtype=np.float32), each)[:, None]


@given(st.lists(st.sampled_from(["press", "one", "now"]), min_size=1, max_size=9), st.floats(1, 4), st.integers(0, 99))
def test_pieces_are_the_clip(words, average, seed):
    pieces = cut_at_words(clip_of(frames_of(words)), cut(words), average, random.Random(seed))
    assert " ".join(piece.text for piece in pieces) == " ".join(words)
    assert np.array_equal(np.concatenate([piece.frames for piece in pieces]), frames_of(words))
    for piece in pieces:
        assert len(set(piece.frames.read()[:, 0].tolist())) == len(piece.text.split())
        assert len(piece.frames) >= MIN_FRAMES


def test_a_clip_with_an_unaligned_word_stays_whole():
    whole = cut(["press", "one"])
    missing = Cut(**{**whole.__dict__, "text": "press one now"})
    pieces = cut_at_words(clip_of(frames_of(["press", "one"])), missing, 1.0, random.Random(0))
    assert [piece.text for piece in pieces] == ["press one now"]


@given(st.lists(st.integers(4, 30), min_size=1, max_size=12), st.integers(1, 5), st.integers(0, 99))
def test_joining_keeps_every_piece_once(sizes, sentences, seed):
    pieces = [SplicePiece(clip_of(np.full((size, 1), n, np.float32)), f"w{n}") for n, size in enumerate(sizes)]
    joined = join(pieces, sentences, random.Random(seed))
    assert sorted(" ".join(piece.text for piece in joined).split()) == sorted(piece.text for piece in pieces)
    assert sum(len(piece.frames) for piece in joined) == sum(sizes)
    assert len(joined) <= sentences + 1


def test_masks_are_the_fill_and_leave_the_input_alone():
    frames = np.ones((400, 20), np.float32)
    fill = np.full(20, -1, np.float32)
    settings = SpecAugment(time_masks_per_second=1, time_seconds=0.2, feature_masks=1, feature_share=0.2)
    out = masked(clip_of(frames), settings, 40.0, fill, random.Random(1)).read()
    assert (frames == 1).all() and set(np.unique(out)) == {-1.0, 1.0}
    masked_frames = (out == -1).all(axis=1).sum()
    assert 0 < masked_frames <= 10 * 8
    none = SpecAugment(time_masks_per_second=0, feature_masks=0)
    assert np.array_equal(masked(clip_of(frames), none, 40.0, fill, random.Random(1)), frames)


def test_masks_of_frames_that_are_not_counted_yet_are_drawn_without_counting_them():
    frames, fill = np.ones((400, 20), np.float32), np.zeros(20, np.float32)
    reads = []
    one, two = random.Random(1), random.Random(1)
    clip = masked(LazyFrames(lambda: reads.append(1) or frames), SpecAugment(), 40.0, fill, one)
    other = masked(LazyFrames(lambda: frames[:200]), SpecAugment(), 40.0, fill, two)
    assert not reads and one.getstate() == two.getstate()  # what is drawn next does not hang on its length
    assert len(clip) == 400 and 0 < (clip.read() == 0).sum() < clip.read().size and len(reads) == 1
    assert len(other) == 200


def test_a_clip_is_read_when_it_is_needed():
    reads = []
    clip = LazyFrames(lambda: reads.append(1) or np.arange(8, dtype=np.float32)[:, None], 8)
    both = end_to_end([clip[:3], clip[5:]])
    assert (len(clip), len(clip[:3]), len(both), clip[2:].known, both.known) == (8, 3, 6, True, True) and not reads
    assert np.array_equal(both, np.array([[0], [1], [2], [5], [6], [7]], np.float32)) and len(reads) == 2
    assert not end_to_end([clip, LazyFrames(lambda: np.zeros((2, 1), np.float32))]).known
