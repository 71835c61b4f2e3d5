"""Recordings that exist only while they are read, and a CTC model that can read them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

LETTERS = "abcdefghijklmnopqrstuvwxyz'"
RATE = 16000
STRIDE = 320
LOUD = 0.1


@dataclass
class Spoken:
    """A recording that exists only while it is read: sample values say which letter sounds."""

    words: list[tuple[str, float, float]]  # said, start, end (seconds)
    duration: float
    longest_read: float = 0.0
    frames: np.ndarray = field(init=False)

    def __post_init__(self):
        self.frames = np.zeros(-(-round(self.duration * RATE) // STRIDE), np.int8)
        for said, start, end in self.words:
            edges = np.linspace(round(start * 50), round(end * 50), len(said) + 1).astype(int)
            for letter, left, right in zip(said, edges[:-1], edges[1:], strict=True):
                self.frames[left : max(left + 1, right - 1)] = LETTERS.find(letter) + 1

    def read(self, start, duration):
        self.longest_read = max(self.longest_read, duration)
        first, count = round(start * RATE), round(duration * RATE)
        frames = self.frames[first // STRIDE : -(-(first + count) // STRIDE)]
        values = np.where(frames > 0, LOUD + frames / 1000, 0).astype(np.float32)
        return np.repeat(values, STRIDE)[first % STRIDE :][:count]


class Reader:
    """A CTC model that reads the letters out of such samples."""

    frame = STRIDE / RATE
    separator = None

    def speaks(self, language):
        return language == "en"

    def spell(self, spoken):
        return [LETTERS.index(letter) for letter in spoken]

    def emit(self, samples, tokens):
        values = np.pad(samples, (0, -len(samples) % STRIDE)).reshape(-1, STRIDE)[:, 0]
        letters = np.where(values > 0, np.round((values - LOUD) * 1000), 0).astype(int)
        chances = np.full((len(letters), 1 + len(LETTERS)), 1e-4, np.float32)
        chances[np.arange(len(letters)), letters] = 0.95
        scores = np.log(chances)
        return np.concatenate([scores[:, :1], scores[:, 1 + tokens], scores[:, 1:].max(1, keepdims=True)], axis=1)


VOCABULARY = ("able", "brown", "candle", "dusty", "eight", "forty", "garden", "hot", "island", "jump")


def say(words, *, gap=0.2, start=0.5):
    """(said, start, end) one after the other, each letter 80 ms; gap: seconds, or one for each word."""
    gaps = [gap] * len(words) if np.isscalar(gap) else gap
    said, at = [], start
    for word, after in zip(words, gaps, strict=True):
        end = round(at + 0.08 * len(word), 2)
        said.append((word, at, end))
        at = round(end + after, 2)
    return said, at + 0.5
