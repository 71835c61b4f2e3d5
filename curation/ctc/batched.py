"""CTC forced alignment of a padded batch in torch, on the device of its log-probabilities; see `curation.ctc`.

The results are those of `forced_align`. Worth it on a GPU, where a frame of the whole batch is one step; on a CPU the
numba kernels are far faster. One byte per item, frame and label is kept for the way back.

Legend: N items, T frames, V vocabulary, L targets, S = L + 1 labels with the dummy (see `curation.ctc.kernels`).
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from curation.ctc import FLOAT32_FRAMES, FLOOR, WILDCARD, Alignment, AlignmentError, Precision, TranscriptTooLongError
from manifests.errors import InputError

_JUMP, _FROM_BLANK, _BLANK_FROM_LABEL = 2, 1, 4  # how a state was entered, in one byte per label


class _Layout(NamedTuple):
    tokens: Tensor  # (N, S) int64, the blank where there is no target or a wildcard
    wild: Tensor  # (N, S) bool
    repeat: Tensor  # (N, S) -inf where the token equals the one before, else 0
    wild_scores: Tensor | None  # (N, T)


def forced_align_torch(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | None = None,
    target_lengths: Tensor | None = None,
    *,
    blank: int = 0,
    wildcard: float | None = None,
    precision: Precision = "auto",
    errors: Literal["raise", "return"] = "raise",
) -> list[Alignment | AlignmentError]:
    """Align each item of a padded batch, as `curation.ctc.forced_align` would.

    Args:
        log_probs: (N, T, V) natural log-probabilities, any float type, any device; what lies past an item's length is
            not used.
        targets: (N, L) token ids; `curation.ctc.WILDCARD` matches any frame; padding is not read.
        input_lengths: (N,) frames of each item; None: all T.
        target_lengths: (N,) targets of each item; None: all L.
        blank: id of the blank.
        wildcard: as in `forced_align`.
        precision: as in `forced_align`; "auto" goes by the longest item.
        errors: "return" leaves an item's AlignmentError in its place, "raise" raises the first.

    Raises:
        AlignmentError, TranscriptTooLongError: see `errors`.
        InputError: wrong shapes or types, ids outside the vocabulary, the blank among the targets.
    """
    frames, counts, ids = _checked(log_probs, targets, input_lengths, target_lengths, blank)
    failures = _too_long(ids, frames, counts)
    double = precision == "float64" or (precision == "auto" and int(frames.max(initial=0)) >= FLOAT32_FRAMES)
    kind = torch.float64 if double else torch.float32
    with torch.no_grad():
        scores = log_probs.detach().to(torch.float32)
        layout = _lay_out(scores, ids, counts, blank=blank, wildcard=wildcard, kind=kind)
        lengths = torch.as_tensor(frames, device=scores.device)
        a, b, moves = _forward(scores, layout, lengths, blank)
        states, best = _walk_back(a, b, moves, lengths, torch.as_tensor(counts, device=scores.device))
        path_scores = _path_scores(scores, layout, states, blank).cpu().numpy()
    finite = torch.isfinite(best).cpu().numpy()
    out: list[Alignment | AlignmentError] = []
    for n, found in enumerate(states.cpu().numpy().astype(np.int32)):
        failure = failures.get(n)
        if failure is None and not finite[n]:
            failure = AlignmentError(f"item {n}: log_probs holds NaN or +inf where the alignment needs it.")
        if failure is not None and errors == "raise":
            raise failure
        length = int(frames[n])
        item = found[:length], path_scores[n, :length], ids[n, : counts[n]], blank
        out.append(failure if failure is not None else _alignment(*item))
    return out


def _checked(
    log_probs: Tensor, targets: Tensor, input_lengths: Tensor | None, target_lengths: Tensor | None, blank: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Frames (N,), targets (N,) and ids (N, L) on the CPU, padding set to the blank."""
    if log_probs.ndim != 3 or targets.ndim != 2 or len(log_probs) != len(targets):
        raise InputError(
            f"forced_align_torch: log_probs of shape {tuple(log_probs.shape)}, targets of shape "
            f"{tuple(targets.shape)}; expected (items, frames, vocabulary) and (items, targets)."
        )
    if not log_probs.is_floating_point() or targets.is_floating_point():
        raise InputError(
            f"forced_align_torch: log_probs is {log_probs.dtype}, targets is {targets.dtype}; "
            "expected floats and integers."
        )
    items, most, width = log_probs.shape
    if not 0 <= blank < width:
        raise InputError(f"forced_align_torch: blank={blank}; expected 0 to {width - 1}, a column of log_probs.")
    ids = targets.detach().cpu().numpy().astype(np.int64)
    frames = _lengths(input_lengths, items, most, "input_lengths")
    counts = _lengths(target_lengths, items, ids.shape[1], "target_lengths")
    inside = np.arange(ids.shape[1]) < counts[:, None]
    bad = inside & (((ids < 0) & (ids != WILDCARD)) | (ids >= width) | (ids == blank))
    if bad.any():
        n, position = np.argwhere(bad)[0]
        raise InputError(
            f"forced_align_torch: item {n}: the target at position {position} is {ids[n, position]}; "
            f"expected 0 to {width - 1} but not the blank ({blank}), or WILDCARD."
        )
    return frames, counts, np.where(inside, ids, blank)


