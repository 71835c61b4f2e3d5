"""CTC on top of a linear head over a large vocabulary, without the frames x vocabulary matrix.

With scores z = x Wᵀ + b, log Z_V(t) the log-normaliser of frame t over the vocabulary V, and log Z_K(t) the same over
the few columns K that a clip's target uses (its tokens and the blank), every CTC path stays inside K, so exactly

    -log p(y | x) = CTC(log_softmax_K(z_K), y) + Σ_t (log Z_V(t) - log Z_K(t)).

The first and the last term need only frames x K, and torch's own CTC kernel does them (in float64: over hundreds of
frames float32 loses three digits of the posterior). What is left of the vocabulary is log Z_V, and that is computed
tile by tile. Its gradient by a frame is the expected row E[W] under the softmax, which a running, rescaled sum gives in
the same sweep (the trick of memory-efficient attention), so the backward pass visits the vocabulary again only when the
weight is trained. A matrix that is small as a whole is simply held, which is faster.

Dimensions: N clips, T frames (padded), D features, V vocabulary, S target tokens (padded), F valid frames of all clips
together, K columns of a clip (padded over clips), U columns of the batch. Memory: F (D + K), a tile and the gradients.

The file needs torch alone (and the project's error class), and nothing in it knows about the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from manifests.errors import InputError

Reduction = Literal["mean", "sum", "none"]
Lengths = Tensor | Sequence[int]

_HELD_CELLS = 2**24
"""Up to this many frames x vocabulary cells (64 MB in float32) are held whole, so that none is computed twice."""
_TILE_CELLS = {"cpu": 2**20, "cuda": 2**26}
"""Cells of a tile: near the cache of a CPU core; large enough to fill a GPU."""
_TILE_FRAMES = {"cpu": 512, "cuda": 8192}


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
    _check_shapes(features, weight, bias)
    if reduction not in ("mean", "sum", "none"):
        raise InputError(f"reduction={reduction!r} is unknown; expected mean, sum or none")
    labels = _labels(features, weight, targets, input_lengths, target_lengths, blank)
    # (N, T, D) -> (F, D)
    packed = _pack(features, labels.frames)
    # (F, D) -> (F,), (F, K)
    normaliser, scores = _scores(packed, weight, bias, labels.columns, labels.frames, chunk)
    loss = _ctc(normaliser, scores, labels, zero_infinity)
    if reduction == "mean":
        loss = (loss / loss.new_tensor(labels.lengths).clamp(min=1)).mean()
    elif reduction == "sum":
        loss = loss.sum()
    return loss.to(normaliser.dtype)


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
    _check_shapes(features, weight, bias)
    clips, frames, _ = features.shape
    wanted = columns.to(features.device)
    if wanted.dim() == 1:
        wanted = wanted.expand(clips, -1)
    _check_ids("columns", wanted, weight.shape[0])
    packed = features.reshape(clips * frames, -1)
    normaliser, scores = _scores(packed, weight, bias, wanted, [frames] * clips, chunk)
    return (scores - normaliser.unsqueeze(1)).view(clips, frames, -1)


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
    _check_shapes(features, weight, bias)
    if not 1 <= k <= weight.shape[0]:
        raise InputError(f"k={k}: expected 1 to {weight.shape[0]}, the size of the vocabulary")
    x = features.reshape(-1, features.shape[-1])
    head = _Head.of(x, weight, bias, chunk)
    running = _Running.start(x, head, expectation=False)
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
    shape = (*features.shape[:-1], k)
    return (best - running.log().unsqueeze(1)).view(shape), tokens.view(shape)


@dataclass(frozen=True)
class _Labels:
    """The targets of a batch over its clips' own columns."""

    columns: Tensor
    """(N, K) token ids; column 0 is the blank; unused columns repeat it."""
    targets: Tensor
    """(N, S) index of each target token among its clip's columns."""
    frames: list[int]
    """Valid frames of each clip."""
    lengths: list[int]
    """Target tokens of each clip."""


