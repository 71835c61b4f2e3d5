"""A trained run that listens: audio files become encoder frames, prompts get answers."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manifests.audio import Channels, read_audio
from manifests.errors import AudioError, InputError
from manifests.shown import shown
from manifests.units import SAMPLE_RATE, Seconds
from soundwave.infer.pieces import LONGEST, cut_at_silences
from soundwave.model.batch import AUDIO_MARK, need_conversation, pad_features, render
from soundwave.model.speech_llm import SpeechLLM
from soundwave.train.runs.folder import load_model
from soundwave.train.settings import StageSettings

BATCH = 8  # pieces or questions at once
PLACE = "{audio}"  # in a message: where the sound goes


@dataclass(frozen=True)
class EncodedAudio:
    """An audio file as the model reads it."""

    name: str
    seconds: Seconds
    pieces: tuple[Tensor, ...]
    """Encoder frames (T, F) of each piece; one, unless the recording is long."""


@dataclass(frozen=True)
class Question:
    """A conversation up to where the LLM answers."""

    prompt: Sequence[int]
    """Token ids, AUDIO where sound goes."""
    frames: tuple[Tensor, ...] = ()
    """Encoder frames (T, F) of each of its audios."""


class Listener:
    """A run's model with the settings of its stage."""

    def __init__(self, model: SpeechLLM, settings: StageSettings) -> None:
        self.model, self.settings = model, settings

    @classmethod
    def load(cls, run: Path) -> Listener:
        """The model of a finished run.

        Raises:
            MissingFileError, StaleError: no finished run.
            InputError: as `need_conversation`, where the LLM answers about sound.
        """
        model, settings, _ = load_model(run)
        found = cls(model, settings)
        if found.answers:
            found.need_conversation()
        return found

    def need_conversation(self) -> None:
        """Refuse an LLM that can no longer be asked, or whose answers would not end: its tokenizer was changed.

        Raises:
            InputError: no chat template that takes the messages, or no end token.
        """
        need_conversation(self.model.tokenizer, self.settings.system_prompt)

    @property
    def answers(self) -> bool:
        """Whether the LLM has learned to listen. In stage I it has not: that stage trains CTC alone."""
        return bool(self.settings.lm_weight)

    def need_answers(self, what: str) -> None:
        """Refuse a task that needs an LLM that listens.

        Raises:
            InputError: the run is of stage I.
        """
        if not self.answers:
            raise InputError(
                f"{what} needs a run whose LLM has learned to listen (stage shrinking or sft); "
                f"this one is of stage {self.settings.stage} and only transcribes by CTC."
            )

    # Hearing

    def listen(
        self, files: Sequence[Path], *, longest: Seconds = LONGEST, channels: Channels = "reject"
    ) -> list[EncodedAudio]:
        """Files in any format that libsndfile or FFmpeg reads; long ones in pieces, which standard error is told.

        Raises:
            AudioError: a file that does not decode, or holds no sound; channels that differ, unless `channels` says
                what to hear of them.
        """
        return self.encode(read_files(files, channels), [str(path) for path in files], longest=longest)

    def encode(
        self, audio: Sequence[NDArray[np.float32]], names: Sequence[str], *, longest: Seconds = LONGEST
    ) -> list[EncodedAudio]:
        """Samples (N,), 16 kHz mono -> recordings."""
        spans = [cut_at_silences(samples, longest) for samples in audio]
        for name, samples, cuts in zip(names, audio, spans, strict=True):
            if len(cuts) > 1:
                length = f"{len(samples) / SAMPLE_RATE:.1f} s"
                print(f"{shown(name)}: {length}, heard in {len(cuts)} pieces of at most {longest:g} s", file=sys.stderr)
        pieces = [samples[first:last] for samples, cuts in zip(audio, spans, strict=True) for first, last in cuts]
        frames = iter([torch.from_numpy(part) for part in self.model.load_encoder().encode(pieces)])
        return [
            EncodedAudio(name, len(samples) / SAMPLE_RATE, tuple(next(frames) for _ in cuts))
            for name, samples, cuts in zip(names, audio, spans, strict=True)
        ]

    def transcribe(self, frames: Sequence[Tensor]) -> list[str]:
        """Greedy CTC text of each piece's encoder frames (T, F)."""
        texts: list[str] = []
        for first in range(0, len(frames), BATCH):
            texts += self.model.transcribe(*pad_features(frames[first : first + BATCH], self.model.feature_dim))
        return texts

    # Answering

    def prompt(self, messages: Sequence[Mapping[str, Any]]) -> list[int]:
        """Token ids of a conversation, after the system prompt of the run's stage; `messages` as of `render`."""
        return render(self.model.tokenizer, [{"role": "system", "content": [self.settings.system_prompt]}, *messages])

    def ask(self, questions: Sequence[Question], **options: Any) -> list[str]:
        """The LLM's answers, in batches; `options` as of `SpeechLLM.generate`.

        Raises:
            InputError: a conversation that is longer than the LLM can read.
        """
        answers: list[str] = []
        for first in range(0, len(questions), BATCH):
            chosen = questions[first : first + BATCH]
            for question in chosen:
                self.check_room(question, int(options.get("max_new_tokens") or 0))
            frames = [part for question in chosen for part in question.frames]
            inputs = pad_features(frames, self.model.feature_dim)
            answers += self.model.generate([question.prompt for question in chosen], *inputs, **options)
        return answers

    def check_room(self, question: Question, answer: int) -> None:
        """Refuse a conversation that is longer than the LLM can read.

        Raises:
            InputError: with both lengths.
        """
        most = getattr(self.model.llm.config, "max_position_embeddings", None)
        stack = self.model.settings.stack
        needed = len(question.prompt) + answer + sum(-(-len(part) // stack) for part in question.frames)
        if most is None or needed <= most:  # even if every frame were kept
            return
        needed = len(question.prompt) + answer + self._kept(question.frames)
        if needed > most:
            raise InputError(
                f"The conversation is {needed:,} positions long with its audio, the LLM reads {most:,}. "
                "Use less audio, or begin a new conversation."
            )

    def _kept(self, frames: Sequence[Tensor]) -> int:
        """Positions that audios take after shrinking."""
        if not frames:
            return 0
        with torch.no_grad():
            heard = self.model.hear(*pad_features(list(frames), self.model.feature_dim))
        return int(heard.runs.counts.sum())


def read_files(files: Sequence[Path], channels: Channels = "reject") -> list[NDArray[np.float32]]:
    """Samples (N,) of each file, 16 kHz mono.

    Raises:
        AudioError: as `Listener.listen`.
    """
    audio = [read_audio(path, channels=channels) for path in files]
    for path, samples in zip(files, audio, strict=True):
        if not len(samples):
            raise AudioError(f"{path} holds no samples.")
    return audio


def place_audio(text: str, pieces: int) -> str:
    """A message's text with marks for `pieces` audios at `{audio}`, or before it.

    Raises:
        InputError: `{audio}` twice, or without any audio; or the mark itself.
    """
    if AUDIO_MARK in text:
        raise InputError(f"{AUDIO_MARK} stands for sound inside the model; write {PLACE} where the sound goes.")
    if text.count(PLACE) > 1:
        raise InputError(f"{PLACE} stands {text.count(PLACE)} times in {text!r}; expected it once at most.")
    if not pieces:
        if PLACE in text:
            raise InputError(f"{text!r} has a place for sound, {PLACE}, but there is no audio.")
        return text
    return (text if PLACE in text else f"{PLACE}\n{text}").replace(PLACE, AUDIO_MARK * pieces)
