"""What goes into the model at once (prompts with places for audio, answers, features, targets), and what comes out.

Dimensions: B samples, A audios of all samples together, T encoder frames, F wide, S adapter frames (padded),
K kept frames (padded), D LLM width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from manifests.errors import InputError
from soundwave.model.chat_frame import in_frame
from soundwave.model.plain_text import framed_ids, text_ids
from soundwave.model.shrinking_adapter import TokenRuns

AUDIO = -1  # stands in a prompt's token ids where the kept frames of the next audio go
AUDIO_MARK = "<|audio|>"  # the same in a message's text


@dataclass(frozen=True)
class Batch:
    """B samples with A audios between them (A = 0: text only). T encoder frames, F wide."""

    prompts: Sequence[Sequence[int]]
    """Token ids of each sample, with AUDIO where its audios go, in order."""
    answers: Sequence[Sequence[int]]
    """Token ids to be answered, end of turn included; empty in stage I."""
    features: Tensor
    """(A, T, F) encoder frames, padded."""
    lengths: Tensor
    """(A,) frames of each audio."""
    targets: Sequence[Sequence[int] | None]
    """CTC classes of each audio; None: this audio has no CTC target."""

    def to(self, device: torch.device | str) -> Batch:
        """This batch on another device."""
        return Batch(self.prompts, self.answers, self.features.to(device), self.lengths.to(device), self.targets)


@dataclass(frozen=True)
class AdapterOutput:
    """What the adapters make of encoder frames."""

    frames: Tensor
    """(A, S, D) adapter frames."""
    lengths: Tensor
    """(A,)."""
    kept: Tensor
    """(A, K, D) what the LLM reads."""
    runs: TokenRuns


@dataclass(frozen=True)
class SpeechLLMOutput:
    """One forward pass. Losses that were not asked for, or have no target, are NaN in the per-item columns."""

    loss: Tensor
    """Scalar: lm_weight x mean over answer tokens + ctc_weight x mean over target tokens."""
    lm_loss: Tensor
    """(B,) mean next-token loss over each sample's answer."""
    ctc_loss: Tensor
    """(A,) CTC loss per target token; a target with more tokens than frames can carry is none."""
    frames: Tensor
    """(A,) adapter frames."""
    kept_frames: Tensor
    """(A,) positions after shrinking; equal to `frames` when the LLM was not run."""


def pad_features(frames: Sequence[Tensor], width: int) -> tuple[Tensor, Tensor]:
    """Frames (T_a, F) of each audio -> (A, T, F) and lengths (A,)."""
    lengths = torch.tensor([len(part) for part in frames], dtype=torch.long)
    if not frames:
        return torch.zeros(0, 0, width), lengths
    return torch.nn.utils.rnn.pad_sequence([part.float() for part in frames], batch_first=True), lengths


Content = str | list[str | int]
"""What a message says: texts, and AUDIO where sound goes. In a plain string AUDIO_MARK stands for sound; what the
assistant said is text alone."""


def render(tokenizer: Any, messages: Sequence[Mapping[str, Any]]) -> list[int]:
    """Token ids of a conversation through the LLM's own chat template, up to where its answer begins.

    messages: each with `role` and `content` (a `Content`). Their texts are text, whatever they spell; control tokens
    are those of the template. Nothing is added that the template does not write, so there is one beginning-of-text.

    Raises:
        InputError: a template that refuses the messages, leaves one out, changes its text, or repeats its sound.
    """
    contents = [_parts(message["role"], message["content"]) for message in messages]
    ids: list[int] = []
    run: list[tuple[str, bool]] = []
    for piece, of_frame in in_frame(tokenizer, [str(message["role"]) for message in messages], contents):
        if isinstance(piece, str):
            run.append((piece, of_frame))
        else:
            ids += [*framed_ids(tokenizer, run), AUDIO]
            run = []
    return ids + framed_ids(tokenizer, run)


def _parts(role: str, content: Content) -> list[str | int]:
    """Texts and AUDIO, no text empty or beside another."""
    if isinstance(content, str):
        texts = [content] if role == "assistant" else content.split(AUDIO_MARK)
        content = [part for text in texts for part in (AUDIO, text)][1:]
    found: list[str | int] = []
    for part in content:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        elif part != "":
            found.append(part)
    return found


def answer_ids(tokenizer: Any, text: str) -> list[int]:
    """Token ids of an answer, end of turn included. The text is text, whatever it spells."""
    return [*text_ids(tokenizer, text), end_of_turn(tokenizer)]


def need_conversation(tokenizer: Any, system: str) -> None:
    """Refuse an LLM that cannot be asked about sound, or whose answers would not end, before anything is made for it.

    system: the system prompt that it will be asked with.

    Raises:
        InputError: as `render` and `end_of_turn`.
    """
    render(tokenizer, [{"role": "system", "content": [system]}, {"role": "user", "content": [AUDIO, " a"]}])
    end_of_turn(tokenizer)


def end_of_turn(tokenizer: Any) -> int:
    """The token that ends an answer.

    Raises:
        InputError: the tokenizer has none.
    """
    if tokenizer.eos_token_id is None:
        raise InputError(
            f"The tokenizer of the LLM {tokenizer.name_or_path!r} has no end-of-sequence token: no answer would end. "
            "Expected an `eos_token` in its tokenizer_config.json."
        )
    return int(tokenizer.eos_token_id)
