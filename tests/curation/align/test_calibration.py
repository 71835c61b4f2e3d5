"""Calibration: exact where a slow search can tell, better edges where the truth is known, refusals."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.align.calibration import BINS, HOP, RANGES, Calibration, Offset, calibrate, levels
from curation.align.concatenated import Example, WordRecording, add_noise, join_words, trim
from curation.align.ctc_aligner import CTCAligner
from curation.align.ctc_model import Spikes
from curation.text import Word, normalise
from manifests.errors import InputError, ManifestError, MissingFileError, SettingsError

FLAT = tuple(tuple(float(column) / 4 - 2 for column in range(BINS)) for _ in range(len(RANGES) + 1))


def made(**changes: object) -> Calibration:
    values = {
        "backend": "late",
        "model": "1",
        "reference": "made",
        "words": 99,
        "starts": {"": Offset(-0.05, 0.03), "b": Offset(-0.1, 0.02)},
        "ends": {"": Offset(0.05, 0.04)},
        "levels": FLAT,
        "weight": 0.1,
        "joint": 1.0,
    }
    return Calibration(**(values | changes))


def word(text: str) -> Word:
    return normalise(text)[0]


def burst(seconds: float, rng: np.random.Generator) -> np.ndarray:
    return (0.3 * rng.standard_normal(int(seconds * 16000))).astype(np.float32)


def spoken_clips(seed: int, count: int = 80) -> list[Example]:
    rng = np.random.default_rng(seed)
    words = [
        WordRecording(word(text), burst(0.2 + 0.05 * n, rng)) for n, text in enumerate(("bat", "cat", "moon", "sun"))
    ]
    return join_words(words * (count // 4), rounds=1, seed=seed)


@dataclass(frozen=True)
class LateLoader:
    name: str = "late"
    version: str = "1"

    def __call__(self) -> None:
        raise AssertionError("not needed")


class Late(CTCAligner):
    """Hears each word 120 ms late at its start and 90 ms early at its end, with some scatter."""

    def __init__(self, clips: list[Example], calibration: Calibration | None = None) -> None:
        super().__init__(LateLoader(), calibration)
        self.clips = clips

    def spikes(self, samples: np.ndarray, words: list[Word], beside: str = "none") -> list[Spikes]:
        (clip,) = [clip for clip in self.clips if clip.samples is samples]
        rng = np.random.default_rng(len(samples))
        found = []
        for n, said in enumerate(words):
            start, end = clip.edges[n]
            first = start + 0.12 * rng.uniform(0.5, 1.5)
            found.append(Spikes(n, said.spoken[0], first, max(first + 0.02, end - 0.09 * rng.uniform(0.5, 1.5)), -1.0))
        return found


def error(aligner: CTCAligner, clips: list[Example]) -> float:
    return float(
        np.mean(
            [
                abs(a - b)
                for clip in clips
                for found in aligner.align(clip.samples, clip.words)
                for a, b in zip((found.start, found.end), clip.edges[found.position], strict=True)
            ]
        )
    )


def test_what_was_learned_on_some_clips_mends_others() -> None:
    train, test = spoken_clips(1), spoken_clips(2)
    noisy = [add_noise(clip, snr=10.0, colour=1.0) for clip in test]
    learned = calibrate(Late(train), train, reference="made")
    assert learned.words == 80
    assert learned.starts[""].middle == pytest.approx(-0.12, abs=0.02)
    assert learned.ends[""].middle == pytest.approx(0.09, abs=0.02)
    for clips in (test, noisy):
        assert error(Late(clips, learned), clips) < error(Late(clips), clips) / 3


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 60), st.integers(0, 6))
def test_a_gap_is_the_best_of_all_pairs(seed: int, steps: int, joint: int) -> None:
    rng = np.random.default_rng(seed)
    odds = np.concatenate([[0.0], np.cumsum(rng.normal(size=90))])
    low = int(rng.integers(0, 30))
    high = low + steps
    before = Spikes(0, "ab", 0.0, float(rng.uniform(0, 0.45)), -1.0)
    after = Spikes(1, "bc", float(rng.uniform(0, 0.45)), 0.45, -1.0)
    calibration = made(joint=float(joint))

    def score(end: int, start: int) -> float:
        late = abs(end * HOP - before.last - 0.05) / 0.04 + abs(start * HOP - after.first + 0.1) / 0.02
        return odds[end] - odds[start] - late + (joint if end == start else 0.0)

    pairs = [
        (end, start)
        for end, start in itertools.product(range(low, high + 1), repeat=2)
        if start == end or start - end >= 4
    ]
    found = calibration._gap(before, after, odds, low, high)
    assert found in pairs
    assert score(*found) == pytest.approx(max(score(*pair) for pair in pairs))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 2.2), st.floats(0, 0.5)), min_size=1, max_size=8),
    st.floats(0.05, 2.0),
    st.integers(0, 99),
)
def test_edges_are_in_order_and_inside_the_clip(spans: list[tuple[float, float]], seconds: float, seed: int) -> None:
    starts = sorted(start for start, _ in spans)
    spikes = [
        Spikes(n, "abc", start, start + length, -1.0)
        for n, (start, (_, length)) in enumerate(zip(starts, spans, strict=True))
    ]
    samples = burst(seconds, np.random.default_rng(seed))
    edges = made().edges(spikes, samples)
    flat = [edge for pair in edges for edge in pair]
    assert len(edges) == len(spikes) and flat == sorted(flat)
    assert flat[0] >= 0 and flat[-1] <= seconds + HOP


def test_levels_tell_loud_from_quiet_in_clean_and_noisy_clips() -> None:
    rng = np.random.default_rng(0)
    samples = np.concatenate([0.001 * burst(0.5, rng), burst(0.5, rng)])
    row, columns = levels(samples)
    assert row == len(RANGES) and len(columns) == 200
    assert columns[:90].max() < BINS / 3 < 2 * BINS / 3 < columns[110:].min()
    assert levels(np.zeros(0, np.float32))[1].shape == (1,)
    assert levels(np.zeros(400, np.float32))[0] == 0


def test_a_file_keeps_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "made.json"
    made().save(path)
    assert Calibration.load(path) == made()
    assert Calibration.load(path).fingerprint == made().fingerprint != made(joint=2.0).fingerprint
    for text, said in (
        ('{"format": 1, "wait": 2}', r"made.json: .*unknown key `wait`"),
        ("[]", "made.json holds list, expected an object"),
        ('{"format', "made.json is not valid JSON, or not whole"),
    ):
        path.write_text(text)
        with pytest.raises(ManifestError, match=f"(?s){said}.*`soundwave calibrate` makes"):
            Calibration.load(path)
    whole = made().model_dump(mode="json")
    for key, value in (
        ("starts", {"a": [0.0, 0.1]}),
        ("ends", {"": [0.0, 0.0]}),
        ("ends", {"": [float("nan"), 0.1]}),
        ("levels", whole["levels"][:1]),
        ("levels", [row[1:] for row in whole["levels"]]),
        ("weight", float("inf")),
    ):
        path.write_text(json.dumps(whole | {key: value}))
        with pytest.raises(ManifestError, match=rf"(?s)made.json: .*`{key}`.*expected|lacks"):
            Calibration.load(path)
    with pytest.raises(MissingFileError, match="soundwave calibrate"):
        Calibration.load(tmp_path / "none.json")
    with pytest.raises(SettingsError, match="learned with late 1, but the aligner is late 2"):
        made().check("late", "2")


def test_the_version_of_an_aligner_names_its_calibration() -> None:
    assert Late([], made()).version == f"1+{made().fingerprint}" != Late([]).version


def test_too_few_words_are_refused() -> None:
    clips = spoken_clips(1, count=8)
    with pytest.raises(InputError, match="needs 50 words with known edges"):
        calibrate(Late(clips), clips, reference="made")


def test_trimming_finds_the_word_and_refuses_what_has_no_clear_edges() -> None:
    rng = np.random.default_rng(0)
    quiet = (1e-4 * rng.standard_normal(4800)).astype(np.float32)
    found = trim(np.concatenate([quiet, burst(0.4, rng), quiet]))
    assert found is not None and abs(len(found) / 16000 - 0.4) < 0.011
    tail = burst(0.6, rng) * np.geomspace(1, 1e-2, 9600).astype(np.float32)
    assert trim(np.concatenate([quiet, burst(0.2, rng), tail])) is None
    assert trim(np.zeros(8000, np.float32)) is None
    assert trim(np.zeros(0, np.float32)) is None


def test_joined_clips_hold_every_word_where_they_say() -> None:
    rng = np.random.default_rng(0)
    words = [WordRecording(word(text), burst(0.2 + 0.01 * n, rng)) for n, text in enumerate(("a", "bee", "sea") * 5)]
    clips = join_words(words, rounds=2, seed="x")
    assert sum(len(clip.words) for clip in clips) == 30 and clips[0].joints <= set(range(len(clips[0].words)))
    for clip in clips:
        inside = np.zeros(len(clip.samples), bool)
        for start, end in clip.edges.values():
            inside[round(start * 16000) : round(end * 16000)] = True
        assert np.abs(clip.samples[~inside]).max() < 0.01 < np.abs(clip.samples[inside]).max()
        for number in clip.joints:
            assert clip.edges[number][0] == clip.edges[number - 1][1]
    again = join_words(words, rounds=2, seed="x")
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(clips, again, strict=True))
    noisy = add_noise(clips[0], snr=0.0)
    assert np.std(noisy.samples - clips[0].samples) == pytest.approx(0.07, rel=0.1)
