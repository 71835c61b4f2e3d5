"""CTC on top of a linear head over a large vocabulary, without the frames x vocabulary matrix.

With scores z = x Wᵀ + b, log Z_V(t) the log-normaliser of frame t over the vocabulary V, and log Z_K(t) the same over
the few columns K that a clip's target uses (its tokens and the blank), every CTC path stays inside K, so exactly

    -log p(y | x) = CTC(log_softmax_K(z_K), y) + Σ_t (log Z_V(t) - log Z_K(t)).

The first and the last term need only frames x K, and torch's own CTC kernel does them, in float64: over hundreds of
frames float32 leaves only three digits of the gradient right. What is left of the vocabulary is log Z_V: `linear_head`.

Dimensions: N clips, T frames (padded), D features, V vocabulary, S target tokens (padded), F valid frames of all clips
together, K columns of a clip (padded over clips).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from manifests.errors import InputError
from soundwave.model.ctc.linear_head import (
    ColumnScores,
    check_shapes,
    check_tokens,
    chunked_argmax,
    chunked_top_k,
    column_scores,
    gathered_log_probs,
)

__all__ = ["chunked_argmax", "chunked_top_k", "gathered_log_probs", "linear_ctc_loss", "linear_ctc_loss_and_best"]

Reduction = Literal["mean", "sum", "none"]
Lengths = Tensor | Sequence[int]


def linear_ctc_loss(
    features: Tensor,
    weight: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    *,
    blank: int,
    bias: Tensor | None = None,
    reduction: Reduction = "mean",
    zero_infinity: bool = True,
    chunk: int | None = None,
) -> Tensor:
    """CTC loss of `log_softmax(features @ weight.T + bias)`, exact, with gradients for features, weight and bias.

    Args:
        features: (N, T, D), float16/bfloat16 (sums are kept in float32), float32 or float64.
        weight: (V, D). A frozen weight costs no work in the backward pass.
        targets: (N, S) padded, or 1-D: all targets one after another; token ids in [0, V) other than `blank`.
        input_lengths: (N,) frames of each clip, at most T. Frames beyond are never touched.
        target_lengths: (N,) tokens of each clip; 0 is an empty transcript.
        blank: token id of the CTC blank.
        bias: (V,) or None.
        reduction: `mean` divides each loss by its target's length (at least 1) and averages over clips, as
            `torch.nn.functional.ctc_loss` does; `sum`; or `none`: (N,).
        zero_infinity: a clip too short for its target counts as loss 0 with zero gradient, instead of infinity.
        chunk: most cells of the frames x vocabulary matrix to hold at a time; None picks by size and device.

    Returns:
        A scalar, or (N,) with `reduction="none"`; float64 for float64 features, else float32.

    Raises:
        InputError: shapes that do not fit, lengths out of range, a target that is blank or outside the vocabulary.
    """
    if reduction not in ("mean", "sum", "none"):
        raise InputError(f"reduction={reduction!r} is unknown; expected mean, sum or none")
    swept = _sweep(features, weight, bias, targets, (input_lengths, target_lengths), blank=blank, chunk=chunk)
    found = swept.found
    loss = _ctc(found, swept.labels, swept.frames, zero_infinity=zero_infinity)
    if reduction == "mean":
        loss = (loss / loss.new_tensor(swept.lengths).clamp(min=1)).mean()
    elif reduction == "sum":
        loss = loss.sum()
    return loss.to(found.normaliser.dtype)


def linear_ctc_loss_and_best(
    features: Tensor,
    weight: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    *,
    blank: int,
    bias: Tensor | None = None,
    chunk: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """`linear_ctc_loss` of each clip and the best token of each frame, in one sweep over the vocabulary.

    Returns:
        Losses (N,); token ids (N, T), int64, of equal scores the lowest, and their log-probabilities (N, T), without
        gradients. Where there is only padding, both are 0.

    Raises:
        InputError: as `linear_ctc_loss`.
    """
    both = input_lengths, target_lengths
    swept = _sweep(features, weight, bias, targets, both, blank=blank, chunk=chunk, best=True)
    found = swept.found
    loss = _ctc(found, swept.labels, swept.frames, zero_infinity=True).to(found.normaliser.dtype)
    sizes = torch.tensor(swept.frames, device=features.device).unsqueeze(1)
    valid = torch.arange(features.shape[1], device=features.device) < sizes
    # (F,) -> (N, T)
    tokens = found.best.new_zeros(valid.shape).masked_scatter(valid, found.best)
    sure = found.peak - found.normaliser.detach()
    return loss, tokens, sure.new_zeros(valid.shape).masked_scatter(valid, sure)


@dataclass(frozen=True)
class _Labels:
    """The targets of a batch over its clips' own columns."""

    columns: Tensor
    """(N, K) token ids; column 0 is the blank; unused columns repeat it."""
    targets: Tensor
    """(N, S) index of each target token among its clip's columns."""
    lengths: list[int]
    """Target tokens of each clip."""

    def to(self, device: torch.device) -> _Labels:
        """The same on another device."""
        return _Labels(self.columns.to(device), self.targets.to(device), self.lengths)


