"""Does one recording sound again in another file? Marks of its loudest points, which survive encoding it again.

Peaks of the spectrogram (Wang 2003, "An industrial-strength audio search algorithm") are taken in pairs: the pitch of
the first, the step in pitch and the step in time to the second. Gain, another codec, bit rate or sampling rate, a shift
and a cut move or lose some peaks and keep most. Two clips are alike where many equal pairs have one and the same shift.
Noise, another take of the same words and another voice do not give that. Clips without structure (a steady tone,
silence) or of a few tenths of a second have too few peaks to say anything.
"""

from __future__ import annotations

import base64
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from manifests.units import SAMPLE_RATE, Seconds

Ints = NDArray[np.int64]

RATE = 8000  # Hz: all that telephone codecs keep
WINDOW, HOP = 512, 128  # samples: 64 ms every 16 ms
LOW, HIGH = 19, 218  # bins: 300 to 3400 Hz
NEAR_TIME, NEAR_PITCH = 4, 5  # frames and bins around a peak that are lower
FLOOR = 40.0  # dB below the loudest point: quieter ones are noise, or lost by codecs
STEP_TIME, STEP_PITCH = 40, 40  # frames and bins to the second peak of a pair, at most
NEXT = 16  # of the peaks behind one, so many are tried
QUANTUM = 2  # frames and bins that count as one
LONGEST = 1 << 14  # frames (262 s): what comes later is not marked
KEPT = 512  # marks of a clip: of longer ones every second, fourth, ... by its hash, so that two clips keep the same
KEYS, KEY_SHARE = 16, 8  # keys of a clip: this many, and one in so many of all
LEAST_SHARED, LEAST_SHARE = 15, 0.15  # marks with one shift, of those that both have where they overlap
LEAST_KEYS, FOLLOWED = 2, 8  # candidates share so many keys; of the clips with a key, the first ones are compared


@dataclass(frozen=True)
class Landmarks:
    """Marks of one clip: pairs of peaks and their times, and keys by which alike clips find each other."""

    pairs: Ints  # (N,) what the pair looks like, 18 bits
    times: Ints  # (N,) its first peak, in frames
    halved: int  # of all pairs, those whose hash ends in so many zeros were kept
    keys: Ints  # (K,) 32 bits, sorted

    def text(self) -> str:
        """`HALVED:BASE64`, as a label keeps it; "" when there are no marks."""
        if not len(self.pairs):
            return ""
        packed = (self.pairs << 14 | self.times).astype("<u4").tobytes()
        return f"{self.halved}:{base64.b64encode(packed).decode()}"

    def key_text(self) -> str:
        """The keys in hexadecimal, one space between them."""
        return " ".join(f"{key:08x}" for key in self.keys)


def landmarks(samples: NDArray[np.float32], rate: int = SAMPLE_RATE) -> Landmarks:
    """Marks of a clip: mono (N,) at `rate` Hz, any level."""
    clip = soxr.resample(samples, rate, RATE) if rate != RATE else samples
    times, pitches = _peaks(clip[: LONGEST * HOP])
    pairs, at = _pairs(times, pitches)
    hashes, halved = _mixed(pairs), 0
    while np.count_nonzero(hashes % (1 << halved) == 0) > KEPT:
        halved += 1
    kept = hashes % (1 << halved) == 0
    return Landmarks(pairs[kept], at[kept], halved, _keys(times, pitches))


def read_landmarks(text: str) -> tuple[Ints, Ints, int]:
    """Pairs, times and `halved` of `Landmarks.text`."""
    halved, _, packed = text.partition(":")
    both = np.frombuffer(base64.b64decode(packed), "<u4").astype(np.int64)
    return both >> 14, both & (LONGEST - 1), int(halved or 0)


def alike(one: str | None, other: str | None) -> float:
    """Share (0 to 1) of the marks that two clips (`Landmarks.text`) share where they overlap; 0: other audio."""
    if not one or not other:
        return 0.0
    return matched(read_landmarks(one), read_landmarks(other))[0]


def matched(one: tuple[Ints, Ints, int], other: tuple[Ints, Ints, int]) -> tuple[float, Seconds]:
    """Share of common marks, and how much later the audio comes in `other`; (0, 0) for other audio."""
    halved = max(one[2], other[2])
    (pairs, times), (others, other_times) = (_thinned(*marks, halved) for marks in (one, other))
    order = np.argsort(others, kind="stable")
    others, other_times = others[order], other_times[order]
    first = np.searchsorted(others, pairs, "left")
    counts = np.searchsorted(others, pairs, "right") - first
    if not counts.any():
        return 0.0, 0.0
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    shifts = other_times[np.repeat(first, counts) + within] - np.repeat(times, counts)
    tally = np.bincount(shifts - shifts.min())
    tally = tally[:-1] + tally[1:] if len(tally) > 1 else tally  # a shift lies between two frames
    best = int(tally.argmax())
    shift, shared = best + int(shifts.min()), int(tally[best])
    both = min(_overlap(times + shift, other_times), _overlap(other_times - shift, times))
    share = min(1.0, shared / max(1, both))
    return (share, shift * HOP / RATE) if shared >= LEAST_SHARED and share >= LEAST_SHARE else (0.0, 0.0)


