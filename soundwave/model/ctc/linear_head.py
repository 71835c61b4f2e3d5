"""A linear head over a large vocabulary, read tile by tile: never the whole frames x vocabulary matrix.

Of the scores z = x Wᵀ + b, training and decoding need little: each frame's log-normaliser log Σ exp z, the scores of a
few columns, the best tokens. One sweep over the tiles gives them. The gradient of the log-normaliser by a frame is the
expected row E[W] under the softmax, which a running, rescaled sum gives in the same sweep (the trick of
memory-efficient attention), so the backward pass visits the vocabulary again only when the weight is trained. A matrix
that is small as a whole is simply held, which is faster.

Dimensions: N clips, T frames (padded), D features, V vocabulary, F valid frames of all clips together ("packed"),
K columns of a clip, U columns of the batch. Memory: F (D + K) numbers, a tile and the gradients.

Like `linear_ctc`, this file needs torch alone (and the project's error class); nothing in it knows about the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from manifests.errors import InputError

_HELD_CELLS = 2**25
"""Up to this many frames x vocabulary cells (128 MB in float32) are held whole, so that none is computed twice."""
_TILE_CELLS = {"cpu": 6 * 2**20, "cuda": 2**26}
"""Cells of a tile: 24 MB on a CPU, where smaller ones are as fast alone but wait for threads on a busy machine."""
_TILE_FRAMES = {"cpu": 1024, "cuda": 8192}
"""Frames of a tile. On the CPU taller tiles of as many cells are a quarter slower."""


def at_least_float32(x: Tensor) -> Tensor:
    """x in float32 where its type is narrower: losses and softmaxes of bfloat16 scores; float64 stays."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def gathered_log_probs(
    features: Tensor, weight: Tensor, columns: Tensor, *, bias: Tensor | None = None, chunk: int | None = None
) -> Tensor:
    """Log-probabilities of a few tokens only, normalised over the whole vocabulary; differentiable.

    Args:
        features: (N, T, D).
        weight: (V, D).
        columns: (K,) token ids shared by all clips, or (N, K).
        bias: (V,) or None.
        chunk: as in `linear_ctc_loss`.

    Returns:
        (N, T, K), float64 for float64 features, else float32.

    Raises:
        InputError: shapes that do not fit, or a column outside the vocabulary.
    """
    check_shapes(features, weight, bias)
    clips, frames, _ = features.shape
    wanted = columns.to(features.device)
    if wanted.dim() == 1:
        wanted = wanted.expand(clips, -1)
    check_tokens("columns", wanted, weight.shape[0])
    packed = features.reshape(clips * frames, -1)
    found = column_scores(packed, weight, bias, columns=wanted, frames=[frames] * clips, chunk=chunk)
    return (found.scores - found.normaliser.unsqueeze(1)).view(clips, frames, -1)


@torch.no_grad()
def chunked_argmax(features: Tensor, weight: Tensor, *, bias: Tensor | None = None, chunk: int | None = None) -> Tensor:
    """The best token of every frame, (N, T, D) -> (N, T) int64; of equal scores the lowest id. See `chunked_top_k`."""
    return chunked_top_k(features, weight, 1, bias=bias, chunk=chunk)[1].squeeze(-1)


@torch.no_grad()
def chunked_top_k(
    features: Tensor, weight: Tensor, k: int, *, bias: Tensor | None = None, chunk: int | None = None
) -> tuple[Tensor, Tensor]:
    """The k best tokens of every frame, best first, without gradients.

    Args:
        features: (N, T, D).
        weight: (V, D).
        k: how many, 1 to V.
        bias: (V,) or None.
        chunk: as in `linear_ctc_loss`.

    Returns:
        Log-probabilities (N, T, k), float32 or float64, and token ids (N, T, k), int64.

    Raises:
        InputError: shapes that do not fit, or k outside 1..V.
    """
    check_shapes(features, weight, bias)
    if not 1 <= k <= weight.shape[0]:
        raise InputError(f"k={k}: expected 1 to {weight.shape[0]}, the size of the vocabulary")
    x = features.reshape(-1, features.shape[-1])
    head = _Head.of(x, weight, bias, chunk)
    with torch.autocast(x.device.type, enabled=False):
        log_probs, tokens = _best(x, head, k)
    shape = (*features.shape[:-1], k)
    return log_probs.view(shape), tokens.view(shape)


