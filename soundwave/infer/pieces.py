"""Cut a recording where it is quiet when it is too long to be heard at once. No sample is lost or heard twice."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from curation.segment.silences import HOP, SMOOTH, is_quiet
from manifests.errors import SettingsError
from manifests.units import SAMPLE_RATE, Seconds

LONGEST: Seconds = 30.0  # the window of Whisper's encoders, and the longest clip of the paper's training data
SHORTEST: Seconds = 1.0  # the least value of `longest`
STEP = round(HOP * SAMPLE_RATE)  # samples


def cut_at_silences(samples: NDArray[np.float32], longest: Seconds = LONGEST) -> list[tuple[int, int]]:
    """Spans [first, last) of samples (N,) at 16 kHz, in order, none longer than `longest`, that tile the recording.

    A span ends in the middle of the longest silence in the second half of what it may hold; without one, where it is
    least loud. The last two share what is left, so that neither is a splinter (a quarter of `longest` at least).

    Raises:
        SettingsError: as `need_longest`.
    """
    need_longest(longest)
    most, total = round(longest * SAMPLE_RATE), len(samples)
    spans: list[tuple[int, int]] = []
    first = 0
    if total > most:
        energy = power(samples)
        quiet = is_quiet(energy)
        while total - first > most:
            earliest, latest = first + most // 2, min(first + most, total - most // 4)
            last = _best_place(energy, quiet, earliest, latest)
            spans.append((first, last))
            first = last
    return [*spans, (first, total)]


def need_longest(longest: Seconds) -> Seconds:
    """`longest`, if pieces of that length can be understood.

    Raises:
        SettingsError: it is below SHORTEST, or no finite number.
    """
    if not SHORTEST <= longest < math.inf:
        raise SettingsError(f"Pieces of at most {longest:g} s cannot be understood; expected {SHORTEST:g} s or more.")
    return longest


def power(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean square of each whole hop of HOP seconds: (N // STEP,)."""
    hops = samples[: len(samples) // STEP * STEP].reshape(-1, STEP)
    means: NDArray[np.float32] = (hops.astype(np.float64) ** 2).mean(axis=1).astype(np.float32)
    return means


def _best_place(energy: NDArray[np.float32], quiet: NDArray[np.bool_], earliest: int, latest: int) -> int:
    """The sample in [earliest, latest] to cut at."""
    low, high = -(-earliest // STEP), latest // STEP
    inside = quiet[low:high]
    if inside.any():
        # Each run of quiet hops: the hops between two loud ones.
        loud = np.concatenate([[-1], np.flatnonzero(~inside), [len(inside)]])
        run = int(np.diff(loud).argmax())
        middle = low + (int(loud[run]) + 1 + int(loud[run + 1])) / 2
    else:
        sums = np.convolve(energy[low:high].astype(np.float64), np.ones(SMOOTH), mode="valid")
        middle = low + int(sums.argmin()) + SMOOTH / 2
    return min(max(round(middle * STEP), earliest), latest)
