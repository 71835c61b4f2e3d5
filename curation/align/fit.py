"""Do the words of an alignment say what is heard? Their scores, and the loud moments that no word covers.

Any text finds some place in a clip where it scores well: one short word does so in nearly every clip. What gives a
wrong text away is the speech that it leaves over.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from curation.align.base import AlignedWord
from manifests.units import SAMPLE_RATE, Seconds

FRAME = SAMPLE_RATE // 100  # 10 ms
LOUD = 10.0  # dB below the clip's loud moments (its 95th percentile): what is quieter may be noise between words
MARGIN = 0.1  # s around a word that are its own: edges are not exact
PAUSE = 0.5  # s between two words that are theirs: spikes of CTC models end long before their sounds
LEFT_OVER = -8.0  # what a frame of speech without a word scores: below all that words score


def fit(
    samples: NDArray[np.float32], found: Sequence[AlignedWord], known: Sequence[tuple[Seconds, Seconds]] = ()
) -> float:
    """Mean score per frame of the words and of the loud moments beside them, in the scale of `AlignedWord.score`.

    Args:
        samples: (N,) at 16 kHz.
        found: the words.
        known: spans of speech that the words are known to lack; they count neither way.
    """
    lengths = np.array([max(word.end - word.start, 1e-3) for word in found])
    scored = float(np.dot(lengths, [word.score for word in found]))
    left = _loud_seconds(samples, _spans(found, known))
    return (scored + LEFT_OVER * left) / (float(lengths.sum()) + left)


def _spans(found: Sequence[AlignedWord], known: Sequence[tuple[Seconds, Seconds]]) -> list[tuple[Seconds, Seconds]]:
    """What is covered, in order of time; short pauses too."""
    spans: list[tuple[Seconds, Seconds]] = []
    for start, end in sorted([*((word.start, word.end) for word in found), *known]):
        if spans and start - spans[-1][1] < PAUSE:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return [(start - MARGIN, end + MARGIN) for start, end in spans]


def _loud_seconds(samples: NDArray[np.float32], covered: Sequence[tuple[Seconds, Seconds]]) -> Seconds:
    """How long it is loud outside some spans."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    if not len(frames):
        return 0.0
    levels = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-10)
    loud = levels > np.percentile(levels, 95) - LOUD
    for start, end in covered:
        loud[max(0, round(start * SAMPLE_RATE / FRAME)) : max(0, round(end * SAMPLE_RATE / FRAME))] = False
    return float(np.count_nonzero(loud)) * FRAME / SAMPLE_RATE