def _best(x: Tensor, head: _Head, k: int) -> tuple[Tensor, Tensor]:
    """Log-probabilities and ids of the k best tokens of packed frames (F, D), each (F, k)."""
    running = _OnlineSoftmax.start(x, head, expectation=False)
    best = torch.full((x.shape[0], k), -torch.inf, dtype=head.sums, device=x.device)
    tokens = torch.zeros(x.shape[0], k, dtype=torch.long, device=x.device)
    for tile, rows in head.column_tiles(x.shape[0]):
        for part in head.frame_tiles(x.shape[0]):
            z = head.scores(x[part], rows, tile)
            # (f, v) -> (f, k), then the best k of these and of those so far
            top, where = _top(z, min(k, z.shape[1]))
            best[part], order = _top(torch.cat((best[part], top), dim=1), k)
            tokens[part] = torch.cat((tokens[part], where + tile.start), dim=1).gather(1, order)
            running.add(part, z, rows, head)
    return best - running.log().unsqueeze(1), tokens


class ColumnScores(NamedTuple):
    """What a sweep over the vocabulary found of packed frames, each float64 for float64 input, else float32."""

    normaliser: Tensor
    """(F,) log-normalisers."""
    scores: Tensor
    """(F, K) of the clip's columns."""
    peak: Tensor
    """(F,) the highest score; no gradient goes through it."""
    best: Tensor
    """(F,) its token, of equal ones the lowest; nothing (0,) unless it was asked for."""


