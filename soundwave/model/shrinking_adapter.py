"""Keep one frame for each run of equal CTC tokens; the kept frames attend to the dropped ones.

Source: the Soundwave paper: `LayerNorm(x' + cross_attention(query=x', key=value=x))`. In `paper` the keys are all
frames of the clip, in `reference` (the released code) the kept ones only.

`PlainAdapter` is what the paper measures it against: a fixed number of frames becomes one. With `merge_letters` the
runs of several frames together spell one token of the LLM (`spelled`).

Dimensions: N clips (A audios), S adapter frames (padded), K kept frames (padded), D width, V the LLM's vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from soundwave.model.alignment_adapter import attention, check_heads, positions_mask
from soundwave.model.tokens import TokenTable


@dataclass(frozen=True)
class TokenRuns:
    """Runs of equal classes that keep a frame. A clip without any keeps its first frame."""

    kept: Tensor
    """(N, K) index of each run's kept frame; padding repeats 0."""
    counts: Tensor
    """(N,) runs of each clip, at least 1."""
    of_frame: Tensor
    """(N, S) which kept run each frame belongs to; -1: none."""


def find_runs(
    classes: Tensor,
    scores: Tensor,
    lengths: Tensor,
    *,
    blank: int,
    keep: Literal["first", "peak"] = "first",
    blank_runs: Literal["keep", "drop"] = "keep",
) -> TokenRuns:
    """Collapse runs of equal classes.

    Args:
        classes: (N, S) best class of each frame.
        scores: (N, S) its log-probability; `peak` keeps the frame with the highest (the first of equals).
        lengths: (N,) frames of each clip.
        blank: class of the blank.
        keep: which frame of a run is kept.
        blank_runs: whether runs of blank keep one.
    """
    valid = positions_mask(lengths, classes.shape[1])
    starts = torch.ones_like(valid)
    starts[:, 1:] = classes[:, 1:] != classes[:, :-1]
    wanted = valid if blank_runs == "keep" else valid & (classes != blank)
    empty = ~wanted.any(dim=1)
    wanted = wanted.clone()
    wanted[empty, 0] = True
    starts[empty, 0] = True
    # (N, S): number of the run, counting runs that keep a frame
    number = (starts & wanted).cumsum(dim=1) - 1
    return _keep_one(torch.where(wanted, number, -1), scores, keep)


def merge_runs(
    runs: TokenRuns, groups: Sequence[Sequence[int]], scores: Tensor, keep: Literal["first", "peak"]
) -> TokenRuns:
    """Join neighbouring runs: run k of clip n goes to group `groups[n][k]` (0, 1, 2, ... without a gap)."""
    number = torch.zeros_like(runs.kept)
    for row, group in zip(number, groups, strict=True):
        row[: len(group)] = torch.tensor(group, device=row.device)
    joined = number.gather(1, runs.of_frame.clamp(min=0))
    return _keep_one(torch.where(runs.of_frame >= 0, joined, -1), scores, keep)


def _keep_one(of_frame: Tensor, scores: Tensor, keep: Literal["first", "peak"]) -> TokenRuns:
    """Runs from the run number of each frame (N, S); -1: none."""
    clips, count = of_frame.shape
    counts = of_frame.max(dim=1).values + 1
    places = torch.arange(count, device=of_frame.device).expand(clips, -1)
    longest = int(counts.max())
    if keep == "first":
        # (N, S) -> (N, K): frames without a run count for a column that is cut off
        first = torch.full((clips, longest + 1), count, device=of_frame.device)
        run = of_frame.masked_fill(of_frame < 0, longest)
        kept = first.scatter_reduce(1, run, places, "amin")[:, :longest]
    else:
        # (N, S, K): does frame s belong to run k?
        member = of_frame.unsqueeze(-1) == torch.arange(longest, device=of_frame.device)
        kept = scores.unsqueeze(-1).masked_fill(~member, -torch.inf).argmax(dim=1)
    return TokenRuns(kept.masked_fill(~positions_mask(counts, longest), 0), counts, of_frame)


