"""From a plan's draws to a batch: targets, instructions, answers, augmented frames."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from curation.passes.encode import variant
from manifests.errors import InputError, SettingsError
from manifests.reasons import Reason
from soundwave.model.batch import Batch, answer_ids, pad_features
from soundwave.model.ctc.head import least_frames
from soundwave.model.tokens import TokenTable, Unit, sound_tag, spoken_text
from soundwave.train.batches import joins
from soundwave.train.batches.augment import SplicePiece, cut_at_words, join, masked
from soundwave.train.batches.composed import need_audio
from soundwave.train.batches.instructions import Facts, Template, Turn, load_set, make_turn
from soundwave.train.batches.lazy_frames import SURE, LazyFrames, end_to_end
from soundwave.train.batches.plan_data import Draw, PlanData
from soundwave.train.batches.prompts import language_name, make_prompt
from soundwave.train.settings import StageSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from soundwave.train.batches.plan_data import Cut

SHOWN = 60  # letters of a text in a message
SPOKEN = 0.8  # of the frames that a composition's speech promises are there, whatever trimming leaves of its sound
FIRST = 8  # clips of a plan whose files are looked for before its first step


class Refusal(NamedTuple):
    """Why a CTC target is none."""

    reason: Reason
    detail: str


@dataclass(frozen=True)
class Sample:
    """One sequence of a batch and the draws in it (several when clips were spliced)."""

    draws: tuple[int, ...]
    """Slots of the step."""
    frames: LazyFrames | None
    """(T, F) encoder frames, not read yet; None: text only."""
    target: list[int] | None
    """CTC classes; None: no CTC target."""
    prompt: list[int]
    answer: list[int]
    unfit: Refusal | None = None
    """Why the CTC target that it had was refused."""


class SampleMaker:
    """Makes the batch of a step. The same settings, draws and step give the same batch."""

    def __init__(
        self,
        settings: StageSettings,
        data: PlanData,
        table: TokenTable,
        *,
        frame_rate: float,
        fill: NDArray[np.float32],
        steps: int,
        ctc_frames: Callable[[int], int],
    ) -> None:
        """Settings, plan and vocabulary of a run.

        Args:
            settings: of the stage.
            data: the plan.
            table: CTC's classes.
            frame_rate: encoder frames per second.
            fill: (F,) what masks are filled with.
            steps: of the whole run.
            ctc_frames: how many frames CTC gets of so many encoder frames.

        Raises (before the first step, not at its own):
            SettingsError: tasks that the set of templates has no instruction for.
            MissingFileError: sequences are to be joined as audio, and the plan's first clips have no files.
        """
        self.settings, self.data, self.table, self.steps = settings, data, table, steps
        self.frame_rate, self.fill, self.ctc_frames = frame_rate, fill, ctc_frames
        self.templates = load_set(settings.templates)
        self._prompts: dict[tuple[str, str], list[int]] = {}
        if settings.audio_joins:
            need_audio(data.first_cuts(FIRST))
        for task in data.tasks if settings.lm_weight else ():
            self._lines(task)

    def batch(self, draws: Sequence[Draw], step: int) -> tuple[Batch, list[Sample]]:
        """The batch of a step's draws, and its samples (audio samples in the order of the batch's audios)."""
        samples = self.samples(draws, step)
        return collate(samples, self.data.store.feature_dim), samples

    def samples(self, draws: Sequence[Draw], step: int) -> list[Sample]:
        """The samples of a step's draws: every draw is in at least one."""
        return [self._refuse_unfit(sample) for sample in self._made(draws, step)]

    def _refuse_unfit(self, sample: Sample) -> Sample:
        """The sample, without a CTC target that its frames cannot carry: no path of CTC would spell it."""
        if sample.frames is None or not sample.target or not self.settings.ctc_weight:
            return sample
        needed = least_frames(sample.target)
        if needed <= self.ctc_frames(sample.frames.at_least):
            return sample  # frames that are not stored need not be counted, which encodes them, to know that
        there = self.ctc_frames(len(sample.frames))
        if needed <= there:
            return sample
        found = f"CTC needs {needed} frames for {len(sample.target)} tokens, found {there}"
        return replace(sample, target=None, unfit=Refusal(Reason.transcript_too_long, found))

    def _made(self, draws: Sequence[Draw], step: int) -> list[Sample]:
        rng = random.Random(f"{self.settings.seed}:{step}")
        unit = self.unit(step)
        joined = self._joined(draws, step, unit)
        taken = {slot for sample in joined for slot in sample.draws}
        slots = [slot for slot in range(len(draws)) if slot not in taken]
        splice = self.settings.splice
        if splice is not None and rng.random() < splice.share:
            return self._spliced(draws, slots, unit, splice.words, rng) + joined
        return [self._sample(slot, draws[slot], unit, rng) for slot in slots] + joined

    def unit(self, step: int) -> Unit:
        """What CTC targets are made of at a step."""
        units = self.settings.ctc_units
        if units == "letters_then_tokens":
            return "letters" if step < self.settings.letters_share * self.steps else "tokens"
        return units

    def _frames(self, cut: Cut, rng: random.Random) -> LazyFrames:
        speed = rng.choice(self.settings.speeds)
        return self.data.store.lazy_frames(cut, variant(speed))

    def _masked(self, frames: LazyFrames, rng: random.Random) -> LazyFrames:
        settings = self.settings.spec_augment
        return frames if settings is None else masked(frames, settings, self.frame_rate, self.fill, rng)

    def _sample(self, slot: int, draw: Draw, unit: Unit, rng: random.Random) -> Sample:
        cut = draw.cut
        frames = self._masked(self._frames(cut, rng), rng) if cut.has_audio else None
        said = None if frames is None else target_text(cut, self.settings.ctc_languages)
        target, unfit = self._target(said, unit)
        # In stage I a row may have a CTC target and nothing to answer.
        facts = self._facts(draw) if self.settings.lm_weight else Facts("")
        return Sample((slot,), frames, target, *self._turn(cut.task, cut, facts, rng), unfit)

    def _facts(self, draw: Draw) -> Facts:
        cut = draw.cut
        chooses = any(template.form == "choice" for template in self._lines(cut.task))
        transcribes, as_heard, grounds = cut.task == "asr", self.settings.answer == "spoken", cut.task == "grounding"
        answer = answer_text(cut, self.settings.answer)
        return Facts(
            answer=when(answer) if grounds else answer,
            transcript=cut.text or "",
            spoken=heard(cut.text or "", cut.language or "en") if transcribes and not as_heard else "",
            language=language_name(cut),
            label=joins.sound_name(cut.sound[0]) if cut.task == "sound" and cut.sound else "",
            word=word_of(cut) if grounds else "",
            others=self._others(draw) if chooses else (),
            also_right=[joins.sound_name(label) for label in cut.sound],
            style=self._style(cut),
        )

    def _others(self, draw: Draw) -> Sequence[str]:
        """What options are drawn from."""
        if draw.cut.task == "speakers" and self.settings.speaker_number is not None:
            return joins.COUNTS
        return self.data.answers(draw.domain)

    def _style(self, cut: Cut) -> Callable[[str], str]:
        """How wrong options are written: as the right one is."""
        if cut.task == "grounding":
            return when
        spoken = cut.task == "asr" and self.settings.answer == "spoken"
        return partial(spoken_text, language=cut.language or "en") if spoken else str

    def _turn(self, task: str, cut: Cut, facts: Facts, rng: random.Random) -> tuple[list[int], list[int]]:
        """Token ids of the conversation up to the answer, AUDIO where the sound goes; and of the answer.

        Both are empty where the LLM is not run.
        """
        if not self.settings.lm_weight:
            return [], []
        fitting = [template for template in self._lines(task) if template.fits(facts)]
        if not fitting:
            raise InputError(
                f"Cut {cut.cut_id}: no instruction for {task!r} can be asked. They all need a transcript or other "
                "answers of its domain to choose from, and it has neither."
            )
        turn = make_turn(rng.choice(fitting), facts, rng)
        prompt = self._prompt(turn, cut)
        return prompt, answer_ids(self.table.tokenizer, turn.answer)

    def _lines(self, task: str) -> tuple[Template, ...]:
        if task not in self.templates:
            known = ", ".join(sorted(self.templates))
            raise SettingsError(
                f"The set of templates {self.settings.templates!r} has no instruction for the task {task!r} "
                f"(it has: {known})."
            )
        return self.templates[task]

    def _prompt(self, turn: Turn, cut: Cut) -> list[int]:
        """Token ids of an instruction; those that are the same for many cuts are made once."""
        tokenizer, system, ask = self.table.tokenizer, self.settings.system_prompt, turn.ask
        if turn.options or turn.word or "{text}" in ask:
            return make_prompt(tokenizer, ask, cut, system, options=turn.options, word=turn.word)
        key = ask, language_name(cut)
        if key not in self._prompts:
            self._prompts[key] = make_prompt(tokenizer, ask, cut, system)
        return list(self._prompts[key])

    def _spliced(
        self, draws: Sequence[Draw], slots: Sequence[int], unit: Unit, words: float, rng: random.Random
    ) -> list[Sample]:
        """Transcribed speech mixed into new sentences; other draws as they are."""
        mixable = [slot for slot in slots if draws[slot].cut.task == "asr" and draws[slot].cut.words]
        samples = [self._sample(slot, draws[slot], unit, rng) for slot in slots if slot not in set(mixable)]
        if not mixable:
            return samples
        pieces: list[SplicePiece] = []
        for slot in mixable:
            cut = draws[slot].cut
            pieces += cut_at_words(self._frames(cut, rng), cut, words, rng)
        for piece in join(pieces, len(mixable), rng):
            prompt, answer = self._turn("asr", draws[mixable[0]].cut, Facts(piece.text), rng)
            target, unfit = self._target(piece.text, unit)
            samples.append(Sample(tuple(mixable), self._masked(piece.frames, rng), target, prompt, answer, unfit))
        return samples

    def _joined(self, draws: Sequence[Draw], step: int, unit: Unit) -> list[Sample]:
        """Sounds inside speech and speakers in turn; their chance is their own, so that nothing else depends on it."""
        rng = random.Random(f"{self.settings.seed}:{step}:joined")
        make = {
            "sandwich": self._with_sound,
            "multi_speaker": self._speakers_in_turn,
            "speakers": self._speakers_counted,
        }
        return [
            make[found.task](found, [draws[slot].cut for slot in found.slots], unit, rng)
            for found in joins.joined_draws(draws, step, self.settings, rng)
        ]

    def _with_sound(self, found: joins.JoinedDraws, cuts: Sequence[Cut], unit: Unit, rng: random.Random) -> Sample:
        sound, *speech = cuts
        part = self._composed(found) or self._frames_around(sound, speech, rng)
        facts = Facts(self._styled(part), label=joins.sound_name(sound.sound[0]))
        prompt, answer = self._turn("sandwich", speech[0], facts, rng)
        target, unfit = self._target(part.heard, unit)
        return Sample(found.slots, self._masked(part.frames, rng), target, prompt, answer, unfit)

    def _frames_around(self, sound: Cut, speech: Sequence[Cut], rng: random.Random) -> joins.SequencePart:
        """Stored frames of a sound between those of speech."""
        filling = joins.sound_part(self._frames(sound, rng), sound)
        frames = [self._frames(cut, rng) for cut in speech]
        if len(speech) == 1:
            before, after = joins.opened(frames[0], speech[0], rng)
        else:
            before, after = (joins.whole_cut(part, cut) for part, cut in zip(frames, speech, strict=True))
        return joins.joined([before, filling, after])

    def _composed(self, found: joins.JoinedDraws) -> joins.SequencePart | None:
        """What is put together as audio, as one clip for the encoder; None: frames are joined."""
        composition, store = found.composition, self.data.store
        if composition is None:
            return None
        frames = store.lazy_clip(
            composition.pieces[0].cut.cut_id,
            lambda: composition.compose().samples,
            variant(found.speed),
            seconds=SPOKEN / SURE * composition.at_least,
        )
        return joins.SequencePart(frames, composition.heard, composition.written)

    def _speakers_in_turn(
        self, found: joins.JoinedDraws, cuts: Sequence[Cut], unit: Unit, rng: random.Random
    ) -> Sample:
        part, texts = self._composed(found), [joins.said(cut, self.settings.answer) for cut in cuts]
        part = part or joins.joined([joins.whole_cut(self._frames(cut, rng), cut) for cut in cuts])
        facts = Facts(joins.quotations(texts), transcript=self._styled(part), count=joins.NUMBERS[len(cuts)])
        prompt, reply = self._turn("multi_speaker", cuts[0], facts, rng)
        target, unfit = self._target(part.heard, unit)
        return Sample(found.slots, self._masked(part.frames, rng), target, prompt, reply, unfit)

    def _speakers_counted(
        self, found: joins.JoinedDraws, cuts: Sequence[Cut], unit: Unit, rng: random.Random
    ) -> Sample:
        part = self._composed(found)
        frames = part.frames if part else end_to_end([self._frames(cut, rng) for cut in cuts])
        facts = Facts(joins.COUNTS[len(cuts) - 1], others=joins.COUNTS)
        prompt, reply = self._turn("speakers", cuts[0], facts, rng)
        return Sample(found.slots, self._masked(frames, rng), None, prompt, reply)

    def _styled(self, part: joins.SequencePart) -> str:
        return part.heard if self.settings.answer == "spoken" else part.written

    def _target(self, text: str | None, unit: Unit) -> tuple[list[int] | None, Refusal | None]:
        """CTC classes of a text; none for no text, or one that cannot be spelled: letters would be missing."""
        if text is None:
            return None, None
        if (classes := self.table.target(text, unit)) is not None:
            return classes, None
        lacks = f"the CTC vocabulary cannot spell all of {text[:SHOWN]!r}"
        return None, Refusal(Reason.oov_word, lacks) if self.settings.ctc_weight else None