def _labels(
    features: Tensor, weight: Tensor, targets: Tensor, input_lengths: Lengths, target_lengths: Lengths, blank: int
) -> _Labels:
    """Check the targets and renumber them clip by clip: equal tokens stay equal, the blank becomes 0."""
    clips, longest, _ = features.shape
    frames = _lengths("input_lengths", input_lengths, clips, longest)
    lengths = _lengths("target_lengths", target_lengths, clips, None)
    vocabulary = weight.shape[0]
    if not 0 <= blank < vocabulary:
        raise InputError(f"blank={blank} is outside the vocabulary: expected 0 to {vocabulary - 1}")
    padded = _padded_targets(targets, lengths, blank)
    size = torch.tensor(lengths).unsqueeze(1)
    used = torch.arange(padded.shape[1]) < size
    _check_ids("targets", padded[used], vocabulary)
    if bool((padded[used] == blank).any()):
        raise InputError(f"a target contains the blank, token {blank}; leave blanks out of the targets")
    # (N, S) -> (N, 1 + S): the blank (and the padding) sorts first, as -1
    keys = F.pad(padded.masked_fill(~used, -1), (1, 0), value=-1)
    ordered, order = keys.sort(dim=1)
    rank = F.pad((ordered[:, 1:] != ordered[:, :-1]).long(), (1, 0)).cumsum(dim=1)
    local = torch.empty_like(rank).scatter_(1, order, rank)
    columns = torch.full((clips, int(rank.max()) + 1 if clips else 1), -1).scatter_(1, rank, ordered)
    columns = columns.masked_fill(columns < 0, blank)
    return _Labels(columns.to(features.device), local[:, 1:].to(features.device), frames, lengths)


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
            f"targets have shape {tuple(ids.shape)}; expected ({len(lengths)}, {longest} or more), or 1-D: one after another"
        )
    return ids[:, :longest]


def _ctc(normaliser: Tensor, scores: Tensor, labels: _Labels, zero_infinity: bool) -> Tensor:
    """Per-clip loss (N,), float64, from the frames' normalisers (F,) and the scores of their columns (F, K)."""
    device, longest = scores.device, max(labels.frames, default=0)
    # Torch's kernel exists on these two. Its CUDA gradient adds atomically; where reproducible results are asked for,
    # the CPU's does not.
    if device.type not in ("cpu", "cuda") or torch.are_deterministic_algorithms_enabled():
        device = torch.device("cpu")
    exact = scores.to(device, torch.float64)
    # What a frame loses to the rest of the vocabulary: (F,)
    outside = normaliser.to(device, torch.float64) - exact.logsumexp(dim=1)
    # (F, K) -> (N, T, K), zero in the padding
    valid = torch.arange(longest, device=device) < torch.tensor(labels.frames, device=device).unsqueeze(1)
    inside = exact.new_zeros(*valid.shape, scores.shape[1]).masked_scatter(valid.unsqueeze(2), exact.log_softmax(dim=1))
    rest = outside.new_zeros(valid.shape).masked_scatter(valid, outside).sum(dim=1)
    targets, frames, lengths = labels.targets.to(device), torch.tensor(labels.frames), torch.tensor(labels.lengths)

    def kernel(log_probs: Tensor, zero: bool) -> Tensor:
        by_time = log_probs.transpose(0, 1)
        return F.ctc_loss(by_time, targets, frames, lengths, reduction="none", zero_infinity=zero)

    loss = kernel(inside, zero_infinity)
    if zero_infinity and bool((loss == 0).any()):
        # Zero is either certainty or an infinity that was zeroed; only the second loses its `rest` too.
        rest = rest.where(kernel(inside.detach(), False).isfinite(), 0.0)
    return (loss + rest).to(scores.device)


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
class _Running:
    """Log-normaliser and expected weight row of every frame, over the tiles seen so far."""

    peak: Tensor
    """(F,) largest score seen."""
    total: Tensor
    """(F,) sum of exp(score - peak)."""
    expected: Tensor | None
    """(F, D) sum of exp(score - peak) x weight row."""

    @classmethod
    def start(cls, x: Tensor, head: _Head, *, expectation: bool) -> _Running:
        """Nothing seen yet, for packed frames x (F, D)."""
        total = torch.zeros(x.shape[0], dtype=head.sums, device=x.device)
        # A finite floor: a tile of minus infinities must not make inf - inf.
        peak = torch.full_like(total, torch.finfo(head.sums).min)
        return cls(peak, total, torch.zeros(x.shape, dtype=head.sums, device=x.device) if expectation else None)

    def add(self, frames: slice, z: Tensor, rows: Tensor, head: _Head) -> None:
        """Take in the scores z (f, v) of some frames; z is overwritten."""
        peak = torch.maximum(self.peak[frames], z.amax(dim=1))
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


