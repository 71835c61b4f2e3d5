"""Clips in windows, so that models hear them in batches and yet each clip alone.

Padding a clip to its neighbours' length changes what many models say of it. So a clip becomes windows of one size, and
only windows of equal length go together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Clip = NDArray[np.float32]  # (N,), 16 kHz mono
BATCH_SAMPLES = 160 * 16_000  # handed to a model at once


def windows(clip: Clip, size: int, hop: int) -> list[Clip]:
    """Windows of `size` samples every `hop`, the last of which ends with the clip; a shorter clip is one window."""
    if len(clip) <= size:
        return [clip]
    starts = [*range(0, len(clip) - size, hop), len(clip) - size]
    return [clip[start : start + size] for start in starts]


def in_batches(
    clips: Sequence[Clip], cut: Callable[[Clip], list[Clip]], hear: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> list[NDArray[np.float32]]:
    """What a model says of each clip's windows: (W, D) a clip.

    Args:
        clips: (N,) each.
        cut: a clip's windows, one or more.
        hear: (B, size) -> (B, D), each row of which depends on its own window alone.
    """
    parts = [cut(clip) for clip in clips]
    flat = [window for part in parts for window in part]
    found: list[NDArray[np.float32]] = [np.zeros(0, np.float32)] * len(flat)
    for places in _of_one_length(flat):
        said = hear(np.stack([flat[place] for place in places]))
        for place, one in zip(places, said, strict=True):
            found[place] = np.asarray(one, np.float32)
    ends = np.cumsum([len(part) for part in parts])
    return [np.stack(found[end - len(part) : end]) for part, end in zip(parts, ends, strict=True)]


def _of_one_length(flat: Sequence[Clip]) -> Iterator[list[int]]:
    """Places of windows that go together."""
    lengths: dict[int, list[int]] = {}
    for place, window in enumerate(flat):
        lengths.setdefault(len(window), []).append(place)
    for length, places in lengths.items():
        count = max(1, BATCH_SAMPLES // max(1, length))
        yield from (places[start : start + count] for start in range(0, len(places), count))