def even_runs(lengths: Tensor, count: int, size: int) -> TokenRuns:
    """Runs of `size` frames each, whatever their tokens: lengths (N,) of clips padded to `count` frames."""
    counts = torch.div(lengths.clamp(min=1) + size - 1, size, rounding_mode="floor")
    longest = -(-count // size)
    places = torch.arange(longest, device=lengths.device) * size
    # (N, K)
    kept = places.expand(len(lengths), -1).masked_fill(~positions_mask(counts, longest), 0)
    of_frame = torch.arange(count, device=lengths.device).div(size, rounding_mode="floor")
    return TokenRuns(kept, counts, of_frame.expand(len(lengths), -1).masked_fill(~positions_mask(lengths, count), -1))


def run_means(values: Tensor, weights: Tensor, runs: TokenRuns) -> Tensor:
    """Sum of `values` (N, S, D) over each run, divided by its summed `weights` (N, S), at least 1: (N, K, D)."""
    clips, _, width = values.shape
    longest = runs.kept.shape[1]
    where = runs.of_frame.clamp(min=0)
    inside = (runs.of_frame >= 0).unsqueeze(-1)
    total = values.new_zeros(clips, longest, width).scatter_add(
        1, where.unsqueeze(-1).expand(-1, -1, width), values * inside
    )
    mass = weights.new_zeros(clips, longest).scatter_add(1, where, weights * inside.squeeze(-1))
    return total / mass.clamp(min=1.0).unsqueeze(-1)


class ShrinkingAdapter(nn.Module):
    """Cross-attention from the kept frames to the clip's frames, one block, then LayerNorm."""

    def __init__(self, width: int, *, heads: int, sees_all: bool = True, gain: float = 1.0) -> None:
        """sees_all: keys are all frames (`paper`) or the kept ones (`reference`); gain: the norm's first gain."""
        super().__init__()
        check_heads(width, heads)
        self.heads, self.sees_all = heads, sees_all
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        nn.init.constant_(self.norm.weight, gain)

    def forward(self, frames: Tensor, lengths: Tensor, runs: TokenRuns) -> Tensor:
        """Frames (N, S, D), lengths (N,) -> kept frames with what they gathered (N, K, D)."""
        clips, count, width = frames.shape
        # (N, S, D) -> (N, K, D)
        chosen = frames.gather(1, runs.kept.unsqueeze(-1).expand(-1, -1, width))
        source = frames if self.sees_all else chosen
        seen = positions_mask(lengths, count) if self.sees_all else positions_mask(runs.counts, chosen.shape[1])
        query = self._split(self.query(chosen))
        key, value = (self._split(part) for part in self.key_value(source).chunk(2, dim=-1))
        gathered = attention(query, key, value, seen[:, None, None, :])
        # (N, H, K, D/H) -> (N, K, D)
        gathered = gathered.transpose(1, 2).reshape(clips, -1, width)
        out: Tensor = self.norm(chosen + self.out(gathered))
        return out

    def _split(self, x: Tensor) -> Tensor:
        """(N, K, D) -> (N, H, K, D/H)."""
        clips, count, width = x.shape
        return x.view(clips, count, self.heads, width // self.heads).transpose(1, 2)


class PlainAdapter(nn.Module):
    """The paper's baselines x3 and x4: neighbouring frames joined, a linear layer, then LayerNorm. CTC has no say."""

    def __init__(self, width: int, *, size: int, gain: float = 1.0) -> None:
        """size: frames that become one; gain: the norm's first gain."""
        super().__init__()
        self.size = size
        self.project = nn.Linear(size * width, width)
        self.norm = nn.LayerNorm(width)
        nn.init.constant_(self.norm.weight, gain)

    def forward(self, frames: Tensor, lengths: Tensor, runs: TokenRuns) -> Tensor:
        """Frames (N, S, D), lengths (N,), their `even_runs` -> one for each run (N, K, D)."""
        clips, count, width = frames.shape
        # What is joined to a clip's end is zero.
        frames = frames.masked_fill(~positions_mask(lengths, count).unsqueeze(-1), 0.0)
        missing = runs.kept.shape[1] * self.size - count
        # (N, S, D) -> (N, K, size * D) -> (N, K, D)
        joined = nn.functional.pad(frames, (0, 0, 0, missing)).reshape(clips, -1, self.size * width)
        out: Tensor = self.norm(self.project(joined))
        return out


def spelled(table: TokenTable, classes: Tensor, runs: TokenRuns, blank: int) -> tuple[list[list[int]], list[list[int]]]:
    """For each audio the LLM's tokens that its runs spell, and the token that each run belongs to.

    classes: (A, S) CTC class of each frame.
    """
    tokens, groups = [], []
    for row, kept, count in zip(classes, runs.kept, runs.counts.tolist(), strict=True):
        found: list[int] = []
        group = [0]
        labels = row[kept[:count]].tolist()
        if blank not in labels:  # else: nothing but blank, one position without a token
            found, group = table.regroup(labels)
        tokens.append(found)
        groups.append(group)
    return tokens, groups


def token_embeddings(embeddings: Tensor, tokens: Sequence[Sequence[int]], scores: Tensor, runs: TokenRuns) -> Tensor:
    """Embeddings (V, D) of the tokens that were spelled, times the mean probability of their frames: (A, K, D).

    scores: (A, S) log-probability of each frame's class.
    """
    out = scores.new_zeros(*runs.kept.shape, embeddings.shape[1])
    for row, found in zip(out, tokens, strict=True):
        if found:
            row[: len(found)] = embeddings[torch.tensor(found, device=row.device)].to(row.dtype)
    ones = torch.ones_like(scores)
    confidence = run_means(scores.exp().unsqueeze(-1), ones, runs)
    return out * confidence
