"""What the aligner accepts, what it refuses, and how it says so."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

from curation.ctc import WILDCARD, AlignmentError, TranscriptTooLongError, forced_align, forced_align_batch
from manifests.errors import InputError
from manifests.reasons import Reason


@pytest.fixture
def log_probs():
    out = np.random.default_rng(0).standard_normal((12, 6))
    return (out - np.log(np.exp(out).sum(axis=1, keepdims=True))).astype(np.float32)


def test_types_shapes_and_fields(log_probs):
    alignment = forced_align(log_probs, [3, 1, 1, 2])
    assert (alignment.path.dtype, alignment.path.shape) == (np.int32, (12,))
    assert (alignment.scores.dtype, alignment.scores.shape) == (np.float32, (12,))
    assert [span.token for span in alignment.spans] == [3, 1, 1, 2]
    assert alignment.score == pytest.approx(alignment.scores.mean())


def test_other_layouts_and_types_give_the_same(log_probs):
    expected = forced_align(log_probs, [3, 1, 2]).path
    spread = np.zeros((24, 12), np.float32)
    spread[::2, ::2] = log_probs
    for same in (
        np.asfortranarray(log_probs),
        spread[::2, ::2],
        log_probs[::-1].copy()[::-1],
        log_probs.astype(np.float64),
        log_probs.astype(">f4"),
        log_probs.tolist(),
    ):
        np.testing.assert_array_equal(forced_align(same, [3, 1, 2]).path, expected)
    for same in (np.array([3, 1, 2], np.uint8), np.array([3, 9, 1, 9, 2], np.int32)[::2], (3, 1, 2)):
        np.testing.assert_array_equal(forced_align(log_probs, same).path, expected)


def test_the_input_is_left_alone(log_probs):
    log_probs[4, 2] = -np.inf
    before = log_probs.copy()
    forced_align(log_probs, [1, 2])
    np.testing.assert_array_equal(log_probs, before)


def test_any_column_can_be_the_blank(log_probs):
    expected = forced_align(log_probs, [3, 1, 1, 2])
    moved = forced_align(np.roll(log_probs, -1, axis=1), [2, 0, 0, 1], blank=5)
    np.testing.assert_array_equal(moved.scores, expected.scores)
    np.testing.assert_array_equal(moved.starts, expected.starts)


def test_nothing_to_align(log_probs):
    silent = forced_align(log_probs, [])
    assert silent.path.tolist() == [0] * 12 and silent.spans == []
    np.testing.assert_array_equal(silent.scores, log_probs[:, 0])
    empty = forced_align(log_probs[:0], [])
    assert empty.path.shape == (0,) and empty.spans == [] and empty.score == 0.0


@pytest.mark.parametrize(
    ("frames", "targets", "need"), [(0, [1], 1), (2, [1, 2, 3], 3), (3, [1, 1, 1], 5), (3, [WILDCARD, WILDCARD, 1], 4)]
)
def test_a_transcript_too_long_for_its_frames(log_probs, frames, targets, need):
    with pytest.raises(TranscriptTooLongError, match=f"need {need} frames, but there are {frames}") as caught:
        forced_align(log_probs[:frames], targets)
    assert caught.value.reason is Reason.transcript_too_long
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), again.reason, str(again)) == (
        TranscriptTooLongError,
        Reason.transcript_too_long,
        str(caught.value),
    )


def test_a_batch_loses_no_item(log_probs):
    broken = log_probs.copy()
    broken[3, 1] = np.nan
    found = forced_align_batch(
        [log_probs, log_probs[:2], broken, log_probs], [[1], [1, 2, 3], [1], [2]], errors="return"
    )
    assert [getattr(item, "reason", None) for item in found] == [
        None,
        Reason.transcript_too_long,
        Reason.aligner_failed,
        None,
    ]
    np.testing.assert_array_equal(found[3].path, forced_align(log_probs, [2]).path)
    with pytest.raises(TranscriptTooLongError, match="item 1: 3 tokens"):
        forced_align_batch([log_probs, log_probs[:2]], [[1], [1, 2, 3]])
    assert forced_align_batch([], []) == []


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("column", [0, 2])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_nan_and_infinity_are_noticed(log_probs, value, column, precision):
    log_probs[6, column] = value
    with pytest.raises(AlignmentError, match="NaN or \\+inf") as caught:
        forced_align(log_probs, [1, 2, 3], precision=precision)
    assert caught.value.reason is Reason.aligner_failed


def test_nan_where_nobody_looks_does_no_harm(log_probs):
    expected = forced_align(log_probs, [1, 2, 3]).path
    log_probs[:, 5] = np.nan
    np.testing.assert_array_equal(forced_align(log_probs, [1, 2, 3]).path, expected)
    with pytest.raises(AlignmentError):
        forced_align(log_probs, [1, WILDCARD, 3])


def test_a_probability_of_zero_on_every_path(log_probs):
    log_probs[:, 2] = -np.inf
    alignment = forced_align(log_probs, [1, 2, 3])
    assert [span.token for span in alignment.spans] == [1, 2, 3]
    assert (alignment.path == 2).sum() == 1  # no more zeros than it must
    assert alignment.spans[1].score == -np.inf and np.isfinite(alignment.spans[0].score)
    assert (alignment.scores == -np.inf).sum() == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"log_probs": np.zeros((3, 4), int)}, "expected floats of shape"),
        ({"log_probs": np.zeros((1, 3, 4), np.float32)}, r"\(1, 3, 4\); expected floats of shape"),
        ({"log_probs": np.zeros(3, np.float32)}, "expected floats of shape"),
        ({"log_probs": np.zeros((3, 0), np.float32)}, "expected 0 to -1"),
        ({"targets": [1.5]}, "targets is float64"),
        ({"targets": [True]}, "targets is bool"),
        ({"targets": [[1, 2]]}, r"shape \(1, 2\); expected integers"),
        ({"targets": [1, 0]}, "position 1 is 0, which is the blank"),
        ({"targets": [1, 6]}, "position 1 is 6; expected 0 to 5"),
        ({"targets": [-2, 6]}, "position 0 is -2; expected 0 to 5"),
        ({"blank": 6}, "blank=6; expected 0 to 5"),
        ({"blank": -1}, "blank=-1; expected 0 to 5"),
        ({"precision": "half"}, "precision='half'"),
    ],
)
def test_wrong_use_is_told(log_probs, change, message):
    arguments = {"log_probs": log_probs, "targets": [1, 2], **change}
    with pytest.raises(InputError, match=message) as caught:
        forced_align(arguments.pop("log_probs"), arguments.pop("targets"), **arguments)
    assert not isinstance(caught.value, AlignmentError)


def test_wrong_use_of_a_batch_is_told(log_probs):
    with pytest.raises(InputError, match="1 arrays of log_probs, 2 of targets"):
        forced_align_batch([log_probs], [[1], [2]])
    with pytest.raises(InputError, match=r"item 1: .*which is the blank"):
        forced_align_batch([log_probs, log_probs], [[1], [0]], errors="return")
    with pytest.raises(InputError, match="errors='ignore'"):
        forced_align_batch([log_probs], [[1]], errors="ignore")


def test_importing_the_module_loads_nothing_heavy():
    code = "import sys, curation.ctc; print({'numba', 'torch', 'torchaudio', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