def column_scores(
    packed: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    *,
    columns: Tensor,
    frames: list[int],
    chunk: int | None,
    best: bool = False,
) -> ColumnScores:
    """What a loss over few tokens needs of the head; differentiable by packed, weight and bias.

    Args:
        packed: (F, D), the frames of all clips one after another.
        weight: (V, D).
        bias: (V,) or None.
        columns: (N, K) token ids of each clip.
        frames: how many of the packed frames belong to each clip.
        chunk: most cells of the frames x vocabulary matrix to hold at a time; None picks by size and device.
        best: whether the best tokens are wanted too.

    Raises:
        InputError: chunk below 1.
    """
    plan = _Plan(_Head.of(packed, weight, bias, chunk), columns, frames, best)
    # The file chooses its types itself (see `_Head.of`).
    with torch.autocast(packed.device.type, enabled=False):
        return ColumnScores(*_Scores.apply(packed, weight, bias, plan))  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class _Head:
    """The linear head, read tile by tile."""

    weight: Tensor
    bias: Tensor | None
    factors: torch.dtype
    """Type of the products' factors."""
    sums: torch.dtype
    """Type in which products are summed and everything else is computed: float32, or float64."""
    cells: int
    """Most cells of a tile."""
    tile_frames: int
    """Most frames of a tile, unless it is narrower than its share of cells."""
    held: bool
    """Whether the whole matrix is held instead of tiles."""

    @classmethod
    def of(cls, x: Tensor, weight: Tensor, bias: Tensor | None, chunk: int | None) -> _Head:
        """Choose types and tiles for packed frames x (F, D)."""
        if chunk is not None and chunk < 1:
            raise InputError(f"chunk={chunk}: expected a number of cells of at least 1, or None")
        device = x.device.type
        widest = torch.promote_types(x.dtype, weight.dtype)
        sums = torch.float64 if widest == torch.float64 else torch.float32
        factors = sums
        if device == "cuda" and sums == torch.float32:
            # Only CUDA multiplies half-precision factors into float32 sums.
            factors = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else widest
        cells = chunk or _TILE_CELLS.get(device, _TILE_CELLS["cuda"])
        held = x.shape[0] * weight.shape[0] <= (chunk or _HELD_CELLS)
        return cls(weight, bias, factors, sums, cells, _TILE_FRAMES.get(device, _TILE_FRAMES["cuda"]), held)

    def frame_tiles(self, frames: int) -> list[slice]:
        """The packed frames, cut into the tiles' heights."""
        height = max(1, min(self.tile_frames, self.cells))
        return [slice(top, min(top + height, frames)) for top in range(0, frames, height)]

    def column_tiles(self, frames: int) -> Iterator[tuple[slice, Tensor]]:
        """The vocabulary, cut into the tiles' widths, each with its rows of the weight (v, D)."""
        width = max(1, self.cells // max(1, min(frames, self.tile_frames)))
        for start in range(0, self.weight.shape[0], width):
            tile = slice(start, min(start + width, self.weight.shape[0]))
            yield tile, self.weight[tile].to(self.factors)

    def scores(self, x: Tensor, rows: Tensor, columns: slice | Tensor) -> Tensor:
        """x (f, D), rows (v, D) -> their scores (f, v), bias included; `columns` says which rows they are."""
        z = self.product(x, rows.t())
        return z if self.bias is None else z.add_(self.bias[columns])

    def add_product(self, total: Tensor, a: Tensor, b: Tensor) -> None:
        """total += a @ b."""
        if self.factors == self.sums:
            total.addmm_(a.to(self.sums), b.to(self.sums))
        else:
            total.add_(self.product(a, b))

    def product(self, a: Tensor, b: Tensor) -> Tensor:
        """a @ b with sums in float32 or float64."""
        if self.factors == self.sums:
            return torch.mm(a.to(self.sums), b.to(self.sums))
        return torch.mm(a.to(self.factors), b.to(self.factors), out_dtype=self.sums)


@dataclass(frozen=True)
class _OnlineSoftmax:
    """Log-normaliser and expected weight row of every frame, over the tiles seen so far."""

    peak: Tensor
    """(F,) largest score seen."""
    total: Tensor
    """(F,) sum of exp(score - peak)."""
    expected: Tensor | None
    """(F, D) sum of exp(score - peak) x weight row."""
    best: Tensor | None = None
    """(F,) token with the largest score, of equal ones the lowest."""

    @classmethod
    def start(cls, x: Tensor, head: _Head, *, expectation: bool, best: bool = False) -> _OnlineSoftmax:
        """Nothing seen yet, for packed frames x (F, D)."""
        total = torch.zeros(x.shape[0], dtype=head.sums, device=x.device)
        # A finite floor: a tile of minus infinities must not make inf - inf.
        peak = torch.full_like(total, torch.finfo(head.sums).min)
        expected = torch.zeros(x.shape, dtype=head.sums, device=x.device) if expectation else None
        return cls(peak, total, expected, torch.zeros_like(total, dtype=torch.long) if best else None)

    def add(self, frames: slice, z: Tensor, rows: Tensor, head: _Head, first: int = 0) -> None:
        """Take in the scores z (f, v) of some frames, of tokens from `first` on; z is overwritten."""
        if self.best is None:
            highest = z.amax(dim=1)
        else:
            highest, where = z.max(dim=1)
            self.best[frames] = torch.where(highest > self.peak[frames], where + first, self.best[frames])
        peak = torch.maximum(self.peak[frames], highest)
        kept = (self.peak[frames] - peak).exp_()
        p = z.sub_(peak.unsqueeze(1)).exp_()
        self.peak[frames] = peak
        self.total[frames].mul_(kept).add_(p.sum(dim=1))
        if self.expected is None:
            return
        expected = self.expected[frames].mul_(kept.unsqueeze(1))
        head.add_product(expected, p, rows)

    def log(self) -> Tensor:
        """Log-normalisers (F,)."""
        return self.total.log() + self.peak


@dataclass(frozen=True)
class _Plan:
    """How `_Scores` reads the head, and which columns it returns."""

    head: _Head
    columns: Tensor
    """(N, K) token ids of each clip."""
    frames: list[int]
    """How many of the packed frames belong to each clip."""
    best: bool
    """Whether it returns the best tokens."""

    def spans(self) -> Iterator[tuple[slice, Tensor]]:
        """Each clip's slice of the packed frames, with its columns (K,)."""
        start = 0
        for count, clip in zip(self.frames, self.columns, strict=True):
            yield slice(start, start + count), clip
            start += count

    def by_frame(self) -> Tensor:
        """The columns of every packed frame (F, K)."""
        counts = torch.tensor(self.frames, dtype=torch.long, device=self.columns.device)
        return self.columns.repeat_interleave(counts, dim=0, output_size=sum(self.frames))


class _Scores(torch.autograd.Function):
    """Packed frames (F, D) -> what `ColumnScores` says."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, plan: _Plan) -> tuple[Tensor, ...]:
        """Sweep the vocabulary once."""
        ctx.plan, head = plan, plan.head
        if head.held:
            found, p = _held_scores(x, plan)
            ctx.save_for_backward(x, weight, p)
            ctx.mark_non_differentiable(found.peak, found.best)
            return found
        running = _OnlineSoftmax.start(x, head, expectation=ctx.needs_input_grad[0], best=plan.best)
        for tile, rows in head.column_tiles(x.shape[0]):
            for part in head.frame_tiles(x.shape[0]):
                running.add(part, head.scores(x[part], rows, tile), rows, head, tile.start)
        scores = torch.empty(x.shape[0], plan.columns.shape[1], dtype=head.sums, device=x.device)
        for part, clip in plan.spans():
            scores[part] = head.scores(x[part], weight[clip], clip)
        normaliser = running.log()
        if running.expected is not None:
            running.expected.div_(running.total.unsqueeze(1))
        best = x.new_zeros(0, dtype=torch.long) if running.best is None else running.best
        ctx.save_for_backward(x, weight, running.expected, normaliser)
        ctx.mark_non_differentiable(running.peak, best)
        return normaliser, scores, running.peak, best

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_normaliser: Tensor, by_scores: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients for x, weight, bias and the plan, which has none."""
        with torch.autocast(by_scores.device.type, enabled=False):
            gradients = _held_gradients if ctx.plan.head.held else _swept_gradients
            return (*gradients(ctx, by_normaliser, by_scores), None)


def _held_scores(x: Tensor, plan: _Plan) -> tuple[ColumnScores, Tensor]:
    """What `ColumnScores` says, and the whole softmax (F, V)."""
    z = plan.head.scores(x, plan.head.weight, slice(None))
    scores = z.gather(1, plan.by_frame())
    peak, best = z.max(dim=1) if plan.best else (z.amax(dim=1), x.new_zeros(0, dtype=torch.long))
    peak = peak.clamp(min=torch.finfo(z.dtype).min)
    p = z.sub_(peak.unsqueeze(1)).exp_()
    total = p.sum(dim=1)
    return ColumnScores(total.log() + peak, scores, peak, best), p.div_(total.unsqueeze(1))


def _held_gradients(ctx: Any, by_normaliser: Tensor, by_scores: Tensor) -> tuple[Tensor | None, ...]:
    """Gradients for x, weight and bias from the held softmax."""
    x, weight, p = ctx.saved_tensors
    head: _Head = ctx.plan.head
    # (F, V): softmax x dL/dlog Z, and the columns' own gradients on top
    by_z = (p * by_normaliser.unsqueeze(1)).scatter_add_(1, ctx.plan.by_frame(), by_scores)
    for_x = head.product(by_z, weight).to(x.dtype) if ctx.needs_input_grad[0] else None
    for_weight = head.product(by_z.t(), x).to(weight.dtype) if ctx.needs_input_grad[1] else None
    for_bias = by_z.sum(dim=0).to(head.bias.dtype) if head.bias is not None and ctx.needs_input_grad[2] else None
    return for_x, for_weight, for_bias


def _swept_gradients(ctx: Any, by_normaliser: Tensor, by_scores: Tensor) -> tuple[Tensor | None, ...]:
    """Gradients for x, weight and bias after a sweep over tiles."""
    x, weight, expected, normaliser = ctx.saved_tensors
    plan: _Plan = ctx.plan
    for_x = for_weight = for_bias = None
    if ctx.needs_input_grad[0]:
        # d log Z / dx is the expected row; d score / dx the row itself
        for_x = expected * by_normaliser.unsqueeze(1)
        for part, clip in plan.spans():
            for_x[part] += plan.head.product(by_scores[part], weight[clip])
        for_x = for_x.to(x.dtype)
    if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
        for_weight, for_bias = _tiled_gradients(plan, x, normaliser, by_normaliser, by_scores)
    return for_x, for_weight, for_bias


def _tiled_gradients(
    plan: _Plan, x: Tensor, normaliser: Tensor, by_normaliser: Tensor, by_scores: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Gradients for weight and bias: the softmax once more, tile by tile, and the columns' own part in float32."""
    head = plan.head
    used, index = torch.unique(plan.columns, return_inverse=True)
    by_rows = torch.zeros(used.shape[0], x.shape[1], dtype=head.sums, device=x.device)
    by_used = torch.zeros(used.shape[0], dtype=head.sums, device=x.device)
    for (part, _), clip in zip(plan.spans(), index, strict=True):
        by_rows.index_add_(0, clip, head.product(by_scores[part].t(), x[part]))
        by_used.index_add_(0, clip, by_scores[part].sum(dim=0))
    # (F, D), (U, D) and (V, D): a row of the weight gains Σ_t p(v | t) dL/dlog Z(t) x(t)
    weighted = x * by_normaliser.unsqueeze(1)
    for_weight = torch.empty_like(head.weight)
    for_bias = None if head.bias is None else torch.empty_like(head.bias)
    for tile, rows in head.column_tiles(x.shape[0]):
        tile_rows = torch.zeros(rows.shape, dtype=head.sums, device=x.device)
        tile_bias = torch.zeros(rows.shape[0], dtype=head.sums, device=x.device)
        for part in head.frame_tiles(x.shape[0]):
            p = head.scores(x[part], rows, tile).sub_(normaliser[part].unsqueeze(1)).exp_()
            head.add_product(tile_rows, p.t(), weighted[part])
            if for_bias is not None:
                tile_bias.addmv_(p.t(), by_normaliser[part])
        inside = slice(*torch.searchsorted(used, torch.tensor([tile.start, tile.stop], device=x.device)).tolist())
        tile_rows.index_add_(0, used[inside] - tile.start, by_rows[inside])
        for_weight[tile] = tile_rows
        if for_bias is not None:
            for_bias[tile] = tile_bias.index_add_(0, used[inside] - tile.start, by_used[inside])
    return for_weight, for_bias


def _top(z: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest of each row, best first. For k = 1 the first of equals, which `topk` does not promise."""
    values, where = z.max(dim=1, keepdim=True) if k == 1 else z.topk(k, dim=1)
    return values, where


def check_shapes(features: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """Refuse shapes that do not fit together."""
    fits = features.dim() == 3 and weight.dim() == 2 and features.shape[2] == weight.shape[1]
    if not fits or (bias is not None and bias.shape != weight.shape[:1]):
        found = f"features {tuple(features.shape)}, weight {tuple(weight.shape)}"
        found += "" if bias is None else f", bias {tuple(bias.shape)}"
        raise InputError(f"{found}: expected (clips, frames, size), (vocabulary, size) and (vocabulary,)")


def check_tokens(name: str, ids: Tensor, vocabulary: int) -> None:
    """Refuse token ids outside the vocabulary."""
    if ids.numel() and (int(ids.min()) < 0 or int(ids.max()) >= vocabulary):
        found = f"{int(ids.min())} to {int(ids.max())}"
        raise InputError(f"{name} hold tokens {found}; the vocabulary has 0 to {vocabulary - 1}")
