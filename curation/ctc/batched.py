"""CTC forced alignment of a padded batch in torch; see `curation.ctc`.

A device gathers the few columns that each item's targets use, and the kernels do the rest on the processor: on an H200
64 utterances of 1,500 frames took 14 ms so, and 0.67 s when the frames were stepped through on the device (torchaudio's
own CUDA kernel: 0.54 s; `benchmarks.gpu`).

Legend: N items, T frames, V vocabulary, L targets, K columns of an item: the blank, its tokens, the wildcard's scores.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from curation.ctc import WILDCARD, Alignment, AlignmentError, Precision, forced_align_batch
from manifests.errors import InputError


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
        precision: as in `forced_align`.
        errors: "return" leaves an item's AlignmentError in its place, "raise" raises the first.

    Raises:
        AlignmentError, TranscriptTooLongError: see `errors`.
        InputError: wrong shapes or types, ids outside the vocabulary, the blank among the targets.
    """
    frames, counts, ids = _checked(log_probs, targets, input_lengths, target_lengths, blank)
    tokens = [row[:count] for row, count in zip(ids, counts, strict=True)]
    columns = [np.append(blank, np.setdiff1d(row, WILDCARD)) for row in tokens]
    scores = _gathered(log_probs.detach(), columns, blank)
    found = forced_align_batch(
        [item[:count] for item, count in zip(scores, frames, strict=True)],
        [_renumbered(row, own) for row, own in zip(tokens, columns, strict=True)],
        wildcard=wildcard,
        precision=precision,
        errors=errors,
    )
    return [
        item if isinstance(item, AlignmentError) else replace(item, path=_named(item.path, own), tokens=row)
        for item, own, row in zip(found, columns, tokens, strict=True)
    ]


def _gathered(log_probs: Tensor, columns: list[NDArray[np.int64]], blank: int) -> NDArray[np.float32]:
    """(N, T, V) -> (N, T, K) on the CPU; past an item's columns, what a wildcard is worth: the best but the blank."""
    device = log_probs.device
    padded = np.full((len(columns), 1 + max(map(len, columns), default=0)), -1)
    for row, own in zip(padded, columns, strict=True):
        row[: len(own)] = own
    index = torch.as_tensor(padded, device=device)[:, None, :]
    chosen = log_probs.gather(2, index.clamp(min=0).expand(-1, log_probs.shape[1], -1))
    others = torch.arange(log_probs.shape[2], device=device) != blank
    best = log_probs.where(others, -torch.inf).amax(2, keepdim=True)
    return chosen.where(index >= 0, best).float().cpu().numpy()


def _renumbered(tokens: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tokens as numbers of their item's columns; wildcards stay."""
    return np.where(tokens == WILDCARD, WILDCARD, np.searchsorted(columns[1:], tokens) + 1)


def _named(path: NDArray[np.int32], columns: NDArray[np.int64]) -> NDArray[np.int32]:
    """A path over an item's columns as a path over the vocabulary."""
    return np.where(path == WILDCARD, WILDCARD, columns[path]).astype(np.int32)


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
