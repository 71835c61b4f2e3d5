"""Sound composed of several clips, as one recording would hold them: a sound inside speech, and speakers in turn.

What is drawn (which border, how loud, how far apart) is drawn before any audio is read, so a process reads that of its
own sequences alone. Loudness is measured in whole numbers: the same files give the same samples.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from manifests.audio import CutSound
from manifests.errors import AudioError, BadCutError
from manifests.files import need_file
from manifests.reasons import Reason
from manifests.units import SAMPLE_RATE, Seconds
from soundwave.model.tokens import sound_tag, spoken_text
from soundwave.train.batches.augment import Border, word_borders
from soundwave.train.batches.plan_data import Cut, WordSpan
from soundwave.train.settings import MultiSpeaker, Sandwich

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

BLOCK = 160  # samples in which loudness is measured: 10 ms
QUIET = 10_000  # a block of so many times less energy than the loudest (40 dB) is silence
FADE = 80  # samples over which a clip fades at a joint: 5 ms, so that nothing clicks
LEAST: Seconds = 0.1  # a shorter piece of a clip has lost its sounds
HIGHEST = 8.0  # of a sample, where loudness is measured: whole numbers have an end

FRAMES_INSTEAD = (
    "Sounds inside speech and speakers in turn are joined as audio. Where stored encoder frames are all there is, the "
    "setting `joined: frames` (of sandwich and multi_speaker) joins those."
)


@dataclass(frozen=True)
class Stretch:
    """What is heard somewhere in a composed clip."""

    cut_id: str
    start: Seconds
    end: Seconds
    text: str
    """As CTC writes it: words, or a sound's tag."""
    words: tuple[WordSpan, ...] = ()
    """Times in the composed clip, where words are aligned."""

    def at_speed(self, speed: float) -> Stretch:
        """The same where the clip is played `speed` times as fast."""
        words = tuple(replace(word, start=word.start / speed, end=word.end / speed) for word in self.words)
        return replace(self, start=self.start / speed, end=self.end / speed, words=words)


@dataclass(frozen=True)
class Composed:
    """One clip (N,), 16 kHz mono, and what is where in it."""

    samples: Samples
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True)
class Piece:
    """What stands in a composition: a clip, or the part of it before or after a border, or a sound."""

    cut: Cut
    heard: str
    written: str
    begin: Seconds = 0.0
    end: Seconds | None = None
    """In the clip; None: its end."""
    most: Seconds | None = None
    """Of a sound: how much of it, its loudest stretch; None: speech, which stays as it is."""
    level: float | None = None
    """dB above the first piece of speech; None: as it was recorded."""
    gap: Seconds = 0.0
    """Silence before it."""


@dataclass(frozen=True)
class Composition:
    """Pieces in their order, the first one speech. Equal compositions of the same files give the same samples."""

    pieces: tuple[Piece, ...]

    @property
    def heard(self) -> str:
        """What CTC should write."""
        return " ".join(piece.heard for piece in self.pieces if piece.heard)

    @property
    def written(self) -> str:
        """The same as the corpora write it."""
        return " ".join(piece.written for piece in self.pieces if piece.written)

    @property
    def at_least(self) -> Seconds:
        """How long it is without its sounds, of which trimming may leave little."""
        spoken = sum((piece.end or piece.cut.duration) - piece.begin for piece in self.pieces if piece.most is None)
        return spoken + sum(piece.gap for piece in self.pieces)

    def compose(self) -> Composed:
        """Read the clips, and put them together.

        Raises:
            AudioError: a clip that cannot be heard.
        """
        clips = {piece.cut.cut_id: _samples(piece.cut) for piece in self.pieces}
        reference = loudness(clips[self.pieces[0].cut.cut_id])
        parts: list[Samples] = []
        stretches: list[Stretch] = []
        at = 0
        for number, piece in enumerate(self.pieces):
            part = _part(piece, clips[piece.cut.cut_id])
            if piece.level is not None:
                part = part * _gain(part, reference, piece.level)
            part = _faded(part, before=number > 0, after=number + 1 < len(self.pieces))
            silence = round(piece.gap * SAMPLE_RATE)
            parts += [np.zeros(silence, np.float32), part]
            at += silence
            stretches.append(_stretch(piece, at / SAMPLE_RATE, (at + len(part)) / SAMPLE_RATE))
            at += len(part)
        return Composed(_within_one(np.concatenate(parts)), tuple(stretches))


def sound_inside(sound: Cut, speech: Sequence[Cut], settings: Sandwich, rng: random.Random) -> Composition:
    """A sound in a clip of speech, at a word boundary, or between two clips."""
    pieces = _opened(speech[0], settings, rng) if len(speech) == 1 else [whole(cut) for cut in speech]
    tag = sound_tag(sound.sound[0])
    filling = Piece(
        sound,
        tag,
        tag,
        most=rng.uniform(*settings.length),
        level=rng.uniform(*settings.level),
        gap=rng.uniform(*settings.gap),
    )
    after = [replace(piece, gap=rng.uniform(*settings.gap)) for piece in pieces[1:]]
    return Composition((pieces[0], filling, *after))


