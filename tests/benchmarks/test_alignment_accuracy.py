"""The accuracy benchmark's arithmetic on errors that are known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.alignment_accuracy import METRICS, Tally, even, markdown, rows, without_ends
from curation.align.base import AlignedWord
from curation.align.concatenated import Example
from curation.text import normalise
from manifests.errors import Rejected
from manifests.reasons import Reason

EDGES = {0: (0.1, 0.5), 1: (0.5, 0.9), 2: (1.2, 1.6)}
CLIP = Example(np.full(32000, 0.1, np.float32), normalise("one two three"), EDGES, frozenset({1}))


def test_errors_coverage_and_joints_are_counted() -> None:
    tally = Tally()
    # 10 ms late at both edges of the first word, 60 ms at the second's start; the third is missing.
    tally.add(CLIP, lambda samples, words: [AlignedWord(0, 0.11, 0.51, 0.0), AlignedWord(1, 0.56, 0.9, 0.0)])
    found = tally.metrics()
    assert found["coverage"] == pytest.approx(200 / 3)
    assert found["mae"] == pytest.approx(20) and found["median"] == pytest.approx(10)
    assert (found["within_20"], found["within_50"], found["within_100"]) == (75, 75, 100)
    assert found["f1_20"] == pytest.approx(100 * 2 * 3 / (4 + 6))
    assert found["joint_mae"] == pytest.approx((10 + 60) / 2)


def test_a_rejected_clip_is_uncovered_and_has_no_error() -> None:
    def refuse(samples: object, words: object) -> list[AlignedWord]:
        raise Rejected(Reason.aligner_failed)

    tally = Tally()
    tally.add(CLIP, refuse)
    assert (tally.metrics()["coverage"], tally.metrics()["f1_20"]) == (0, 0)


def test_words_spread_evenly_are_in_order_and_inside_the_loud_part() -> None:
    samples = np.zeros(32000, np.float32)
    samples[8000:24000] = 0.5
    edges = [edge for word in even(samples, CLIP.words) for edge in (word.start, word.end)]
    assert edges == sorted(edges) and edges[0] == pytest.approx(0.48) and edges[-1] == pytest.approx(1.52, abs=0.001)


def test_calibrated_stands_against_uncalibrated() -> None:
    figures = dict.fromkeys(METRICS, 10.0)
    results = [
        ("even", "others", "clean", figures | {"mae": 200.0}),
        ("pocketsphinx", "others", "clean", figures),
        ("soundwave", "others", "clean", figures | {"mae": 80.0, "within_20": 5.0}),
        ("soundwave+calibration", "others", "clean", figures | {"mae": 20.0}),
    ]
    table = {row["name"]: row for row in rows(results)}
    assert table["soundwave/others/clean/mae"]["ratio"] == 4.0
    assert table["soundwave/others/clean/within_20"]["ratio"] == 2.0
    assert table["pocketsphinx/others/clean/mae"]["peer"] == 200.0
    assert len(table) == 2 * len(METRICS)
    assert markdown(results).count("\n") == 5


def test_a_transcript_that_lacks_its_ends_keeps_the_true_edges() -> None:
    inner = without_ends(CLIP)
    assert [word.text for word in inner.words] == ["two"]
    assert inner.edges == {0: EDGES[1]} and inner.joints == {0}
    assert inner.samples is CLIP.samples
