"""Speech whose every word boundary is known: recordings of single words, trimmed and joined end to end.

Used twice: to calibrate an aligner on a corpus's one-word cuts, and by the accuracy benchmark on other voices. A word
reaches from where its recording first rises above a threshold to where it last does, so edges are exact for that
definition, which favours aligners that look at energy. A third of the gaps are 0: there the energy says little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from curation.text import Word
from manifests.units import SAMPLE_RATE, Seconds

GAPS = (0.0, 0.0, 0.0, 0.05, 0.1, 0.15, 0.25, 0.4, 0.6)  # seconds; drawn evenly
WORDS = (4, 9)  # words of a clip: from, below
ENDS = (0.1, 0.5)  # seconds of silence before and after
HISS = 10 ** (-60 / 20)  # fills the gaps: nothing is digitally silent
LEVEL = 10 ** (-23 / 20)  # RMS that each word is brought to
BELOW_PEAK = (28.0, 34.0, 40.0)  # dB: the threshold in the middle, and what it must agree with
ABOVE_FLOOR = 8.0  # dB above the recording's own background, if that is higher
SILENT = -90.0  # dBFS: digital silence is no background
AMBIGUOUS: Seconds = 0.15  # a word is left out whose edges move by more between those thresholds
SHORTEST, LONGEST = 0.08, 1.2  # seconds; a longer "word" is one with noises around it


@dataclass(frozen=True)
class WordRecording:
    """One word, trimmed: samples (N,) 16 kHz."""

    word: Word
    samples: NDArray[np.float32]


@dataclass(frozen=True)
class Example:
    """A clip with known edges: position of a word in `words` -> its start and end in seconds."""

    samples: NDArray[np.float32]
    words: Sequence[Word]
    edges: dict[int, tuple[Seconds, Seconds]]
    joints: frozenset[int] = frozenset()  # words that follow the one before without a gap


def trim(samples: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """The word in its recording (N,); None where its edges depend on the threshold, or nothing like a word is there."""
    window = SAMPLE_RATE // 100
    if len(samples) < window:
        return None
    power = np.convolve(samples.astype(np.float64) ** 2, np.ones(window) / window, mode="same")
    level = 10 * np.log10(power + 1e-12)
    if level.max() <= SILENT:
        return None
    background = float(np.percentile(level[level > SILENT], 10)) + ABOVE_FLOOR
    spans = [np.flatnonzero(level >= max(level.max() - depth, background)) for depth in BELOW_PEAK]
    if not all(len(span) for span in spans):
        return None
    ends = np.array([[span[0], span[-1]] for span in spans]) / SAMPLE_RATE
    if np.abs(ends[0] - ends[2]).max() > AMBIGUOUS or not SHORTEST <= ends[1, 1] - ends[1, 0] <= LONGEST:
        return None
    return samples[spans[1][0] : spans[1][-1] + 1]


def join_words(recordings: Sequence[WordRecording], *, rounds: int, seed: object = 0) -> list[Example]:
    """Every word `rounds` times, shuffled into clips of 4 to 8 words. Equal arguments, equal clips."""
    rng = np.random.default_rng(list(str(seed).encode()))
    order = [recordings[number] for _ in range(rounds) for number in rng.permutation(len(recordings))]
    clips, at = [], 0
    while at < len(order):
        count = int(rng.integers(*WORDS))
        clips.append(_join(order[at : at + count], rng))
        at += count
    return clips


def _join(words: Sequence[WordRecording], rng: np.random.Generator) -> Example:
    """Silence, words with gaps between them, silence."""
    gaps = [float(rng.uniform(*ENDS)), *(float(rng.choice(GAPS)) for _ in words[1:])]
    parts: list[NDArray[np.float32]] = []
    edges: dict[int, tuple[Seconds, Seconds]] = {}
    at = 0
    for number, (gap, word) in enumerate(zip(gaps, words, strict=True)):
        silence = np.zeros(round(gap * SAMPLE_RATE), np.float32)
        said = word.samples * np.float32(LEVEL / max(float(np.sqrt(np.mean(word.samples**2))), 1e-6))
        start = at + len(silence)
        at = start + len(said)
        edges[number] = (start / SAMPLE_RATE, at / SAMPLE_RATE)
        parts += [silence, said]
    parts.append(np.zeros(round(float(rng.uniform(*ENDS)) * SAMPLE_RATE), np.float32))
    samples = np.concatenate(parts)
    samples = np.clip(samples + rng.standard_normal(len(samples)) * HISS, -1, 1).astype(np.float32)
    joints = frozenset(number for number, gap in enumerate(gaps) if gap == 0.0)
    return Example(samples, [word.word for word in words], edges, joints)


def add_noise(example: Example, *, snr: float = 10.0, colour: float = 0.0, seed: int = 0) -> Example:
    """The clip with noise of spectrum 1/f^colour (0 white, 1 pink), `snr` dB below its words."""
    samples = example.samples
    rng = np.random.default_rng([seed, len(samples)])
    spectrum = np.fft.rfft(rng.standard_normal(len(samples)))
    frequency = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    spectrum *= np.maximum(frequency, 50.0) ** (-colour / 2)
    noise = np.fft.irfft(spectrum, len(samples))
    inside = np.zeros(len(samples), bool)
    for start, end in example.edges.values():
        inside[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)] = True
    loudness = float(np.sqrt(np.mean(samples[inside] ** 2))) if inside.any() else LEVEL
    noise *= loudness * 10 ** (-snr / 20) / max(float(np.sqrt(np.mean(noise**2))), 1e-12)
    return replace(example, samples=np.clip(samples + noise, -1, 1).astype(np.float32))