class _Swept(NamedTuple):
    """What both losses begin with."""

    found: ColumnScores
    labels: _Labels
    frames: list[int]
    lengths: list[int]
    """Of the targets."""


def _sweep(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    sizes: tuple[Lengths, Lengths],
    *,
    blank: int,
    chunk: int | None,
    best: bool = False,
) -> _Swept:
    """Check what is given, and go over the vocabulary once. sizes: of the features, and of the targets."""
    check_shapes(features, weight, bias)
    frames = _lengths("input_lengths", sizes[0], features.shape[0], features.shape[1])
    lengths = _lengths("target_lengths", sizes[1], features.shape[0], None)
    labels = _labels(targets, lengths, blank, weight.shape[0]).to(features.device)
    # (N, T, D) -> (F, D) -> (F,), (F, K)
    packed = _pack(features, frames)
    found = column_scores(packed, weight, bias, columns=labels.columns, frames=frames, chunk=chunk, best=best)
    return _Swept(found, labels, frames, lengths)


def _labels(targets: Tensor, lengths: list[int], blank: int, vocabulary: int) -> _Labels:
    """Check the targets and renumber them clip by clip: equal tokens stay equal, the blank becomes 0. On the CPU."""
    if not 0 <= blank < vocabulary:
        raise InputError(f"blank={blank} is outside the vocabulary: expected 0 to {vocabulary - 1}")
    padded = _padded_targets(targets, lengths, blank)
    size = torch.tensor(lengths).unsqueeze(1)
    used = torch.arange(padded.shape[1]) < size
    check_tokens("targets", padded[used], vocabulary)
    if bool((padded[used] == blank).any()):
        raise InputError(f"a target contains the blank, token {blank}; leave blanks out of the targets")
    # (N, S) -> (N, 1 + S): the blank (and the padding) sorts first, as -1
    keys = F.pad(padded.masked_fill(~used, -1), (1, 0), value=-1)
    ordered, order = keys.sort(dim=1)
    rank = F.pad((ordered[:, 1:] != ordered[:, :-1]).long(), (1, 0)).cumsum(dim=1)
    local = torch.empty_like(rank).scatter_(1, order, rank)
    columns = torch.full((len(lengths), int(rank.max()) + 1 if lengths else 1), -1).scatter_(1, rank, ordered)
    columns = columns.masked_fill(columns < 0, blank)
    return _Labels(columns, local[:, 1:], lengths)


