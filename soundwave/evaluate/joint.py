"""Hybrid decoding: the LLM proposes, and the LLM and the CTC head of the same network choose together.

Read off the LLM alone, an answer drifts from what was said; read off CTC alone, it is spelled as it sounds. Adding the
two log-probabilities is how hybrid CTC/attention recognisers have both (Watanabe et al., 2017), there within the beam
search, here over its results.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soundwave.evaluate.likelihood import Asked, answer_losses
from soundwave.model.batch import answer_ids
from soundwave.model.ctc.head import least_frames
from soundwave.model.generation import SEARCH
from soundwave.model.speech_llm import SpeechLLM
from soundwave.model.tokens import Unit, spoken_text

CANDIDATES = 8  # of the LLM's beams, beside the greedy CTC text
CTC_SHARE = 0.1  # chosen on the demo's dev split out of 0 to 1


def joint_texts(
    model: SpeechLLM,
    prompts: Sequence[Sequence[int]],
    features: Tensor,
    lengths: Tensor,
    *,
    unit: Unit = "letters",
    language: str = "en",
    share: float = CTC_SHARE,
) -> list[str]:
    """The transcript of each clip, from the LLM's CANDIDATES best answers and the greedy CTC text.

    The candidate with the highest `log p_LLM(answer) + share x log p_CTC(answer as it sounds)` is taken.

    Args:
        model: in evaluation mode.
        prompts: token ids of each sample, with one AUDIO each.
        features: (N, T, F) encoder frames.
        lengths: (N,).
        unit: what the CTC head was trained to write.
        language: of the speech.
        share: weight of CTC's log-probability.
    """
    search = SEARCH | {"num_beams": CANDIDATES, "num_return_sequences": CANDIDATES}
    proposed = model.generate(prompts, features, lengths, **search)
    greedy = model.transcribe(features, lengths)
    texts = []
    for number, prompt in enumerate(prompts):
        frames = features[number, : int(lengths[number])]
        own = proposed[number * CANDIDATES : (number + 1) * CANDIDATES]
        candidates = list(dict.fromkeys([*own, greedy[number]]))
        scores = _llm_scores(model, prompt, frames, candidates)
        if share:
            scores += share * _ctc_scores(model, frames, [spoken_text(text, language) for text in candidates], unit)
        texts.append(candidates[int(scores.argmax())])
    return texts


def _llm_scores(model: SpeechLLM, prompt: Sequence[int], frames: Tensor, texts: Sequence[str]) -> NDArray[np.float64]:
    """log p of each answer, end of turn included."""
    answers = [answer_ids(model.tokenizer, text) for text in texts]
    losses = answer_losses(model, [Asked(prompt, answer, [frames]) for answer in answers])
    total: NDArray[np.float64] = -losses * np.array([len(answer) for answer in answers])
    return total


def _ctc_scores(model: SpeechLLM, frames: Tensor, texts: Sequence[str], unit: Unit) -> NDArray[np.float64]:
    """log p of each text under the CTC head; what has more letters than the clip has frames is impossible."""
    targets = [model.table.encode(text, unit) for text in texts]
    with torch.no_grad():
        adapted, counts = model.align(frames.unsqueeze(0), torch.tensor([len(frames)], device=frames.device))
        many = adapted.expand(len(texts), -1, -1).contiguous()
        losses = model.ctc_head.loss(many, counts.expand(len(texts)).contiguous(), targets)
    scores = -losses.double().cpu().numpy()
    # The loss counts an impossible target as 0, which would be certainty.
    return np.where([least_frames(target) <= int(counts[0]) for target in targets], scores, -np.inf)
