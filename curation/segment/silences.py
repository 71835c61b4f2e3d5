"""Cut a long aligned recording into pieces at silences between words. Pure: times in, spans out.

Pieces and gaps tile the recording: each second of it belongs to exactly one of them, in order. A gap is audio that no
piece needs: a long silence, or speech that the text lacks.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from manifests.errors import SettingsError
from manifests.units import Seconds

HOP: Seconds = 0.01  # of the energy that says where it is quiet
PAUSE: Seconds = 3.0  # without words: longer pauses end a piece, and their middle is a gap
PADDING: Seconds = 0.5  # of such a pause stays with the words on either side
SMOOTH = 5  # hops over which "quiet" is judged
SILENCE: Seconds = 0.1  # between words: less is no silence, and cutting there is a last resort
COST_OF_SPEECH = 100.0  # of a cut where there is no silence, in units of one piece


@dataclass(frozen=True)
class PieceLimits:
    """How long pieces may be.

    Raises:
        SettingsError: limits that no piece can keep.
    """

    shortest: Seconds = 3.0  # a piece that cannot be this long is for the caller to refuse
    longest: Seconds = 30.0  # kept always, unless a single word is longer

    def __post_init__(self) -> None:
        if not 0 <= self.shortest * 2 <= self.longest < math.inf:
            raise SettingsError(
                f"Pieces of {self.shortest:g} to {self.longest:g} s cannot be had everywhere: the longest must be at "
                "least twice the shortest."
            )


@dataclass(frozen=True)
class PieceSpan:
    """One piece: words [first, last) of the words given, and the span of audio that holds them."""

    first: int
    last: int
    start: Seconds
    end: Seconds
    in_speech: bool = False  # it begins where there is no silence

    @property
    def duration(self) -> Seconds:
        """Length."""
        return self.end - self.start


@dataclass(frozen=True)
class Gap:
    """Audio between pieces."""

    start: Seconds
    end: Seconds


def cut_pieces(
    starts: Sequence[Seconds],
    ends: Sequence[Seconds],
    energy: NDArray[np.float32],
    duration: Seconds,
    limits: PieceLimits | None = None,
) -> tuple[list[PieceSpan], list[Gap]]:
    """Pieces and gaps that tile [0, duration).

    starts, ends: of the words (W,), in order, not overlapping; energy: (E,) one value every HOP seconds.
    """
    limits = limits or PieceLimits()
    quiet = is_quiet(energy)
    if not len(starts):
        return [], [Gap(0.0, duration)] if duration > 0 else []
    pieces: list[PieceSpan] = []
    gaps: list[Gap] = []
    for first, last, begin, finish in _runs(starts, ends, duration, gaps):
        between = (ends[first : last - 1], starts[first + 1 : last])
        borders = _borders(between, (begin, finish), energy, quiet)
        pieces += _partition(borders, first, limits)
    return pieces, gaps


def _runs(
    starts: Sequence[Seconds], ends: Sequence[Seconds], duration: Seconds, gaps: list[Gap]
) -> list[tuple[int, int, Seconds, Seconds]]:
    """Stretches of words without a long pause: words [first, last) in audio [begin, finish). Appends the gaps."""
    runs = []
    first, begin = 0, 0.0
    if starts[0] > PAUSE:
        begin = starts[0] - PADDING
        gaps.append(Gap(0.0, begin))
    for word in range(1, len(starts)):
        if starts[word] - ends[word - 1] > PAUSE:
            finish = ends[word - 1] + PADDING
            runs.append((first, word, begin, finish))
            first, begin = word, starts[word] - PADDING
            gaps.append(Gap(finish, begin))
    finish = duration
    if duration - ends[-1] > PAUSE:
        finish = ends[-1] + PADDING
        gaps.append(Gap(finish, duration))
    runs.append((first, len(starts), begin, finish))
    return runs


def _borders(
    between: tuple[Sequence[Seconds], Sequence[Seconds]],
    span: tuple[Seconds, Seconds],
    energy: NDArray[np.float32],
    quiet: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where a run of n words can be cut, and what it costs: (n + 1,) before each word and after the last.

    between: where the n - 1 gaps between words begin, and where they end.
    """
    times, costs = [span[0]], [0.0]
    for left, right in zip(*between, strict=True):
        silence = _longest_silence(quiet, left, right)
        times.append(_quietest(energy, left, right))
        costs.append(0.1 / (SILENCE + silence) if silence >= SILENCE else COST_OF_SPEECH * (1 - silence / SILENCE) + 1)
    return np.array([*times, span[1]]), np.array([*costs, 0.0])


def is_quiet(energy: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Hops (E,) without speech: near the recording's own floor, and far below its loud parts."""
    if not len(energy):
        return np.zeros(0, np.bool_)
    floor, loud = np.percentile(energy, [10, 95])
    quiet: NDArray[np.bool_] = energy <= min(max(4 * floor, 1e-3 * loud), 0.1 * loud)
    return quiet


def _longest_silence(quiet: NDArray[np.bool_], left: Seconds, right: Seconds) -> Seconds:
    """The longest quiet stretch in [left, right)."""
    inside = quiet[round(left / HOP) : round(right / HOP)]
    loud = np.flatnonzero(~inside)
    return HOP * float(np.diff(np.concatenate([[-1], loud, [len(inside)]])).max() - 1)


def _quietest(energy: NDArray[np.float32], left: Seconds, right: Seconds) -> Seconds:
    """The middle of the quietest SMOOTH hops in [left, right)."""
    first, last = round(left / HOP), round(right / HOP)
    if last - first < SMOOTH or last > len(energy):
        return (left + right) / 2
    sums = np.convolve(energy[first:last].astype(np.float64), np.ones(SMOOTH), mode="valid")
    # Of equally quiet places the one in the middle, so that digital silence is shared evenly.
    best = np.flatnonzero(sums <= sums.min() * 1.1 + 1e-12)
    place = best[np.abs(best - (len(sums) - 1) / 2).argmin()]
    return min(max((first + int(place) + SMOOTH / 2) * HOP, left), right)


def _partition(
    borders: tuple[NDArray[np.float64], NDArray[np.float64]], first: int, limits: PieceLimits
) -> list[PieceSpan]:
    """The cheapest way to cut a run into pieces of legal length; shorter ones only where nothing else goes.

    best[j] is the cost of the words before border j; a piece costs 1 for being neither short nor long, and its cut.
    """
    times, costs = borders
    count = len(times) - 1
    best = np.full(count + 1, np.inf)
    back = np.zeros(count + 1, np.int64)
    best[0] = 0.0
    ideal = (limits.shortest + limits.longest) / 2
    for last in range(1, count + 1):
        earliest = int(np.searchsorted(times, times[last] - limits.longest))
        begin = min(earliest, last - 1)
        lengths = times[last] - times[begin:last]
        price = 0.2 * ((lengths - ideal) / ideal) ** 2 + np.where(lengths < limits.shortest, 10 * COST_OF_SPEECH, 0.0)
        totals = best[begin:last] + price + costs[last]
        back[last] = begin + int(totals.argmin())
        best[last] = totals.min()
    cuts = [count]
    while cuts[-1]:
        cuts.append(int(back[cuts[-1]]))
    cuts.reverse()
    return [
        PieceSpan(first + left, first + right, float(times[left]), float(times[right]), bool(costs[left] >= 1))
        for left, right in itertools.pairwise(cuts)
    ]