@lru_cache(maxsize=4096)
def heard(text: str, language: str) -> str:
    """`spoken_text`, kept for a while: a step asks several times."""
    return spoken_text(text, language)


def target_text(cut: Cut, languages: Sequence[str]) -> str | None:
    """What CTC should write for a cut: the spoken words (an empty transcript: nothing but blanks), or a sound's inline
    tag; None: it has no target."""
    if cut.sound:
        return sound_tag(cut.sound[0])
    if cut.text is None or (cut.language or "en") not in languages:
        return None
    return heard(cut.text, cut.language or "en")


def answer_text(cut: Cut, form: str) -> str:
    """What the LLM should answer: translation, label or answer where there is one, else the transcript.

    Raises:
        InputError: a cut without any of them.
    """
    text = cut.target_text or cut.text
    if text is None:
        raise InputError(f"Cut {cut.cut_id} has neither a target text nor a transcript: there is nothing to learn.")
    return heard(text, "en") if form == "spoken" and cut.task == "asr" else text


def word_of(cut: Cut) -> str:
    """What a row of grounding asks for.

    Raises:
        InputError: its target is not `WORD: TIMES`.
    """
    word, mark, _ = (cut.target_text or "").rpartition(": ")
    if not mark or not word:
        raise InputError(
            f"Cut {cut.cut_id}: the target of grounding is {(cut.target_text or '')[:SHOWN]!r}, expected a word and "
            "when it is said, such as `hear: 0.52 to 0.80 s`."
        )
    return word


def when(target: str) -> str:
    """When the word of a row of grounding is said: `hear: 0.52 to 0.80 s` -> `0.52 to 0.80 s`."""
    return target.rpartition(": ")[2]


def collate(samples: Sequence[Sample], width: int) -> Batch:
    """Samples as one batch, frames padded, on the device where some of them are."""
    audios = [sample for sample in samples if sample.frames is not None]
    frames = [sample.frames.read() for sample in samples if sample.frames is not None]
    there = next((part.device for part in frames if isinstance(part, torch.Tensor)), None)
    features, lengths = pad_features([torch.as_tensor(part, device=there) for part in frames], width)
    return Batch(
        prompts=[sample.prompt for sample in samples],
        answers=[sample.answer for sample in samples],
        features=features,
        lengths=lengths,
        targets=[sample.target for sample in audios],
    )