def _lengths(value: Tensor | None, items: int, most: int, name: str) -> NDArray[np.int64]:
    lengths = np.full(items, most, np.int64) if value is None else value.detach().cpu().numpy().astype(np.int64)
    if lengths.shape != (items,) or (lengths < 0).any() or (lengths > most).any():
        raise InputError(
            f"forced_align_torch: {name} is {lengths.tolist()}; expected {items} lengths from 0 to {most}."
        )
    return lengths


def _too_long(
    ids: NDArray[np.int64], frames: NDArray[np.int64], counts: NDArray[np.int64]
) -> dict[int, AlignmentError]:
    inside = np.arange(1, ids.shape[1]) < counts[:, None] if ids.shape[1] else np.zeros((len(ids), 0), bool)
    repeats = (inside & (ids[:, 1:] == ids[:, :-1])).sum(1)
    return {
        int(n): TranscriptTooLongError(
            f"item {n}: {counts[n]} tokens ({repeats[n]} of them equal to the one before) need "
            f"{counts[n] + repeats[n]} frames, but there are {frames[n]}. "
            "Shorten the transcript, or check that it belongs to this audio."
        )
        for n in np.flatnonzero(counts + repeats > frames)
    }


def _lay_out(
    scores: Tensor, ids: NDArray[np.int64], counts: NDArray[np.int64], *, blank: int, wildcard: float | None, kind: Any
) -> _Layout:
    padded = np.concatenate([ids, np.full((len(ids), 1), blank)], axis=1)  # (N, L) -> (N, S)
    inside = np.arange(padded.shape[1]) < counts[:, None]
    same = np.zeros(padded.shape, bool)
    same[:, 1:] = padded[:, 1:] == padded[:, :-1]
    wild = inside & (padded == WILDCARD)
    device = scores.device
    wild_scores = None
    if wild.any() and wildcard is not None:
        wild_scores = torch.full(scores.shape[:2], wildcard, device=device)
    elif wild.any():
        others = torch.arange(scores.shape[2], device=device) != blank
        wild_scores = torch.where(others, scores, -torch.inf).amax(2)
    return _Layout(
        torch.as_tensor(np.where(wild, blank, padded), device=device),
        torch.as_tensor(wild, device=device),
        torch.zeros(padded.shape, dtype=kind, device=device).masked_fill_(
            torch.as_tensor(same, device=device), -torch.inf
        ),
        wild_scores,
    )


