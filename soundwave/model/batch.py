"""What goes into the model at once (prompts with places for audio, answers, features, targets), and what comes out.

Dimensions: B samples, A audios of all samples together, T encoder frames, F wide, S adapter frames (padded),
K kept frames (padded), D LLM width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

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
    """(A,) CTC loss per target token."""
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


def render(tokenizer: Any, messages: Sequence[dict[str, str]]) -> list[int]:
    """Token ids of a conversation through the LLM's own chat template, up to where its answer begins.

    AUDIO_MARK in a message's content becomes AUDIO. The text between marks is tokenised without special tokens of its
    own, so no second beginning-of-text token appears inside.
    """
    text: str = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
    ids: list[int] = []
    for number, piece in enumerate(text.split(AUDIO_MARK)):
        ids += [AUDIO] if number else []
        ids += tokenizer.encode(piece, add_special_tokens=False)
    return ids


def end_of_turn(tokenizer: Any) -> int:
    """The token that ends an answer."""
    return int(tokenizer.eos_token_id)
