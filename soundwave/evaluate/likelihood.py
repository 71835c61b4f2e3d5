"""How likely the LLM finds given answers, and the same LLM without its LoRA."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

from soundwave.model.batch import Batch, pad_features
from soundwave.model.speech_llm import SpeechLLM

BATCH = 16  # sequences at once


@dataclass(frozen=True)
class Asked:
    """A prompt and an answer to it."""

    prompt: Sequence[int]
    """Token ids, AUDIO where sound goes."""
    answer: Sequence[int]
    """Token ids, end of turn included."""
    frames: Sequence[Tensor] = ()
    """Encoder frames (T, F) of each of the prompt's audios."""


def answer_losses(model: SpeechLLM, items: Sequence[Asked], *, batch: int = BATCH) -> NDArray[np.float64]:
    """Mean negative log-likelihood per answer token (N,): the length-normalised log-likelihood with its sign turned.

    Sequences of like lengths go through the model together; the order of the result is that of `items`.
    """
    found = np.full(len(items), np.nan)
    order = sorted(range(len(items)), key=lambda n: (len(items[n].prompt) + len(items[n].answer), n))
    for first in range(0, len(order), batch):
        places = order[first : first + batch]
        chosen = [items[place] for place in places]
        features, lengths = pad_features([part for item in chosen for part in item.frames], model.feature_dim)
        targets = [None] * len(lengths)
        asked = Batch([item.prompt for item in chosen], [item.answer for item in chosen], features, lengths, targets)
        with torch.no_grad():
            output = model(asked, lm_weight=1.0, ctc_weight=0.0)
        found[places] = output.lm_loss.double().cpu().numpy()
    return found


@contextmanager
def without_lora(model: nn.Module) -> Iterator[None]:
    """The model with every LoRA layer switched off: the LLM as it was before training."""
    layers = [module for module in model.modules() if isinstance(module, BaseTunerLayer)]
    learns = [(parameter, parameter.requires_grad) for layer in layers for parameter in layer.parameters()]
    for layer in layers:
        layer.enable_adapters(False)
    try:
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)
        for parameter, wanted in learns:  # switching on marks LoRA as trainable
            parameter.requires_grad_(wanted)
