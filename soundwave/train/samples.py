"""From a plan's draws to a batch: targets, instructions, answers, augmented frames."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from manifests.errors import InputError, SettingsError
from manifests.settings import read_yaml
from soundwave.model.batch import AUDIO_MARK, Batch, end_of_turn, pad_features, render
from soundwave.model.tokens import TokenTable, Unit, sound_tag, spoken_text
from soundwave.train.augment import Piece, cut_at_words, join, mask
from soundwave.train.data import PLAIN, CutStore, Draw
from soundwave.train.settings import StageSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from soundwave.train.data import Cut

TEMPLATES = Path(__file__).with_name("templates.yaml")
LANGUAGES = {"en": "English", "de": "German", "cs": "Czech", "fr": "French", "es": "Spanish", "it": "Italian"}


@dataclass(frozen=True)
class Sample:
    """One sequence of a batch and the draws in it (several when clips were spliced)."""

    draws: tuple[int, ...]
    """Slots of the step."""
    frames: NDArray[np.float32] | None
    """(T, F) encoder frames; None: text only."""
    target: list[int] | None
    """CTC classes; None: no CTC target."""
    prompt: list[int]
    answer: list[int]


class SampleMaker:
    """Makes the batch of a step. The same settings, draws and step give the same batch."""

    def __init__(
        self,
        settings: StageSettings,
        store: CutStore,
        table: TokenTable,
        *,
        frame_rate: float,
        fill: NDArray[np.float32],
        steps: int,
    ) -> None:
        """frame_rate: encoder frames per second; fill: (F,) what masks are filled with; steps: of the whole run."""
        self.settings, self.store, self.table, self.steps = settings, store, table, steps
        self.frame_rate, self.fill = frame_rate, fill
        self.templates = template_set(settings.templates)

    def batch(self, draws: Sequence[Draw], step: int) -> tuple[Batch, list[Sample]]:
        """The batch of a step's draws, and its samples (audio samples in the order of the batch's audios)."""
        rng = random.Random(f"{self.settings.seed}:{step}")
        unit = self.unit(step)
        splice = self.settings.splice
        if splice is not None and rng.random() < splice.share:
            samples = self._spliced(draws, unit, splice.words, rng)
        else:
            samples = [self._sample((slot,), draw, unit, rng) for slot, draw in enumerate(draws)]
        return collate(samples, self.store.feature_dim), samples

    def unit(self, step: int) -> Unit:
        """What CTC targets are made of at a step."""
        units = self.settings.ctc_units
        if units == "letters_then_tokens":
            return "letters" if step < self.settings.letters_share * self.steps else "tokens"
        return units

    def _frames(self, cut: Cut, rng: random.Random) -> NDArray[np.float32]:
        speed = rng.choice(self.settings.speeds)
        return self.store.frames(cut, PLAIN if speed == 1.0 else f"speed={speed:g}")

    def _masked(self, frames: NDArray[np.float32], rng: random.Random) -> NDArray[np.float32]:
        settings = self.settings.spec_augment
        return frames if settings is None else mask(frames, settings, self.frame_rate, self.fill, rng)

    def _sample(self, slots: tuple[int, ...], draw: Draw, unit: Unit, rng: random.Random) -> Sample:
        cut = draw.cut
        frames = self._masked(self._frames(cut, rng), rng) if cut.has_audio else None
        target = self.target(cut, unit) if frames is not None else None
        prompt, answer = self._turns(cut, rng)
        return Sample(slots, frames, target, prompt, answer)

    def _turns(self, cut: Cut, rng: random.Random) -> tuple[list[int], list[int]]:
        if not self.settings.lm_weight:
            return [], []
        prompt = self.prompt(cut, rng)
        return prompt, self._answer_ids(answer_text(cut, self.settings.answer))

    def _answer_ids(self, text: str) -> list[int]:
        tokenizer = self.table.tokenizer
        return [*tokenizer.encode(text, add_special_tokens=False), end_of_turn(tokenizer)]

    def _spliced(self, draws: Sequence[Draw], unit: Unit, words: float, rng: random.Random) -> list[Sample]:
        """Transcribed speech mixed into new sentences; other draws as they are."""
        mixable = [n for n, draw in enumerate(draws) if draw.cut.task == "asr" and draw.cut.words]
        samples = [self._sample((n,), draw, unit, rng) for n, draw in enumerate(draws) if n not in set(mixable)]
        if not mixable:
            return samples
        pieces: list[Piece] = []
        for number in mixable:
            cut = draws[number].cut
            pieces += cut_at_words(self._frames(cut, rng), cut, words, rng)
        for piece in join(pieces, len(mixable), rng):
            prompt, answer = [], []
            if self.settings.lm_weight:
                prompt, answer = self.prompt(draws[mixable[0]].cut, rng), self._answer_ids(piece.text)
            target = self.table.encode(piece.text, unit)
            samples.append(Sample(tuple(mixable), self._masked(piece.frames, rng), target, prompt, answer))
        return samples

    def target(self, cut: Cut, unit: Unit) -> list[int] | None:
        """CTC classes of a cut; None when it has no CTC target."""
        text = target_text(cut, self.settings.ctc_languages)
        return None if text is None else self.table.encode(text, unit)

    def prompt(self, cut: Cut, rng: random.Random) -> list[int]:
        """Token ids of the conversation up to the answer, AUDIO where the sound goes."""
        return make_prompt(self.table.tokenizer, rng.choice(self._lines(cut.task)), cut, self.settings.system_prompt)

    def _lines(self, task: str) -> list[str]:
        if task not in self.templates:
            raise SettingsError(
                f"templates.yaml: the set {self.settings.templates!r} has no instruction for the task {task!r}"
            )
        return self.templates[task]


def make_prompt(tokenizer: Any, template: str, cut: Cut | None, system: str) -> list[int]:
    """Token ids of one instruction; `cut` fills {text} and {language}."""
    language = LANGUAGES.get((cut.target_language if cut else None) or "en", "English")
    content = template.format(audio=AUDIO_MARK, text=(cut.text if cut else "") or "", language=language)
    return render(tokenizer, [{"role": "system", "content": system}, {"role": "user", "content": content}])


def target_text(cut: Cut, languages: Sequence[str]) -> str | None:
    """What CTC should write for a cut: the spoken words, or a sound's inline tag; None: it has no target."""
    if cut.sound:
        return sound_tag(cut.sound[0])
    if not cut.text or (cut.language or "en") not in languages:
        return None
    return spoken_text(cut.text, cut.language or "en")


