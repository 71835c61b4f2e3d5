"""The CTC head over the LLM's vocabulary: which token a frame stands for, or blank.

`full` has a row for every token of the LLM and never holds frames x vocabulary (see `soundwave.model.ctc.linear_ctc`);
`seen` has a row for the tokens in `token_ids` only. In both, the blank is the last class.

Dimensions: N clips, S adapter frames (padded), D width, C classes (blank included), V the LLM's vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from soundwave.model.alignment_adapter import positions_mask
from soundwave.model.ctc.linear_ctc import (
    chunked_argmax,
    chunked_top_k,
    ctc_device,
    linear_ctc_loss,
    linear_ctc_loss_and_best,
)
from soundwave.model.ctc.linear_head import at_least_float32

CANDIDATES = 8  # classes of a frame that are looked at when the whole vocabulary is too much


def least_frames(target: Sequence[int]) -> int:
    """The fewest frames that can spell a target: one for each token, and one for the blank between two equal ones."""
    return len(target) + sum(before == after for before, after in pairwise(target))


class CTCHead(nn.Module):
    """A linear layer from frames to CTC classes. Class c < C - 1 is the LLM's token `token_ids[c]`."""

    token_ids: Tensor
    bias: nn.Parameter | None

    def __init__(
        self,
        embeddings: Tensor,
        token_ids: Sequence[int] | None,
        *,
        blank: Literal["own", "last"] = "own",
        bias: bool = True,
    ) -> None:
        """Start from the LLM's output embeddings (V, D), scaled to rows of length one, with a random blank row.

        token_ids: the tokens to keep; None: all. blank: beside them, or (with all) in the place of the last one.
        """
        super().__init__()
        self.full = token_ids is None
        count = embeddings.shape[0] - (blank == "last")
        ids = torch.arange(count) if token_ids is None else torch.tensor(list(token_ids))
        self.register_buffer("token_ids", ids, persistent=False)
        rows = embeddings.detach().to(torch.float32)[ids]
        # The adapter's frames have unit variance: longer rows would start with confident, wrong classes.
        rows = rows / rows.norm(dim=1).mean().clamp(min=1e-6)
        blank_row = torch.randn(1, rows.shape[1]) / math.sqrt(rows.shape[1])
        self.weight = nn.Parameter(torch.cat([rows, blank_row]))
        self.register_parameter("bias", nn.Parameter(torch.zeros(rows.shape[0] + 1)) if bias else None)

    @property
    def blank(self) -> int:
        """Class of the blank."""
        return self.weight.shape[0] - 1

    def loss(self, frames: Tensor, lengths: Tensor, targets: Sequence[Sequence[int]]) -> Tensor:
        """CTC loss of each clip (N,): frames (N, S, D), lengths (N,), target classes.

        A clip with less than `least_frames` of its target gives 0.
        """
        counts = torch.tensor([len(target) for target in targets])
        flat = torch.tensor([label for target in targets for label in target], dtype=torch.long)
        if self.full:
            return linear_ctc_loss(
                frames, self.weight, flat, lengths, counts, blank=self.blank, bias=self.bias, reduction="none"
            )
        return self._kernel(self._log_probs(frames), flat, lengths, counts)

    def loss_and_best(
        self, frames: Tensor, lengths: Tensor, targets: Sequence[Sequence[int]]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """`loss`, and what `best` gives of the same frames: the vocabulary is gone through once for both."""
        counts = torch.tensor([len(target) for target in targets])
        flat = torch.tensor([label for target in targets for label in target], dtype=torch.long)
        if self.full:
            loss, classes, sure = linear_ctc_loss_and_best(
                frames, self.weight, flat, lengths, counts, blank=self.blank, bias=self.bias
            )
            return loss, (classes, sure)
        scores = self._log_probs(frames)
        sure, classes = scores.detach().topk(1, dim=-1)
        return self._kernel(scores, flat, lengths, counts), (classes.squeeze(-1), sure.squeeze(-1))

    def _log_probs(self, frames: Tensor) -> Tensor:
        """(N, S, D) -> (N, S, C), all of them."""
        return at_least_float32(F.linear(frames, self.weight, self.bias)).log_softmax(-1)

    def _kernel(self, scores: Tensor, flat: Tensor, lengths: Tensor, counts: Tensor) -> Tensor:
        """torch's CTC loss of log-probabilities (N, S, C): (N,)."""
        device = ctc_device(scores.device)
        # (N, S, C) -> (S, N, C)
        by_time = scores.transpose(0, 1).to(device)
        loss = F.ctc_loss(
            by_time, flat.to(device), lengths, counts, blank=self.blank, reduction="none", zero_infinity=True
        )
        return loss.to(scores.device)

    @torch.no_grad()
    def best(self, frames: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The best class of each frame (N, S) and its log-probability (N, S).

        lengths: (N,) frames of each clip; a whole vocabulary is then not searched for what the padding stands for (0).
        """
        if lengths is not None and self.full:
            valid = positions_mask(lengths, frames.shape[1])
            # (N, S, D) -> (1, F, D)
            scores, classes = self._top(frames[valid].unsqueeze(0), 1)
            zeros = classes.new_zeros(valid.shape), scores.new_zeros(valid.shape)
            return zeros[0].masked_scatter(valid, classes), zeros[1].masked_scatter(valid, scores)
        scores, classes = self._top(frames, 1)
        return classes.squeeze(-1), scores.squeeze(-1)

    @torch.no_grad()
    def sample(self, frames: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """A class of each frame drawn from its posterior at temperature `scale` (N,), 0: the best; its log-probability.

        Only the CANDIDATES likeliest classes are drawn from. Chance comes from torch's generator.
        """
        scores, classes = self._top(frames, min(CANDIDATES, self.weight.shape[0]))
        # The Gumbel trick: the largest of log p / t + noise is a draw at temperature t.
        noise = -torch.log(-torch.log(torch.rand_like(scores).clamp(1e-9, 1 - 1e-7)))
        chosen = (scores + scale[:, None, None] * noise).argmax(-1, keepdim=True)
        return classes.gather(-1, chosen).squeeze(-1), scores.gather(-1, chosen).squeeze(-1)

    def _top(self, frames: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The `count` likeliest classes of each frame: log-probabilities and classes (N, S, count), best first."""
        if self.full:
            return chunked_top_k(frames, self.weight, count, bias=self.bias)
        scores, classes = self._log_probs(frames).topk(count, dim=-1)
        return scores, classes

    @torch.no_grad()
    def argmax(self, frames: Tensor) -> Tensor:
        """The best class of each frame (N, S)."""
        return chunked_argmax(frames, self.weight, bias=self.bias)

    def expected_embedding(self, frames: Tensor, embeddings: Tensor) -> tuple[Tensor, Tensor]:
        """Each frame's posterior-weighted LLM embedding (N, S, D), blank counting as zero, and 1 - P(blank) (N, S)."""
        if self.full:
            scores, classes = chunked_top_k(frames, self.weight, CANDIDATES, bias=self.bias)
            weights = scores.exp().masked_fill(classes == self.blank, 0.0)
            vectors = embeddings[classes.clamp(max=embeddings.shape[0] - 1)].to(weights.dtype)
            # (N, S, k) x (N, S, k, D) -> (N, S, D)
            return torch.einsum("nsk,nskd->nsd", weights, vectors), weights.sum(-1)
        posterior = at_least_float32(F.linear(frames, self.weight, self.bias)).softmax(-1)
        # (N, S, C - 1) x (C - 1, D) -> (N, S, D)
        tokens = posterior[..., : self.blank]
        return tokens @ embeddings[self.token_ids].to(tokens.dtype), tokens.sum(-1)
