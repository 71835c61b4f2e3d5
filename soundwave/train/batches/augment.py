"""Augmentation of encoder frames. All chance comes from the generator that is handed in, never from global state."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from manifests.units import Seconds
from soundwave.model.tokens import spoken_text
from soundwave.train.batches.frames import Frames
from soundwave.train.batches.lazy_frames import SURE, LazyFrames, end_to_end
from soundwave.train.batches.plan_data import Cut
from soundwave.train.settings import SpecAugment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Fill = NDArray[np.float32]

MIN_FRAMES = 4  # a shorter piece has lost its sounds


@dataclass(frozen=True)
class SplicePiece:
    """Some frames (T, F) and what is said in them."""

    frames: LazyFrames
    text: str


@dataclass(frozen=True)
class Masks:
    """First and one past the last of each stretch of frames, and of each band of features."""

    time: Sequence[tuple[int, int]]
    features: Sequence[tuple[int, int]]


def masked(clip: LazyFrames, settings: SpecAugment, rate: float, fill: Fill, rng: random.Random) -> LazyFrames:
    """The clip with stretches of time and bands of features set to `fill` (F,). rate: frames per second."""
    if clip.known:
        masks = draw_masks(len(clip), len(fill), settings, rate, rng)
        return LazyFrames(lambda: mask(clip.read(), masks, fill), len(clip), clips=clip.clips)
    seed = rng.getrandbits(64)  # its frames need not be counted for the next clip's masks to be drawn

    def read() -> Frames:
        frames = clip.read()
        return mask(frames, draw_masks(len(frames), len(fill), settings, rate, random.Random(seed)), fill)

    return LazyFrames(read, about=clip.at_least / SURE, clips=clip.clips)


def mask(frames: Frames, masks: Masks, fill: Fill) -> Frames:
    """A copy of `frames` (T, F) with what `masks` says set to `fill` (F,)."""
    if isinstance(frames, Tensor):
        return _filled(frames.clone(), masks, torch.as_tensor(fill, device=frames.device))
    return _filled(frames.copy(), masks, fill)


def _filled(out: Any, masks: Masks, fill: Any) -> Frames:
    """Arrays and tensors alike."""
    for start, end in masks.time:
        out[start:end] = fill
    for start, end in masks.features:
        out[:, start:end] = fill[start:end]
    filled: Frames = out
    return filled


def draw_masks(count: int, width: int, settings: SpecAugment, rate: float, rng: random.Random) -> Masks:
    """Masks of `count` frames at `rate` a second, `width` wide."""
    time, features = [], []
    longest = max(1, round(settings.time_seconds * rate))
    wanted = settings.time_masks_per_second * count / rate
    for _ in range(int(wanted + rng.random())):
        size = rng.randint(1, longest)
        start = rng.randrange(max(1, count - size))
        time.append((start, start + size))
    widest = int(settings.feature_share * width)
    for _ in range(settings.feature_masks):
        size = rng.randint(0, widest)
        start = rng.randrange(max(1, width - size))
        features.append((start, start + size))
    return Masks(time, features)


@dataclass(frozen=True)
class Border:
    """A place between two words of a cut."""

    time: Seconds
    """From the cut's start, halfway between one word's end and the next one's start."""
    before: str
    """What is heard before it."""
    after: str
    """What is heard after it."""
    place: int
    """Where the transcript's next word begins, in characters."""


def word_borders(cut: Cut) -> list[Border]:
    """The places between a cut's words; none when not all of them are aligned."""
    parts, starts = _word_texts(cut), _word_starts(cut)
    if parts is None or starts is None:
        return []
    found = [
        Border(
            time=(cut.words[number - 1].end + cut.words[number].start) / 2.0,
            before=" ".join(part for part in parts[:number] if part),
            after=" ".join(part for part in parts[number:] if part),
            place=starts[number],
        )
        for number in range(1, len(parts))
    ]
    return [border for border in found if border.before and border.after]


def _word_starts(cut: Cut) -> list[int] | None:
    """Where each aligned word begins in the transcript, with the marks right before it; None: one is not in it."""
    text, at = cut.text or "", 0
    starts: list[int] = []
    for word in cut.words:
        found = text.find(word.symbol, at)
        if found < 0:
            return None
        blank = max(text.rfind(mark, at, found) for mark in " \t\n")
        starts.append(blank + 1 if blank >= at else found)
        at = found + len(word.symbol)
    return starts


def _word_texts(cut: Cut) -> list[str] | None:
    """What is heard of each aligned word; None when they are not the whole transcript, or fewer than two."""
    language = cut.language or "en"
    parts = [spoken_text(word.symbol, language) for word in cut.words]
    heard = " ".join(part for part in parts if part)
    return parts if len(parts) > 1 and heard == spoken_text(cut.text or "", language) else None


def cut_at_words(frames: LazyFrames, cut: Cut, words: float, rng: random.Random) -> list[SplicePiece]:
    """Pieces of about `words` words, cut halfway between one word's end and the next one's start.

    A cut whose words are not all aligned stays whole: its pieces could not be told from one another.
    """
    parts = _word_texts(cut)
    if parts is None:
        return [SplicePiece(frames, spoken_text(cut.text or "", cut.language or "en"))]
    rate = len(frames) / cut.duration
    gaps = [(before.end + after.start) / 2.0 for before, after in zip(cut.words, cut.words[1:], strict=False)]
    pieces: list[SplicePiece] = []
    first, begin = 0, 0
    for last in [*_borders(len(parts), words, rng), len(parts)]:
        end = len(frames) if last == len(parts) else round(gaps[last - 1] * rate)
        if last < len(parts) and (end - begin < MIN_FRAMES or len(frames) - end < MIN_FRAMES):
            continue
        pieces.append(SplicePiece(frames[begin:end], " ".join(part for part in parts[first:last] if part)))
        first, begin = last, end
    return pieces


def _borders(count: int, words: float, rng: random.Random) -> list[int]:
    """Word numbers at which new pieces begin: each gap is cut with probability 1 / words."""
    return [place for place in range(1, count) if rng.random() * words < 1.0]


def join(pieces: Sequence[SplicePiece], sentences: int, rng: random.Random) -> list[SplicePiece]:
    """Shuffle pieces and join them into about `sentences` sentences of like lengths: nothing is lost or repeated."""
    order = list(pieces)
    rng.shuffle(order)
    length = sum(len(piece.frames) for piece in order) / max(1, sentences)
    out: list[SplicePiece] = []
    held: list[SplicePiece] = []
    for piece in order:
        held.append(piece)
        if sum(len(part.frames) for part in held) >= length:
            out.append(_joined(held))
            held = []
    return [*out, _joined(held)] if held else out


def _joined(pieces: Sequence[SplicePiece]) -> SplicePiece:
    return SplicePiece(
        end_to_end([piece.frames for piece in pieces]), " ".join(piece.text for piece in pieces if piece.text)
    )
