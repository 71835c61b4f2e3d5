"""The torch batch gives what the kernels give."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from curation.ctc import WILDCARD, AlignmentError, TranscriptTooLongError, forced_align, forced_align_torch
from manifests.errors import InputError
from manifests.reasons import Reason
from tests.tolerance import rounding


def padded_batch(rng, items, width=20, wild=0.0):
    """Ragged items and the same padded: what is past an item's end is NaN and wrong ids, and must not matter."""
    arrays, ids = [], []
    for _ in range(items):
        targets = rng.integers(1, rng.choice([3, width]), int(rng.integers(0, 20)))
        targets[rng.random(len(targets)) < wild] = WILDCARD
        frames = len(targets) + int((targets[1:] == targets[:-1]).sum()) + int(rng.integers(0, 30))
        noise = rng.standard_normal((frames, width))
        arrays.append((noise - np.log(np.exp(noise).sum(axis=1, keepdims=True))).astype(np.float32))
        ids.append(targets)
    log_probs = torch.full((items, max(map(len, arrays)), width), torch.nan)
    targets = torch.full((items, max(map(len, ids))), 999)
    for n, (array, labels) in enumerate(zip(arrays, ids, strict=True)):
        log_probs[n, : len(array)] = torch.from_numpy(array)
        targets[n, : len(labels)] = torch.from_numpy(labels)
    lengths = torch.tensor([len(a) for a in arrays]), torch.tensor([len(i) for i in ids])
    return arrays, ids, (log_probs, targets, *lengths)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("wildcard", [None, -0.5])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_padded_batch_equals_the_kernels(seed, wildcard, precision):
    arrays, ids, batch = padded_batch(np.random.default_rng(seed), 16, wild=0.15 * (seed % 2))
    found = forced_align_torch(*batch, wildcard=wildcard, precision=precision)
    for item, array, targets in zip(found, arrays, ids, strict=True):
        expected = forced_align(array, targets, wildcard=wildcard, precision=precision)
        np.testing.assert_array_equal(item.path, expected.path)
        np.testing.assert_array_equal(item.scores, expected.scores)
        np.testing.assert_array_equal(item.starts, expected.starts)
        np.testing.assert_array_equal(item.ends, expected.ends)
        np.testing.assert_allclose(item.token_scores, expected.token_scores, rtol=rounding(len(array), np.float32))
        assert (item.path.dtype, item.starts.dtype) == (np.int32, np.int32)


def test_another_blank_and_no_lengths():
    scores = torch.randn(3, 25, 7).log_softmax(-1)
    targets = torch.randint(0, 6, (3, 8))
    for n, item in enumerate(forced_align_torch(scores, targets, blank=6)):
        np.testing.assert_array_equal(item.path, forced_align(scores[n].numpy(), targets[n].numpy(), blank=6).path)


def test_probabilities_of_zero():
    scores = torch.randn(1, 12, 6).log_softmax(-1)
    scores[0, :, 2] = -torch.inf
    scores[0, 5, 1] = -torch.inf
    (item,) = forced_align_torch(scores, torch.tensor([[1, 2, 3]]))
    expected = forced_align(scores[0].numpy(), [1, 2, 3])
    np.testing.assert_array_equal(item.path, expected.path)
    np.testing.assert_array_equal(item.scores, expected.scores)


def test_what_cannot_be_aligned_keeps_its_place():
    scores = torch.randn(3, 4, 6).log_softmax(-1)
    scores[2, 1, 1] = torch.nan
    targets = torch.tensor([[1, 2, 3], [1, 1, 1], [1, 2, 3]])
    first, too_long, broken = forced_align_torch(scores, targets, errors="return")
    np.testing.assert_array_equal(first.path, forced_align(scores[0].numpy(), targets[0].numpy()).path)
    assert isinstance(too_long, TranscriptTooLongError) and "item 1: 3 tokens" in str(too_long)
    assert isinstance(broken, AlignmentError) and broken.reason is Reason.aligner_failed
    with pytest.raises(TranscriptTooLongError):
        forced_align_torch(scores, targets)


def test_empty_batches():
    assert forced_align_torch(torch.zeros(0, 5, 4), torch.zeros(0, 2, dtype=torch.long)) == []
    (item,) = forced_align_torch(torch.zeros(1, 0, 4), torch.zeros(1, 0, dtype=torch.long))
    assert item.path.shape == (0,) and item.spans == []


@pytest.mark.parametrize(
    ("scores", "targets", "lengths", "message"),
    [
        (torch.zeros(4, 5), torch.zeros(1, 2, dtype=torch.long), None, "expected \\(items, frames, vocabulary\\)"),
        (torch.zeros(1, 4, 5).int(), torch.ones(1, 2, dtype=torch.long), None, "expected floats and integers"),
        (torch.zeros(1, 4, 5), torch.ones(1, 2), None, "expected floats and integers"),
        (torch.zeros(1, 4, 5), torch.zeros(1, 2, dtype=torch.long), None, "item 0: the target at position 0 is 0"),
        (torch.zeros(1, 4, 5), torch.full((1, 2), 5), None, "item 0: the target at position 0 is 5"),
        (torch.zeros(1, 4, 5), torch.ones(1, 2, dtype=torch.long), torch.tensor([9]), "expected 1 lengths from 0 to 4"),
    ],
)
def test_wrong_use_is_told(scores, targets, lengths, message):
    with pytest.raises(InputError, match=message):
        forced_align_torch(scores, targets, lengths)
