"""Sequences that are joined from several draws of a step: a sound inside speech, and speakers one after another.

Encoder frames are joined, not audio, so that the same stored frames serve every run. Each clip was encoded by itself.
So no frame has heard the clip on the other side of a joint. What the encoder does at the beginning and end of a clip
(Moonshine also normalises over the whole clip) is found in the middle of the sequence, and loudness and room may change
there. Where audio is joined before the encoder, as in the paper's corpora, the encoder hears one clip; the words, tags
and their order are the same.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from soundwave.model.tokens import sound_tag, spoken_text
from soundwave.train.batches.augment import MIN_FRAMES, word_borders
from soundwave.train.batches.lazy_frames import LazyFrames, end_to_end
from soundwave.train.batches.plan_data import Cut, Draw
from soundwave.train.settings import MultiSpeaker, Sandwich

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


@dataclass(frozen=True)
class SequencePart:
    """Some frames (T, F) of a sequence, what CTC should write for them, and the same as the corpus writes it."""

    frames: LazyFrames
    heard: str
    written: str


def is_speech(cut: Cut, languages: Collection[str]) -> bool:
    """Transcribed speech that CTC learns from."""
    return cut.task == "asr" and cut.has_audio and bool(cut.text) and (cut.language or "en") in languages


def insert_sounds(
    draws: Sequence[Draw], settings: Sandwich, languages: Collection[str], rng: random.Random
) -> list[tuple[int, ...]]:
    """Slots of each sandwich: the sound's, then one clip of speech to open at a word boundary, or the two around it.

    A sound stays alone when no speech is left in the step. No slot is used twice.
    """
    speech = [slot for slot, draw in enumerate(draws) if is_speech(draw.cut, languages)]
    rng.shuffle(speech)
    found: list[tuple[int, ...]] = []
    for slot, draw in enumerate(draws):
        if not (draw.cut.task == "sound" and draw.cut.sound and draw.cut.has_audio) or rng.random() >= settings.share:
            continue
        size = 1 if speech and word_borders(draws[speech[-1]].cut) else 2
        if len(speech) >= size:
            found.append((slot, *(speech.pop() for _ in range(size))))
    return found


def group_speakers(
    draws: Sequence[Draw],
    taken: Collection[int],
    settings: MultiSpeaker,
    languages: Collection[str],
    rng: random.Random,
) -> list[tuple[int, ...]]:
    """Slots of each sequence of clips by different speakers. Clips whose speaker is unknown stay alone."""
    free = [
        slot
        for slot, draw in enumerate(draws)
        if slot not in taken and draw.cut.speaker and is_speech(draw.cut, languages)
    ]
    rng.shuffle(free)
    found: list[tuple[int, ...]] = []
    while free:
        group = [free.pop()]
        if rng.random() >= settings.share:
            continue
        size = rng.randint(2, settings.most)
        voices = {_voice(draws[group[0]].cut)}
        for slot in list(free):
            if len(group) < size and _voice(draws[slot].cut) not in voices:
                voices.add(_voice(draws[slot].cut))
                group.append(slot)
                free.remove(slot)
        if len(group) > 1:
            found.append(tuple(group))
    return found


def _voice(cut: Cut) -> tuple[str, str | None]:
    return cut.corpus, cut.speaker


def whole_cut(frames: LazyFrames, cut: Cut) -> SequencePart:
    """A clip of speech as one part."""
    text = cut.text or ""
    return SequencePart(frames, spoken_text(text, cut.language or "en"), text)


def sound_name(label: str) -> str:
    """A sound's label inside a sentence: `Bee, wasp, etc.` -> `bee`."""
    return label.split(",", maxsplit=1)[0].strip().lower()


def sound_part(frames: LazyFrames, cut: Cut) -> SequencePart:
    """A sound as one part: its inline tag."""
    tag = sound_tag(cut.sound[0])
    return SequencePart(frames, tag, tag)


def opened(frames: LazyFrames, cut: Cut, rng: random.Random) -> tuple[SequencePart, SequencePart]:
    """A clip cut in two at one of its word boundaries, each as likely; a clip too short for it, and an empty part."""
    rate = len(frames) / cut.duration
    places = [
        (round(border.time * rate), border)
        for border in word_borders(cut)
        if MIN_FRAMES <= round(border.time * rate) <= len(frames) - MIN_FRAMES
    ]
    if not places:
        return whole_cut(frames, cut), SequencePart(frames[:0], "", "")
    at, border = rng.choice(places)
    text = cut.text or ""
    before = SequencePart(frames[:at], border.before, text[: border.place].rstrip())
    return before, SequencePart(frames[at:], border.after, text[border.place :])


def joined(parts: Sequence[SequencePart]) -> SequencePart:
    """Parts one after another."""
    return SequencePart(
        end_to_end([part.frames for part in parts]),
        " ".join(part.heard for part in parts if part.heard),
        " ".join(part.written for part in parts if part.written),
    )


def quotations(texts: Sequence[str]) -> str:
    """`The first speaker says "press one". The second speaker says "why?"`, with a full stop after each quotation."""
    lines = [
        f'The {ordinal} speaker says "{text.rstrip(" .")}".' for ordinal, text in zip(ORDINALS, texts, strict=False)
    ]
    return " ".join(lines)