class _Scores(torch.autograd.Function):
    """Packed frames (F, D) -> log-normalisers (F,) and the scores of each clip's columns (F, K)."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, columns: Tensor, frames: list[int], head: _Head
    ) -> tuple[Tensor, Tensor]:
        """Sweep the vocabulary once; `columns` is (N, K), `frames` the valid frames of each clip."""
        ctx.head, ctx.frames = head, frames
        if head.held:
            z = head.scores(x, weight, slice(None))
            by_frame = columns.repeat_interleave(torch.tensor(frames, device=x.device), dim=0, output_size=x.shape[0])
            scores = z.gather(1, by_frame)
            peak = z.amax(dim=1).clamp_(min=torch.finfo(head.sums).min)
            p = z.sub_(peak.unsqueeze(1)).exp_()
            total = p.sum(dim=1)
            normaliser, p = total.log() + peak, p.div_(total.unsqueeze(1)) if any(ctx.needs_input_grad) else None
            ctx.save_for_backward(x, weight, by_frame, p)
            return normaliser, scores
        running = _Running.start(x, head, expectation=ctx.needs_input_grad[0])
        for tile, rows in head.column_tiles(x.shape[0]):
            for part in head.frame_tiles(x.shape[0]):
                running.add(part, head.scores(x[part], rows, tile), rows, head)
        scores = torch.empty(x.shape[0], columns.shape[1], dtype=head.sums, device=x.device)
        for part, clip in _spans(frames, columns):
            scores[part] = head.scores(x[part], weight[clip], clip)
        normaliser = running.log()
        if running.expected is not None:
            running.expected.div_(running.total.unsqueeze(1))
        ctx.save_for_backward(x, weight, columns, running.expected, normaliser)
        return normaliser, scores

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_normaliser: Tensor, by_scores: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients for x, weight and bias."""
        if ctx.head.held:
            return (*_held_gradients(ctx, by_normaliser, by_scores), None, None, None)
        x, weight, columns, expected, normaliser = ctx.saved_tensors
        head: _Head = ctx.head
        for_x = for_weight = for_bias = None
        if ctx.needs_input_grad[0]:
            # d log Z / dx is the expected row; d score / dx the row itself
            for_x = expected * by_normaliser.unsqueeze(1)
            for part, clip in _spans(ctx.frames, columns):
                for_x[part] += head.product(by_scores[part], weight[clip])
            for_x = for_x.to(x.dtype)
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            by_weight, by_bias = _tiled_gradients(head, x, columns, ctx.frames, normaliser, by_normaliser, by_scores)
            for_weight = by_weight if ctx.needs_input_grad[1] else None
            for_bias = by_bias if ctx.needs_input_grad[2] else None
        return for_x, for_weight, for_bias, None, None, None


def _held_gradients(ctx: Any, by_normaliser: Tensor, by_scores: Tensor) -> tuple[Tensor | None, ...]:
    """Gradients for x, weight and bias from the held softmax."""
    x, weight, by_frame, p = ctx.saved_tensors
    head: _Head = ctx.head
    # (F, V): softmax x dL/dlog Z, and the columns' own gradients on top
    by_z = (p * by_normaliser.unsqueeze(1)).scatter_add_(1, by_frame, by_scores)
    for_x = head.product(by_z, weight).to(x.dtype) if ctx.needs_input_grad[0] else None
    for_weight = head.product(by_z.t(), x).to(weight.dtype) if ctx.needs_input_grad[1] else None
    for_bias = by_z.sum(dim=0).to(head.bias.dtype) if head.bias is not None and ctx.needs_input_grad[2] else None
    return for_x, for_weight, for_bias


