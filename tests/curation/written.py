"""A CTC "model" that hears what is written: a clip's samples are letter numbers, one per frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from curation.align.ctc_model import letter_ids, pick_columns

LETTERS = "abcdefghijklmnopqrstuvwxyz'"
FRAME = 0.02


class Written:
    """A "model" that hears what is written: a clip's samples are letter numbers, one per frame; 0 is blank."""

    frame = FRAME

    def __init__(self, separator: bool = False) -> None:
        self.separator = 28 if separator else None
        self.spell = letter_ids({letter: n for n, letter in enumerate(LETTERS, 1)}, where="written")

    def speaks(self, language: str) -> bool:
        return language == "en"

    def emit(self, samples: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        scores = np.full((len(samples), 29), -6.0, np.float32)
        scores[np.arange(len(samples)), samples.astype(int)] = -0.1
        return pick_columns(scores, 0, tokens, [28])


@dataclass(frozen=True)
class Written_:
    separator: bool = False
    name: str = "written"
    version: str = "1"

    def __call__(self) -> Written:
        return Written(self.separator)


def heard(frames: str) -> np.ndarray:
    """`..ca.t|` as samples: dots are blank."""
    return np.array([0 if c == "." else 28 if c == "|" else 1 + LETTERS.index(c) for c in frames], np.float32)
