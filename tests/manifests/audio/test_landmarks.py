"""Marks of a sound: they survive what encoding does, and tell other sounds apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from manifests.audio.landmarks import KEPT, alike, alike_pairs, landmarks, matched, read_landmarks
from tests.curation.sounding import RATE, again, clip


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_sound_is_found_in_every_encoding(seed: int) -> None:
    sound = clip(seed)
    one = landmarks(sound)
    for name, (samples, rate) in again(sound).items():
        other = landmarks(samples, rate)
        assert alike(one.text(), other.text()) > 0.15, name
        assert [pair[:2] for pair in alike_pairs([one, other])] == [(0, 1)], name


def test_other_sounds_are_never_alike() -> None:
    clips = [landmarks(clip(seed)) for seed in range(60)]
    assert list(alike_pairs(clips)) == []
    texts = [marks.text() for marks in clips]
    assert [pair for pair in itertools.combinations(texts, 2) if alike(*pair)] == []


def test_a_piece_is_found_in_a_long_recording_and_where() -> None:
    long = np.concatenate([clip(seed, 10.0) for seed in range(6)])
    one, piece = landmarks(long), landmarks(long[25 * RATE : 31 * RATE])
    assert (len(one.pairs) <= KEPT, one.halved > 0, piece.halved < one.halved) == (True, True, True)
    share, later = matched(read_landmarks(piece.text()), read_landmarks(one.text()))
    assert share > 0.3
    assert later == pytest.approx(25.0, abs=0.05)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(0, np.float32),
        np.zeros(1, np.float32),
        np.zeros(RATE, np.float32),
        np.full(RATE, 0.3, np.float32),
        clip(1)[:1600],
    ],
    ids=["nothing", "one sample", "silence", "constant", "a tenth of a second"],
)
def test_what_has_no_structure_is_like_nothing(samples: np.ndarray) -> None:
    marks = landmarks(samples)
    assert alike(marks.text(), marks.text()) == 0.0
    assert list(alike_pairs([marks, marks])) == []


def test_many_copies_hang_together() -> None:
    copies = [landmarks(clip(1) * np.float32(level)) for level in np.linspace(0.1, 1, 30)]
    reached = {0}
    for one, other, _ in alike_pairs([*copies, landmarks(clip(2))]):
        reached |= {one, other}
    assert reached == set(range(30))


def test_marks_come_back_from_their_text() -> None:
    marks = landmarks(clip(3))
    pairs, times, halved = read_landmarks(marks.text())
    assert (pairs.tolist(), times.tolist(), halved) == (marks.pairs.tolist(), marks.times.tolist(), marks.halved)
    assert marks.key_text().split() == [f"{key:08x}" for key in marks.keys]