def alike_pairs(clips: Sequence[Landmarks]) -> Iterator[tuple[int, int, float]]:
    """Places of every two clips that are alike, and their share of common marks; never all pairs are compared."""
    keys = np.concatenate([clip.keys for clip in clips]) if clips else np.zeros(0, np.int64)
    owners = np.repeat(np.arange(len(clips)), [len(clip.keys) for clip in clips])
    order = np.lexsort((owners, keys))
    borders = np.flatnonzero(np.diff(keys[order], prepend=-1, append=-1))
    several = np.flatnonzero(np.diff(borders) > 1)
    found: Counter[tuple[int, int]] = Counter()
    for start, end in zip(borders[several], borders[several + 1], strict=True):
        holders = owners[order[start:end]].tolist()
        found.update((one, two) for place, one in enumerate(holders[:FOLLOWED]) for two in holders[place + 1 :])
    for (one, other), shared in sorted(found.items()):
        if shared >= LEAST_KEYS:
            a, b = clips[one], clips[other]
            share, _ = matched((a.pairs, a.times, a.halved), (b.pairs, b.times, b.halved))
            if share:
                yield one, other, share


def _peaks(clip: NDArray[np.float32]) -> tuple[Ints, Ints]:
    """Frames and bins of the loudest points of their surroundings, in order of time."""
    padded = np.pad(clip, (0, max(0, WINDOW - len(clip))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    spectrum = np.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32), axis=1)
    levels = 20 * np.log10(np.maximum(np.abs(spectrum[:, LOW:HIGH]), 1e-6))
    highest = _highest(_highest(levels, NEAR_TIME).T, NEAR_PITCH).T
    loud = levels > max(float(levels.max()) - FLOOR, -60.0)
    times, pitches = np.nonzero((levels == highest) & loud)
    return times.astype(np.int64), pitches.astype(np.int64)


def _highest(levels: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """The highest of each value and its `reach` neighbours before and behind it along the first axis."""
    padded = np.pad(levels, ((reach, reach), (0, 0)), constant_values=-np.inf)
    highest: NDArray[np.float64] = np.max([padded[at : at + len(levels)] for at in range(2 * reach + 1)], axis=0)
    return highest


def _pairs(times: Ints, pitches: Ints) -> tuple[Ints, Ints]:
    """Each peak with those shortly after it: what the pair looks like, and the frame of its first peak."""
    marks, at = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for skip in range(1, min(NEXT + 1, len(times))):
        mark, good = _step(times, pitches, skip)
        marks.append((pitches[:-skip] // QUANTUM << 11 | mark)[good])
        at.append(times[:-skip][good])
    return np.concatenate(marks), np.concatenate(at)


def _keys(times: Ints, pitches: Ints) -> Ints:
    """Three peaks each, which say more than two: those with the smallest hashes, and a fixed share of all."""
    found = [np.zeros(0, np.int64)]
    for near, far in itertools.combinations(range(1, 7), 2):
        if far >= len(times):
            continue
        first, one = _step(times, pitches, near)
        second, two = _step(times, pitches, far)
        count = len(second)
        mark = (pitches[:count] // QUANTUM << 22) | first[:count] << 11 | second
        found.append(mark[one[:count] & two])
    hashes = np.unique(_mixed(np.concatenate(found)))
    kept: Ints = np.union1d(hashes[:KEYS], hashes[hashes % KEY_SHARE == 0])
    return kept


def _step(times: Ints, pitches: Ints, skip: int) -> tuple[Ints, NDArray[np.bool_]]:
    """From each peak to the one `skip` places on: the step in 11 bits, and whether it is near enough to count."""
    later, higher = times[skip:] - times[:-skip], pitches[skip:] - pitches[:-skip]
    good = (later > 0) & (later < STEP_TIME) & (np.abs(higher) < STEP_PITCH)
    return (higher + STEP_PITCH) // QUANTUM << 5 | np.minimum(later // QUANTUM, 31), good


def _mixed(values: Ints) -> Ints:
    """32 bits that depend on all bits of each value."""
    mixed = (values.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)
    mixed = (mixed ^ (mixed >> np.uint64(15))) * np.uint64(0x2C1B3C6D) & np.uint64(0xFFFFFFFF)
    return (mixed ^ (mixed >> np.uint64(13))).astype(np.int64)


def _thinned(pairs: Ints, times: Ints, kept: int, halved: int) -> tuple[Ints, Ints]:
    """Of marks that are halved `kept` times, those that are left when halved `halved` times."""
    if kept >= halved:
        return pairs, times
    left = _mixed(pairs) % (1 << halved) == 0
    return pairs[left], times[left]


def _overlap(times: Ints, others: Ints) -> int:
    """How many of `times` lie in the span of `others`."""
    return int(np.count_nonzero((times >= others.min()) & (times <= others.max()))) if len(others) else 0
