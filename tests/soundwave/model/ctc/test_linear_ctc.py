"""The chunked CTC loss against log_softmax + torch's own, and what it must never allocate."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from manifests.errors import InputError
from soundwave.model.ctc.linear_ctc import (
    chunked_argmax,
    chunked_top_k,
    gathered_log_probs,
    linear_ctc_loss,
    linear_ctc_loss_and_best,
)
from tests.tolerance import half_the_digits, rounding

F64 = torch.float64


def log_probs(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return F.linear(x, weight, bias).log_softmax(-1)


def peer(x, weight, targets, frames, lengths, *, blank, bias=None, **options) -> Tensor:
    return F.ctc_loss(
        log_probs(x, weight, bias).transpose(0, 1),
        targets,
        frames,
        lengths,
        blank=blank,
        **{"zero_infinity": True, **options},
    )


def case(clips=3, frames=12, size=5, vocabulary=11, tokens=4, *, dtype=F64, seed=0, grad=True):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(clips, frames, size, generator=g, dtype=F64).to(dtype).requires_grad_(grad)
    weight = torch.randn(vocabulary, size, generator=g, dtype=F64).to(dtype).requires_grad_(grad)
    bias = torch.randn(vocabulary, generator=g, dtype=F64).to(dtype).requires_grad_(grad)
    targets = torch.randint(1, vocabulary, (clips, tokens), generator=g)
    return x, weight, bias, targets


@st.composite
def batches(draw) -> dict[str, Any]:
    """Any batch that F.ctc_loss takes: few tokens, so that repeats are common; lengths at and below the minimum."""
    vocabulary = draw(st.integers(2, 9))
    blank = draw(st.integers(0, vocabulary - 1))
    others = [token for token in range(vocabulary) if token != blank]
    targets = draw(st.lists(st.lists(st.sampled_from(others), max_size=5), min_size=1, max_size=4))
    frames = []
    for target in targets:
        least = len(target) + sum(a == b for a, b in itertools.pairwise(target))
        frames.append(max(1, least + draw(st.integers(-1, 4))))
    return {
        "vocabulary": vocabulary,
        "blank": blank,
        "targets": targets,
        "frames": frames,
        "padding": draw(st.integers(0, 2)),
        "flat": draw(st.booleans()),
        "bias": draw(st.booleans()),
        "frozen": draw(st.booleans()),
        "reduction": draw(st.sampled_from(["mean", "sum", "none"])),
        "chunk": draw(st.sampled_from([None, 1, 3, 8, 50])),
        "seed": draw(st.integers(0, 99)),
    }


@settings(max_examples=150, deadline=None)
@given(batches())
def test_loss_and_gradients_are_those_of_log_softmax_and_ctc(batch):
    lengths = [len(target) for target in batch["targets"]]
    x, weight, bias, _ = case(
        len(lengths), max(batch["frames"]) + batch["padding"], 3, batch["vocabulary"], seed=batch["seed"]
    )
    if batch["flat"]:
        targets = torch.tensor([token for target in batch["targets"] for token in target], dtype=torch.long)
    else:
        targets = torch.full((len(lengths), max(lengths) + 1), batch["blank"])
        for row, target in zip(targets, batch["targets"], strict=True):
            row[: len(target)] = torch.tensor(target)
    bias = bias if batch["bias"] else None
    weight.requires_grad_(not batch["frozen"])
    inputs = [t for t in (x, weight, bias) if t is not None and t.requires_grad]
    arguments = (x, weight, targets, torch.tensor(batch["frames"]), torch.tensor(lengths))
    options = {"blank": batch["blank"], "bias": bias, "reduction": batch["reduction"]}

    ours = linear_ctc_loss(*arguments, **options, chunk=batch["chunk"])
    theirs = peer(*arguments, **options)

    torch.testing.assert_close(ours, theirs)
    scale = torch.arange(1, ours.numel() + 1, dtype=F64).view(ours.shape)
    for a, b in zip(
        torch.autograd.grad((ours * scale).sum(), inputs),
        torch.autograd.grad((theirs * scale).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=half_the_digits(np.float64), atol=half_the_digits(np.float64))


@pytest.mark.parametrize("chunk", [None, 1, 20])
def test_gradcheck(chunk):
    x, weight, bias, targets = case(2, 6, 3, 5, 2)
    targets[0] = 3
    assert torch.autograd.gradcheck(
        lambda x, w, b: linear_ctc_loss(x, w, targets, [6, 4], [2, 1], blank=0, bias=b, reduction="none", chunk=chunk),
        (x, weight, bias),
    )
    columns = torch.tensor([[4, 1, 1], [0, 2, 3]])
    assert torch.autograd.gradcheck(
        lambda x, w, b: gathered_log_probs(x, w, columns, bias=b, chunk=chunk), (x, weight, bias)
    )


class Largest(TorchDispatchMode):
    """Remembers the largest tensor that any operation returns, as its number of cells."""

    cells = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        sizes = [
            leaf.untyped_storage().nbytes() // leaf.element_size()
            for leaf in tree_leaves(result)
            if isinstance(leaf, Tensor)
        ]
        self.cells = max(self.cells, *sizes, 0)
        return result


@pytest.mark.parametrize("frozen", [False, True])
def test_nothing_is_as_large_as_frames_by_vocabulary(frozen):
    clips, frames, size, vocabulary, tokens = 2, 150, 4, 5000, 20
    x, weight, _, targets = case(clips, frames, size, vocabulary, tokens, dtype=torch.float32)
    weight.requires_grad_(not frozen)
    lengths = [tokens] * clips
    bound = max(clips * frames * (2 * tokens + 2), vocabulary * size, 20_000)
    assert bound * 50 < clips * frames * vocabulary

    with Largest() as seen:
        linear_ctc_loss(x, weight, targets, [frames] * clips, lengths, blank=0, chunk=20_000).backward()
        chunked_top_k(x, weight, 3, chunk=20_000)
    assert seen.cells <= bound
    with Largest() as held:
        peer(x, weight, targets, [frames] * clips, lengths, blank=0)
    assert held.cells >= clips * frames * vocabulary, "the meter must see the peer's matrix"


def test_a_large_matrix_is_tiled_without_being_asked():
    x, weight, _, targets = case(1, 700, 2, 70_000, 3, dtype=torch.float32)
    with Largest() as seen:
        linear_ctc_loss(x, weight, targets, [700], [3], blank=0).backward()
    assert seen.cells <= 2**23


@pytest.mark.parametrize("chunk", [None, 700])
def test_float32_gradients_keep_five_digits_over_many_frames(chunk):
    # log_softmax + F.ctc_loss in float32 is off by more than 1e-3 here
    x, weight, _, targets = case(2, 500, 32, 200, 40, dtype=torch.float32)
    arguments = (targets, [500, 333], [40, 25])
    ours = torch.autograd.grad(linear_ctc_loss(x, weight, *arguments, blank=0, chunk=chunk), (x, weight))
    exact = torch.autograd.grad(peer(x.double(), weight.double(), *arguments, blank=0), (x, weight))
    for a, b in zip(ours, exact, strict=True):
        assert (a - b).norm() / b.norm() < rounding(500, np.float32)  # one rounding a frame


@pytest.mark.parametrize("chunk", [None, 100])
def test_half_precision_inputs_are_summed_in_float32(chunk):
    x, weight, bias, targets = case(2, 20, 16, 60, 4, dtype=torch.bfloat16)
    ours = linear_ctc_loss(x, weight, targets, [20, 15], [4, 3], blank=0, bias=bias, chunk=chunk)
    wide = [t.detach().double().requires_grad_() for t in (x, weight, bias)]
    exact = peer(wide[0], wide[1], targets, [20, 15], [4, 3], blank=0, bias=wide[2])
    assert ours.dtype == torch.float32
    error = rounding(16 + 60 + 20, np.float32)  # sums over the width, the vocabulary and the frames
    torch.testing.assert_close(ours.double(), exact, rtol=error, atol=0)
    ours.backward()
    exact.backward()
    for a, b in zip((x, weight, bias), wide, strict=True):
        assert a.grad.dtype == torch.bfloat16
        # one rounding to bfloat16, at the end
        torch.testing.assert_close(a.grad.double(), b.grad, rtol=2**-8, atol=error * float(b.grad.abs().max()))


def test_autocast_does_not_round_the_sums():
    x, weight, _, targets = case(2, 20, 16, 60, 4, dtype=torch.float32)
    for chunk in (None, 100):
        plain = linear_ctc_loss(x, weight, targets, [20, 20], [4, 4], blank=0, chunk=chunk)
        expected = torch.autograd.grad(plain, (x, weight))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = linear_ctc_loss(x, weight, targets, [20, 20], [4, 4], blank=0, chunk=chunk)
            found = torch.autograd.grad(loss, (x, weight))
            assert torch.equal(
                chunked_argmax(x, weight, chunk=chunk), log_probs(x.double(), weight.double()).argmax(-1)
            )
        assert torch.equal(loss, plain)
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("chunk", [None, 30])
def test_padding_frames_are_never_read(chunk):
    x, weight, _, targets = case(3, 12)
    frames, lengths = [12, 7, 5], [4, 2, 0]
    clean = linear_ctc_loss(x, weight, targets, frames, lengths, blank=0, chunk=chunk)
    dirty = x.detach().clone()
    dirty[1, 7:], dirty[2, 5:] = torch.nan, torch.inf
    dirty.requires_grad_()
    loss = linear_ctc_loss(dirty, weight, targets, frames, lengths, blank=0, chunk=chunk)
    assert torch.equal(loss, clean)
    loss.backward()
    assert torch.isfinite(weight.grad).all()
    assert not dirty.grad[1, 7:].any()
    assert not dirty.grad[2, 5:].any()


@pytest.mark.parametrize("chunk", [None, 30])
def test_too_short_for_the_target(chunk):
    x, weight, _, targets = case(2, 5)
    targets[0] = 3  # four equal tokens need seven frames
    arguments = (x, weight, targets, [5, 5], [4, 2])
    infinite = linear_ctc_loss(*arguments, blank=0, reduction="none", zero_infinity=False, chunk=chunk)
    assert infinite[0] == torch.inf
    assert torch.isfinite(infinite[1])
    loss = linear_ctc_loss(*arguments, blank=0, reduction="none", chunk=chunk)
    assert loss[0] == 0
    loss.sum().backward()
    assert not x.grad[0].any()
    assert x.grad[1].any()


def test_a_target_that_its_bias_forbids_is_infinite_too():
    x, weight, bias, targets = case(1, 6, tokens=1)
    with torch.no_grad():
        bias[targets[0, 0]] = -torch.inf
    for chunk in (None, 3):
        arguments = (x, weight, targets, [6], [1])
        assert linear_ctc_loss(*arguments, blank=0, bias=bias, chunk=chunk) == 0
        assert linear_ctc_loss(*arguments, blank=0, bias=bias, zero_infinity=False, chunk=chunk) == torch.inf


def test_a_batch_without_frames_or_clips():
    x, weight, _, targets = case(2, 3)
    loss = linear_ctc_loss(x, weight, targets, [0, 0], [0, 1], blank=0, reduction="none")
    assert loss.tolist() == [0.0, 0.0]
    loss.sum().backward()
    assert not x.grad.any()
    assert linear_ctc_loss(x[:0], weight, targets[:0], [], [], blank=0, reduction="sum") == 0


def test_reproducible_and_repeatable_backward():
    x, weight, _, targets = case(3, 12, dtype=torch.float32)
    for chunk in (None, 40):
        loss = linear_ctc_loss(x, weight, targets, [12, 8, 5], [4, 3, 2], blank=0, chunk=chunk)
        first = torch.autograd.grad(loss, (x, weight), retain_graph=True)
        second = torch.autograd.grad(loss, (x, weight))
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3), st.integers(1, 6), st.integers(1, 30), st.integers(1, 40), st.integers(0, 99), st.data())
def test_best_tokens(clips, frames, vocabulary, chunk, seed, data):
    x, weight, bias, _ = case(clips, frames, 4, max(2, vocabulary), seed=seed, grad=False)
    weight, bias = weight[:vocabulary], bias[:vocabulary]
    k = data.draw(st.integers(1, vocabulary))
    expected = log_probs(x, weight, bias)
    values, tokens = chunked_top_k(x, weight, k, bias=bias, chunk=chunk)
    torch.testing.assert_close(values, expected.topk(k).values)
    torch.testing.assert_close(expected.gather(2, tokens), values)
    assert all(len(set(row)) == k for row in tokens.view(-1, k).tolist())
    assert torch.equal(chunked_argmax(x, weight, bias=bias, chunk=chunk), expected.argmax(-1))


def test_of_equal_scores_the_lowest_token_wins():
    x, weight = torch.ones(1, 2, 3), torch.ones(50, 3)
    for chunk in (None, 1, 7):
        assert chunked_argmax(x, weight, chunk=chunk).tolist() == [[0, 0]]
        _, tokens, _ = linear_ctc_loss_and_best(x, weight, torch.tensor([4]), [2], [1], blank=9, chunk=chunk)
        assert tokens.tolist() == [[0, 0]]


@settings(max_examples=60, deadline=None)
@given(batches())
def test_one_sweep_gives_the_loss_its_gradients_and_the_best_tokens(given_batch):
    frames, targets, chunk = given_batch["frames"], given_batch["targets"], given_batch["chunk"]
    x, weight, bias, _ = case(
        len(frames), max(frames) + given_batch["padding"], 4, given_batch["vocabulary"], seed=given_batch["seed"]
    )
    flat = torch.tensor([token for target in targets for token in target], dtype=torch.long)
    rest = flat, frames, [len(target) for target in targets]
    head = {"blank": given_batch["blank"], "bias": bias, "chunk": chunk}
    expected = linear_ctc_loss(x, weight, *rest, **head, reduction="none")
    loss, tokens, sure = linear_ctc_loss_and_best(x, weight, *rest, **head)
    assert torch.equal(loss, expected)
    found = (torch.autograd.grad(each.sum(), (x, weight, bias)) for each in (loss, expected))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    valid = torch.arange(x.shape[1]) < torch.tensor(frames).unsqueeze(1)
    best = log_probs(x, weight, bias).detach().max(-1)
    assert torch.equal(tokens, best.indices.masked_fill(~valid, 0)) and not sure.requires_grad
    torch.testing.assert_close(sure, best.values.masked_fill(~valid, 0.0))


@pytest.mark.parametrize("chunk", [None, 40])
def test_the_vocabulary_is_multiplied_once_for_both(chunk):
    """Forward, the frames meet every token of the vocabulary in one sweep and no second one."""
    x, weight, bias, targets = case(2, 10, 4, 50, grad=False)
    cells = []

    class Products(TorchDispatchMode):
        def __torch_dispatch__(self, call, types, args=(), kwargs=None):
            out = call(*args, **(kwargs or {}))
            if call in (torch.ops.aten.mm.default, torch.ops.aten.addmm.default):
                cells.append(out.numel())
            return out

    with Products():
        linear_ctc_loss_and_best(x, weight, targets, [10, 10], [4, 4], blank=0, bias=bias, chunk=chunk)
    columns = 0 if chunk is None else sum(10 * (len(set(row)) + 1) for row in targets.tolist())
    assert 20 * 50 <= sum(cells) <= 20 * 50 + max(columns, 2 * 10 * 5)


@pytest.mark.parametrize("chunk", [None, 9])
def test_gathered_log_probs_shared_and_per_clip(chunk):
    x, weight, bias, _ = case(2, 7)
    expected = log_probs(x, weight, bias)
    shared = torch.tensor([0, 10, 4])
    torch.testing.assert_close(gathered_log_probs(x, weight, shared, bias=bias, chunk=chunk), expected[..., shared])
    own = torch.tensor([[1, 2], [3, 3]])
    found = gathered_log_probs(x, weight, own, bias=bias, chunk=chunk)
    torch.testing.assert_close(found, torch.stack([expected[0][:, [1, 2]], expected[1][:, [3, 3]]]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": torch.zeros(2, 3)}, "expected \\(clips, frames, size\\)"),
        ({"weight": torch.zeros(9, 7)}, "weight \\(9, 7\\)"),
        ({"bias": torch.zeros(3)}, "bias \\(3,\\)"),
        ({"input_lengths": [3, 4]}, "input_lengths contains 4; expected 0 to 3"),
        ({"input_lengths": [3]}, "input_lengths has 1 entries for 2 clips"),
        ({"target_lengths": [-1, 1]}, "target_lengths contains -1"),
        ({"target_lengths": [1, 5]}, "targets have shape \\(2, 2\\)"),
        ({"targets": torch.tensor([1, 2, 3])}, "hold 3 tokens, target_lengths sum to 2"),
        ({"targets": torch.tensor([[1, 2], [9, 1]])}, "the vocabulary has 0 to 8"),
        ({"targets": torch.tensor([[1, 2], [0, 1]])}, "a target contains the blank, token 0"),
        ({"blank": 9}, "blank=9 is outside"),
        ({"reduction": "average"}, "reduction='average'"),
        ({"chunk": 0}, "chunk=0"),
    ],
)
def test_bad_input_says_what_was_found(change, message):
    arguments = {
        "features": torch.zeros(2, 3, 5),
        "weight": torch.zeros(9, 5),
        "targets": torch.tensor([[1, 2], [3, 4]]),
        "input_lengths": [3, 3],
        "target_lengths": [1, 1],
        "blank": 0,
    }
    with pytest.raises(InputError, match=message):
        linear_ctc_loss(**{**arguments, **change})


def test_columns_and_k_are_checked():
    x, weight, _, _ = case()
    with pytest.raises(InputError, match="columns hold tokens 0 to 11"):
        gathered_log_probs(x, weight, torch.tensor([0, 11]))
    with pytest.raises(InputError, match="k=12: expected 1 to 11"):
        chunked_top_k(x, weight, 12)