def speakers_in_turn(cuts: Sequence[Cut], settings: MultiSpeaker, rng: random.Random) -> Composition:
    """Clips one after another."""
    first, *others = (whole(cut) for cut in cuts)
    turns = [replace(one, level=rng.uniform(*settings.level), gap=rng.uniform(*settings.gap)) for one in others]
    return Composition((first, *turns))


def need_audio(cuts: Iterable[Cut]) -> None:
    """Are the files of these clips there?

    Raises:
        MissingFileError: one is not.
        AudioError: a cut that cannot be heard, whatever its file.
    """
    for cut in cuts:
        for file in CutSound.of_catalog(vars(cut)).files:
            need_file(file.path, what=f"audio of cut {cut.cut_id!r}", hint=FRAMES_INSTEAD)


def whole(cut: Cut) -> Piece:
    """A clip of speech."""
    text = cut.text or ""
    return Piece(cut, spoken_text(text, cut.language or "en"), text)


def _opened(cut: Cut, settings: Sandwich, rng: random.Random) -> list[Piece]:
    """A clip in two pieces at one of its word boundaries; a clip too short for it in one."""
    borders = [one for one in word_borders(cut) if LEAST <= one.time <= cut.duration - LEAST]
    if not borders:
        return [whole(cut)]
    first, last = (share * cut.duration for share in settings.position)
    inside = [one for one in borders if first <= one.time <= last]
    border = rng.choice(inside) if inside else min(borders, key=lambda one: abs(one.time - (first + last) / 2))
    return _halves(cut, border)


def _halves(cut: Cut, border: Border) -> list[Piece]:
    text = cut.text or ""
    return [
        Piece(cut, border.before, text[: border.place].rstrip(), end=border.time),
        Piece(cut, border.after, text[border.place :], begin=border.time),
    ]


def _samples(cut: Cut) -> Samples:
    try:
        return cut.samples()
    except AudioError as error:
        raise BadCutError(f"{error}\n{FRAMES_INSTEAD}", error.reason, cut.cut_id) from error
    except OSError as error:
        raise BadCutError(f"cut {cut.cut_id!r}: {error}.", Reason.audio_unreadable, cut.cut_id) from error


def _part(piece: Piece, samples: Samples) -> Samples:
    if piece.most is not None:
        return loudest(samples, piece.most)
    end = len(samples) if piece.end is None else round(piece.end * SAMPLE_RATE)
    return samples[round(piece.begin * SAMPLE_RATE) : end]


def _stretch(piece: Piece, start: Seconds, end: Seconds) -> Stretch:
    """Where a piece stands, and its words."""
    until = piece.cut.duration if piece.end is None else piece.end
    moved = start - piece.begin
    words = tuple(
        WordSpan(word.symbol, word.start + moved, word.end + moved)
        for word in piece.cut.words
        if piece.most is None and piece.begin <= (word.start + word.end) / 2 < until
    )
    return Stretch(piece.cut.cut_id, start, end, piece.heard, words)


# Loudness


def energies(samples: Samples) -> NDArray[np.int64]:
    """Energy of each block of 10 ms, the last one shorter, in 16-bit steps squared."""
    steps = np.rint(np.clip(samples, -HIGHEST, HIGHEST) * 32768.0).astype(np.int64)
    found: NDArray[np.int64] = np.add.reduceat(steps * steps, np.arange(0, len(steps), BLOCK))
    return found


def loudness(samples: Samples) -> float:
    """Root mean square of what is no silence, in 16-bit steps; 0: all of it is."""
    found = energies(samples)
    loud = found[(found > 0) & (found * QUIET >= found.max())]
    return float(int(loud.sum()) / (len(loud) * BLOCK)) ** 0.5 if len(loud) else 0.0


def loudest(samples: Samples, most: Seconds) -> Samples:
    """A sound without the silence around it, and of a longer one the stretch of `most` seconds with the most energy."""
    found = energies(samples)
    loud = np.flatnonzero((found > 0) & (found * QUIET >= found.max()))
    first, last = (int(loud[0]), int(loud[-1]) + 1) if len(loud) else (0, len(found))
    count = max(1, round(most * SAMPLE_RATE / BLOCK))
    if last - first > count:
        sums = np.concatenate(([0], np.cumsum(found[first:last])))
        first += int(np.argmax(sums[count:] - sums[:-count]))
        last = first + count
    return samples[first * BLOCK : last * BLOCK]


def _gain(samples: Samples, reference: float, level: float) -> np.float32:
    """What makes a clip `level` dB louder than `reference`; silence stays."""
    own = loudness(samples)
    return np.float32(reference / own * 10.0 ** (level / 20.0) if own and reference else 1.0)


def _faded(samples: Samples, *, before: bool, after: bool) -> Samples:
    """A copy that begins and ends softly where something stands before and after it."""
    out = samples.copy()
    count = min(FADE, len(out) // 2)
    ramp = (np.arange(count, dtype=np.float32) + 0.5) / np.float32(max(count, 1))
    if before:
        out[:count] *= ramp
    if after and count:
        out[-count:] *= ramp[::-1]
    return out


def _within_one(samples: Samples) -> Samples:
    """Turned down where it would be over the top of a sound file."""
    peak = np.abs(samples).max(initial=np.float32(0))
    return samples / peak if peak > 1 else samples
