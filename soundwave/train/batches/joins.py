"""Which draws of a step become one sequence: a sound inside speech, and speakers one after another; and joined frames.

The setting `joined` says what is put together. `audio`: samples are (`composed`), and the encoder hears one clip, as in
the paper's corpora. `frames`: encoder frames are, so that the same stored frames serve every run, without audio files.
Each clip was encoded by itself then: no frame has heard the clip on the other side of a joint, what the encoder does
at the beginning and end of a clip (Moonshine also normalises over the whole clip) is found in the middle of the
sequence, and loudness and room may change there. Words, tags and their order are the same.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from manifests.units import Seconds
from soundwave.model.tokens import sound_tag, spoken_text
from soundwave.train.batches.augment import MIN_FRAMES, word_borders
from soundwave.train.batches.composed import Composition, sound_inside, speakers_in_turn
from soundwave.train.batches.lazy_frames import LazyFrames, end_to_end
from soundwave.train.batches.plan_data import Cut, Draw
from soundwave.train.settings import MultiSpeaker, Sandwich, StageSettings

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
NUMBERS = ("no", "one", "two", "three", "four", "five", "six")
COUNTS = ("one speaker", *(f"{number} speakers" for number in NUMBERS[2:]))
"""How many speak, as corpora and answers say it."""
Task = Literal["sandwich", "multi_speaker", "speakers"]


@dataclass(frozen=True)
class SequencePart:
    """Some frames (T, F) of a sequence, what CTC should write for them, and the same as the corpus writes it."""

    frames: LazyFrames
    heard: str
    written: str


@dataclass(frozen=True)
class JoinedDraws:
    """Draws of a step that become one sequence."""

    slots: tuple[int, ...]
    """Of the step: a sandwich's sound, then the speech around it; or speakers in the order in which they speak."""
    task: Task
    composition: Composition | None
    """What is put together as audio; None: frames are."""
    speed: float = 1.0
    """At which the composition is played."""


def joined_draws(
    draws: Sequence[Draw], step: int, settings: StageSettings, rng: random.Random
) -> Iterator[JoinedDraws]:
    """What becomes of a step's draws together.

    The chances of a composition are its own, from seed, step and first slot. Where frames are joined, whoever reads
    this draws what is left to chance from `rng` too, before going on to the next.
    """
    slowest, taken = min(settings.speeds), set[int]()
    if settings.sandwich is not None:
        for slots in insert_sounds(draws, settings.sandwich, settings.ctc_languages, rng, slowest=slowest):
            taken.update(slots)
            yield _joined_draws(draws, slots, "sandwich", step, settings)
    kinds: tuple[tuple[Task, MultiSpeaker | None], ...] = (
        ("multi_speaker", settings.multi_speaker),
        ("speakers", settings.speaker_number),
    )
    for task, turns in kinds:
        if turns is not None:
            free = _with_voices(draws, taken, task, settings.ctc_languages)
            for slots in group_speakers(draws, free, turns, rng, slowest=slowest):
                yield _joined_draws(draws, slots, task, step, settings)


def _with_voices(draws: Sequence[Draw], taken: Collection[int], task: Task, languages: Collection[str]) -> list[int]:
    """Slots of clips that may speak in turn, of known speakers."""
    fits = is_speech if task == "multi_speaker" else _is_counted
    return [
        slot for slot, draw in enumerate(draws) if slot not in taken and draw.cut.speaker and fits(draw.cut, languages)
    ]


def _is_counted(cut: Cut, _: Collection[str]) -> bool:
    return cut.task == "speakers" and cut.target_text == COUNTS[0] and cut.has_audio


def _joined_draws(
    draws: Sequence[Draw],
    slots: tuple[int, ...],
    task: Task,
    step: int,
    settings: StageSettings,
) -> JoinedDraws:
    chance = random.Random(f"{settings.seed}:{step}:{slots[0]}:composed")
    first, *others = cuts = [draws[slot].cut for slot in slots]
    sandwich = settings.sandwich
    in_turn = settings.speaker_number if task == "speakers" else settings.multi_speaker
    if task == "sandwich" and sandwich is not None and sandwich.joined == "audio":
        composition = sound_inside(first, others, sandwich, chance)
    elif task != "sandwich" and in_turn is not None and in_turn.joined == "audio":
        composition = speakers_in_turn(cuts, in_turn, chance)
    else:
        return JoinedDraws(slots, task, None)
    return JoinedDraws(slots, task, composition, chance.choice(settings.speeds))