def answer_text(cut: Cut, form: str) -> str:
    """What the LLM should answer: translation, label or answer where there is one, else the transcript.

    Raises:
        InputError: a cut without any of them.
    """
    text = cut.target_text or cut.text
    if not text:
        raise InputError(f"Cut {cut.cut_id} has neither a target text nor a transcript: there is nothing to learn.")
    return spoken_text(text, "en") if form == "spoken" and cut.task == "asr" else text


def collate(samples: Sequence[Sample], width: int) -> Batch:
    """Samples as one batch, frames padded."""
    audios = [sample for sample in samples if sample.frames is not None]
    features, lengths = pad_features([torch.from_numpy(sample.frames) for sample in audios], width)
    return Batch(
        prompts=[sample.prompt for sample in samples],
        answers=[sample.answer for sample in samples],
        features=features,
        lengths=lengths,
        targets=[sample.target for sample in audios],
    )


@cache
def template_set(name: str) -> dict[str, list[str]]:
    """Instructions of one set, by task.

    Raises:
        SettingsError: no such set; the message lists the names.
    """
    sets = read_yaml(TEMPLATES)
    if name not in sets:
        raise SettingsError(f"No set of templates {name!r}. Expected one of: {', '.join(sorted(sets))}.")
    return dict(sets[name])