def _padded_targets(targets: Tensor, lengths: list[int], blank: int) -> Tensor:
    """Targets as (N, S) int64 on the CPU, where the small bookkeeping is cheapest."""
    ids = targets.detach().to("cpu", torch.long)
    longest = max(lengths, default=0)
    if ids.dim() == 1:
        if ids.numel() != sum(lengths):
            raise InputError(f"concatenated targets hold {ids.numel()} tokens, target_lengths sum to {sum(lengths)}")
        padded = torch.full((len(lengths), longest), blank)
        padded[torch.arange(longest) < torch.tensor(lengths).unsqueeze(1)] = ids
        return padded
    if ids.dim() != 2 or ids.shape[0] != len(lengths) or ids.shape[1] < longest:
        raise InputError(
            f"targets have shape {tuple(ids.shape)}; expected ({len(lengths)}, {longest} or more), or one dimension"
        )
    return ids[:, :longest]


def _pack(features: Tensor, frames: list[int]) -> Tensor:
    """(N, T, D) -> (F, D): the valid frames of all clips, one after another."""
    clips, longest, size = features.shape
    flat = features.reshape(clips * longest, size)
    if all(count == longest for count in frames):
        return flat
    valid = torch.arange(longest) < torch.tensor(frames).unsqueeze(1)
    return flat.index_select(0, valid.flatten().nonzero().squeeze(1).to(features.device))


def ctc_device(device: torch.device) -> torch.device:
    """Where torch's CTC kernel is to run for scores on `device`. It exists on CPUs and CUDA; its CUDA gradient adds
    atomically, so where reproducible results are asked for, the CPU's is taken.
    """
    there = device.type == "cpu" or (device.type == "cuda" and not torch.are_deterministic_algorithms_enabled())
    return device if there else torch.device("cpu")


def _ctc(found: ColumnScores, labels: _Labels, frames: list[int], *, zero_infinity: bool) -> Tensor:
    """Per-clip loss (N,), float64, from the frames' normalisers (F,) and the scores of their columns (F, K)."""
    normaliser, scores = found.normaliser, found.scores
    if not frames:
        return normaliser.double()
    # The kernel refuses a batch without a single frame.
    device, longest = ctc_device(scores.device), max(1, *frames)
    exact = scores.to(device, torch.float64)
    # What a frame loses to the rest of the vocabulary: (F,)
    outside = normaliser.to(device, torch.float64) - exact.logsumexp(dim=1)
    # (F, K) -> (N, T, K), zero in the padding
    valid = torch.arange(longest, device=device) < torch.tensor(frames, device=device).unsqueeze(1)
    inside = exact.new_zeros(*valid.shape, scores.shape[1]).masked_scatter(valid.unsqueeze(2), exact.log_softmax(dim=1))
    rest = outside.new_zeros(valid.shape).masked_scatter(valid, outside).sum(dim=1)
    targets, counts, lengths = labels.targets.to(device), torch.tensor(frames), torch.tensor(labels.lengths)

    def kernel(log_probs: Tensor, zero: bool) -> Tensor:
        by_time = log_probs.transpose(0, 1)
        return F.ctc_loss(by_time, targets, counts, lengths, reduction="none", zero_infinity=zero)

    loss = kernel(inside, zero_infinity)
    if zero_infinity and bool((loss == 0).any()):
        # Zero is either certainty or an infinity that was zeroed; only the second loses its `rest` too.
        rest = rest.where(kernel(inside.detach(), False).isfinite(), 0.0)
    return (loss + rest).to(scores.device)


def _lengths(name: str, lengths: Lengths, clips: int, limit: int | None) -> list[int]:
    """Lengths as plain numbers, checked."""
    numbers = [int(n) for n in (lengths.tolist() if isinstance(lengths, Tensor) else lengths)]
    if len(numbers) != clips:
        raise InputError(f"{name} has {len(numbers)} entries for {clips} clips")
    worst = [n for n in numbers if n < 0 or (limit is not None and n > limit)]
    if worst:
        raise InputError(f"{name} contains {worst[0]}; expected 0 to {'any' if limit is None else limit}")
    return numbers