def _tiled_gradients(
    head: _Head,
    x: Tensor,
    columns: Tensor,
    frames: list[int],
    normaliser: Tensor,
    by_normaliser: Tensor,
    by_scores: Tensor,
) -> tuple[Tensor, Tensor | None]:
    """Gradients for weight and bias: the softmax once more, tile by tile, and the columns' own part in float32."""
    used, index = columns.unique(return_inverse=True)
    by_rows = torch.zeros(used.shape[0], x.shape[1], dtype=head.sums, device=x.device)
    by_used = torch.zeros(used.shape[0], dtype=head.sums, device=x.device)
    for (part, _), clip in zip(_spans(frames, columns), index, strict=True):
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


def _spans(frames: list[int], columns: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Each clip's slice of the packed frames, with its columns (K,)."""
    start = 0
    for count, clip in zip(frames, columns, strict=True):
        yield slice(start, start + count), clip
        start += count


def _scores(
    packed: Tensor, weight: Tensor, bias: Tensor | None, columns: Tensor, frames: list[int], chunk: int | None
) -> tuple[Tensor, Tensor]:
    """`_Scores` outside autocast: the file chooses its types itself (see `_Head.of`)."""
    if chunk is not None and chunk < 1:
        raise InputError(f"chunk={chunk}: expected a number of cells of at least 1, or None")
    head = _Head.of(packed, weight, bias, chunk)
    with torch.autocast(packed.device.type, enabled=False):
        result: tuple[Tensor, Tensor] = _Scores.apply(packed, weight, bias, columns, frames, head)
    return result


def _pack(features: Tensor, frames: list[int]) -> Tensor:
    """(N, T, D) -> (F, D): the valid frames of all clips, one after another."""
    clips, longest, size = features.shape
    flat = features.reshape(clips * longest, size)
    if all(count == longest for count in frames):
        return flat
    valid = torch.arange(longest) < torch.tensor(frames).unsqueeze(1)
    return flat.index_select(0, valid.flatten().nonzero().squeeze(1).to(features.device))


def _top(z: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest of each row, best first. For k = 1 the first of equals, which `topk` does not promise."""
    values, where = z.max(dim=1, keepdim=True) if k == 1 else z.topk(k, dim=1)
    return values, where


def _lengths(name: str, lengths: Lengths, clips: int, limit: int | None) -> list[int]:
    """Lengths as plain numbers, checked."""
    numbers = [int(n) for n in (lengths.tolist() if isinstance(lengths, Tensor) else lengths)]
    if len(numbers) != clips:
        raise InputError(f"{name} has {len(numbers)} entries for {clips} clips")
    worst = [n for n in numbers if n < 0 or (limit is not None and n > limit)]
    if worst:
        raise InputError(f"{name} contains {worst[0]}; expected 0 to {'any' if limit is None else limit}")
    return numbers


def _check_shapes(features: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """Refuse shapes that do not fit together."""
    fits = features.dim() == 3 and weight.dim() == 2 and features.shape[2] == weight.shape[1]
    if not fits or (bias is not None and bias.shape != weight.shape[:1]):
        found = f"features {tuple(features.shape)}, weight {tuple(weight.shape)}"
        found += "" if bias is None else f", bias {tuple(bias.shape)}"
        raise InputError(f"{found}: expected (clips, frames, size), (vocabulary, size) and (vocabulary,)")


def _check_ids(name: str, ids: Tensor, vocabulary: int) -> None:
    """Refuse token ids outside the vocabulary."""
    if ids.numel() and (int(ids.min()) < 0 or int(ids.max()) >= vocabulary):
        found = f"{int(ids.min())} to {int(ids.max())}"
        raise InputError(f"{name} hold tokens {found}; the vocabulary has 0 to {vocabulary - 1}")