def is_speech(cut: Cut, languages: Collection[str]) -> bool:
    """Transcribed speech that CTC learns from."""
    return cut.task == "asr" and cut.has_audio and bool(cut.text) and (cut.language or "en") in languages


def insert_sounds(
    draws: Sequence[Draw],
    settings: Sandwich,
    languages: Collection[str],
    rng: random.Random,
    *,
    slowest: float = 1.0,
) -> list[tuple[int, ...]]:
    """Slots of each sandwich: the sound's, then one clip of speech to open at a word boundary, or the two around it.

    A sound stays alone when the step has no speech left that it fits in; slowest: the least speed at which a sequence
    may be played. No slot is used twice.
    """
    speech = [slot for slot, draw in enumerate(draws) if is_speech(draw.cut, languages)]
    rng.shuffle(speech)
    if settings.speech:
        speech = [slot for slot in speech if draws[slot].cut.corpus in settings.speech]
    found: list[tuple[int, ...]] = []
    for slot, draw in enumerate(draws):
        if not (draw.cut.task == "sound" and draw.cut.sound and draw.cut.has_audio) or rng.random() >= settings.share:
            continue
        opens = settings.opened >= 1 or rng.random() < settings.opened
        around = _around(draws, speech, _room(draw.cut, settings, slowest), opens=opens)
        if around:
            found.append((slot, *around))
            speech = [slot for slot in speech if slot not in around]
    return found


def _room(sound: Cut, settings: Sandwich, slowest: float) -> Seconds:
    """How much speech may be around a sound."""
    if settings.joined == "frames":
        return math.inf
    return settings.longest * slowest - min(sound.duration, settings.length[1]) - 2 * settings.gap[1]


def _around(draws: Sequence[Draw], speech: Sequence[int], room: Seconds, *, opens: bool) -> tuple[int, ...]:
    """Of slots of speech, the last one that fits and can be opened, else the last two that fit together; or none."""
    fitting = [slot for slot in reversed(speech) if draws[slot].cut.duration <= room]
    if not fitting or (opens and word_borders(draws[fitting[0]].cut)):
        return tuple(fitting[:1])
    left = room - draws[fitting[0]].cut.duration
    return next(((fitting[0], slot) for slot in fitting[1:] if draws[slot].cut.duration <= left), ())


def group_speakers(
    draws: Sequence[Draw], free: list[int], settings: MultiSpeaker, rng: random.Random, *, slowest: float = 1.0
) -> list[tuple[int, ...]]:
    """Slots of each sequence of clips by different speakers, out of `free`, which is used up."""
    rng.shuffle(free)
    longest = math.inf if settings.joined == "frames" else settings.longest * slowest
    found: list[tuple[int, ...]] = []
    while free:
        group = [free.pop()]
        if rng.random() >= settings.share:
            continue
        size = rng.randint(2, settings.most)
        voices = {_voice(draws[group[0]].cut)}
        room = longest - draws[group[0]].cut.duration
        for slot in list(free):
            needs = draws[slot].cut.duration + settings.gap[1]
            if len(group) < size and _voice(draws[slot].cut) not in voices and needs <= room:
                voices.add(_voice(draws[slot].cut))
                group.append(slot)
                free.remove(slot)
                room -= needs
        if len(group) > 1:
            found.append(tuple(group))
    return found


def _voice(cut: Cut) -> tuple[str, str | None]:
    return cut.corpus, cut.speaker


def whole_cut(frames: LazyFrames, cut: Cut) -> SequencePart:
    """A clip of speech as one part."""
    text = cut.text or ""
    return SequencePart(frames, spoken_text(text, cut.language or "en"), text)


def said(cut: Cut, answer: str) -> str:
    """What is said in a clip of speech, in an answer: `spoken` as heard, `written` as the corpus writes it."""
    text = cut.text or ""
    return spoken_text(text, cut.language or "en") if answer == "spoken" else text


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