def _forward(scores: Tensor, layout: _Layout, lengths: Tensor, blank: int) -> tuple[Tensor, Tensor, Tensor]:
    """The rows `a` and `b` (N, S) after each item's last frame, and the moves (T, N, S) that led there."""
    items, frames, _ = scores.shape
    kind = layout.repeat.dtype
    a = torch.full(layout.tokens.shape, -torch.inf, dtype=kind, device=scores.device)
    b = a.clone()
    b[:, 0] = 0
    moves = torch.empty((frames, *a.shape), dtype=torch.uint8, device=scores.device)
    never = torch.full((items, 1), -torch.inf, dtype=kind, device=scores.device)
    for t in range(frames):
        frame = scores[:, t]  # (N, V)
        emission = frame.gather(1, layout.tokens)  # (N, V) -> (N, S)
        if layout.wild_scores is not None:
            emission = torch.where(layout.wild, layout.wild_scores[:, t, None], emission)
        before = torch.cat([never, a[:, :-1]], dim=1)
        jump, label_stays = before + layout.repeat, torch.maximum(a, b)
        jumps = (jump > a) & (jump > b)
        moves[t] = jumps * _JUMP + (~jumps & (b > a)) * _FROM_BLANK + (before > b) * _BLANK_FROM_LABEL
        active = (t < lengths)[:, None]
        new_a = torch.maximum(label_stays, jump) + emission.clamp_min(float(FLOOR)).to(kind)
        new_b = torch.maximum(b, before) + frame[:, blank, None].clamp_min(float(FLOOR)).to(kind)
        a, b = torch.where(active, new_a, a), torch.where(active, new_b, b)
    return a, b, moves


def _walk_back(a: Tensor, b: Tensor, moves: Tensor, lengths: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """States (N, T), 2l + 1 for label l and 2l for the blank before it, and the sum of the best path (N,)."""
    rows = torch.arange(len(a), device=a.device)
    on_blank, on_label = b[rows, counts], a[rows, (counts - 1).clamp_min(0)]
    on_label = torch.where(counts > 0, on_label, -torch.inf)
    at_label = ~(on_blank > on_label)
    at_label &= counts > 0
    label = torch.where(at_label, counts - 1, counts)
    states = torch.zeros((len(a), len(moves)), dtype=torch.int64, device=a.device)
    for t in range(len(moves) - 1, -1, -1):
        states[:, t] = 2 * label + at_label
        move = moves[t, rows, label]
        active = t < lengths
        jump, from_blank = at_label & (move & _JUMP != 0), at_label & (move & _FROM_BLANK != 0)
        to_label = ~at_label & (move & _BLANK_FROM_LABEL != 0)
        label = label - (active & (jump | to_label)).long()
        at_label = torch.where(active, (at_label & ~from_blank) | to_label, at_label)
        label = label.clamp_min(0)
    return states, torch.maximum(on_blank, on_label)


def _path_scores(scores: Tensor, layout: _Layout, states: Tensor, blank: int) -> Tensor:
    """The log-probability of each frame's token: (N, T, V), (N, T) -> (N, T)."""
    label, at_label = states >> 1, (states & 1).bool()
    token = torch.where(at_label, layout.tokens.gather(1, label), blank)
    out = scores.gather(2, token[:, :, None])[:, :, 0]
    if layout.wild_scores is not None:
        out = torch.where(at_label & layout.wild.gather(1, label), layout.wild_scores, out)
    return out


def _alignment(
    states: NDArray[np.int32], scores: NDArray[np.float32], targets: NDArray[np.int64], blank: int
) -> Alignment:
    labels = 2 * np.arange(len(targets)) + 1
    starts, ends = (np.searchsorted(states, labels, side).astype(np.int32) for side in ("left", "right"))
    edges = np.stack([starts, ends], axis=1).ravel()
    sums = np.add.reduceat(np.append(scores, 0).astype(np.float64), edges)[::2] if len(edges) else np.empty(0)
    padded = np.append(targets, blank)
    path = np.where(states & 1, padded[states >> 1], blank).astype(np.int32)
    means = (sums / np.maximum(ends - starts, 1)).astype(np.float32)
    return Alignment(path, np.ascontiguousarray(scores), targets.copy(), starts, ends, means)
