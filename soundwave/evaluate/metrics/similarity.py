"""How alike speech and its transcript are inside the LLM, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soundwave.evaluate.held_out import Context, held_out
from soundwave.evaluate.metric import Family, Figure
from soundwave.model.batch import AUDIO
from soundwave.model.plain_text import text_ids
from soundwave.model.speech_llm import SpeechLLM
from soundwave.model.tokens import spoken_text

CLIPS = 64  # unless the caller sets a limit
MEASURES = ("matched", "mismatched", "difference", "retrieval")


def measure(context: Context) -> dict[str, Any]:
    """Pooled cosine similarity of speech and text by layer of the LLM, LoRA on.

    For each clip the LLM reads its instruction up to where the sound goes, then either the kept frames, or the
    embeddings of the transcript's tokens (spoken form). The hidden states after each layer are averaged over the
    positions of the speech, or of the text, alone: without the instruction before them the first position's very large
    state, which every input shares, would be most of the average.

    Returns:
        `clips`, `corpora`, `layers`: what `compare` gives for layer 0 (the LLM's input) to the last, which transformers
        gives after the final norm; and its measures averaged over the layers above 0.
    """
    rows = held_out(context, "asr", limit=context.first(CLIPS))
    speech, text = [], []
    for cuts, features, lengths in rows.batches():
        prompts = [context.prompt(cut, "asr") for cut in cuts]
        speech.append(pooled_speech(context.model, prompts, features, lengths))
        texts, languages = [str(cut.text) for cut in cuts], [cut.language or "en" for cut in cuts]
        text.append(pooled_text(context.model, prompts, texts, languages))
    layers = compare(np.concatenate(speech), np.concatenate(text))
    means = {name: _mean([layer[name] for layer in layers[1:]]) for name in MEASURES}
    return {"clips": len(rows.cuts), "corpora": rows.corpora, **means, "layers": layers}


def compare(speech: NDArray[np.float32], text: NDArray[np.float32]) -> list[dict[str, Any]]:
    """Cosines of pooled states (N, layers, D) of N clips, by layer.

    Returns:
        For each layer `matched`: the mean cosine of a clip and its own transcript; `mismatched`: of a clip and the
        others' transcripts (None with one clip); `difference` of the two: hidden states are in a narrow cone, so that
        any two are alike, and only what is above that says something; `retrieval`: the share of clips that are nearest
        to their own transcript.
    """
    one, other = (states / np.linalg.norm(states, axis=2, keepdims=True) for states in (speech, text))
    count = len(one)
    found = []
    for layer in range(one.shape[1]):
        cosines = one[:, layer] @ other[:, layer].T  # (N, N)
        matched = float(np.diag(cosines).mean())
        rest = (float(cosines.sum()) - count * matched) / (count * (count - 1)) if count > 1 else None
        nearest = float((cosines.argmax(axis=1) == np.arange(count)).mean())
        found.append(
            {
                "layer": layer,
                "matched": matched,
                "mismatched": rest,
                "difference": None if rest is None else matched - rest,
                "retrieval": nearest,
            }
        )
    return found


def pooled_speech(
    model: SpeechLLM, prompts: Sequence[Sequence[int]], features: Tensor, lengths: Tensor
) -> NDArray[np.float32]:
    """States of the kept frames after each layer, averaged over positions: (A, layers, D)."""
    with torch.no_grad():
        heard = model.hear(features, lengths)
    kept = [row[:count] for row, count in zip(heard.kept, heard.runs.counts.tolist(), strict=True)]
    return _pooled(model, prompts, kept)


def pooled_text(
    model: SpeechLLM, prompts: Sequence[Sequence[int]], texts: Sequence[str], languages: Sequence[str] = ()
) -> NDArray[np.float32]:
    """The same of the transcripts' tokens; without `languages` all are English."""
    spoken = (spoken_text(text, language) for text, language in zip_longest(texts, languages, fillvalue="en"))
    ids = [text_ids(model.tokenizer, f" {text}") for text in spoken]
    return _pooled(model, prompts, [_embed(model, row) for row in ids])


def _embed(model: SpeechLLM, ids: Sequence[int]) -> Tensor:
    embeddings = model.embeddings
    return embeddings[torch.tensor(ids, dtype=torch.long, device=embeddings.device)].detach()


def _pooled(model: SpeechLLM, prompts: Sequence[Sequence[int]], parts: Sequence[Tensor]) -> NDArray[np.float32]:
    """Parts (L_a, D) after their prompts' heads, through the LLM -> (A, layers, D)."""
    heads = [_embed(model, list(prompt)[: list(prompt).index(AUDIO)]) for prompt in prompts]
    rows = [torch.cat([head, part.to(head.dtype)]) for head, part in zip(heads, parts, strict=True)]
    inputs = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    sizes = torch.tensor([len(row) for row in rows], device=inputs.device)
    mask = torch.arange(inputs.shape[1], device=inputs.device) < sizes.unsqueeze(1)
    with torch.no_grad():
        states = model.llm.base_model(
            inputs_embeds=inputs, attention_mask=mask.long(), output_hidden_states=True, use_cache=False
        ).hidden_states
    # layers x (A, L, D) -> (A, layers, D)
    means = [
        torch.stack([layer[place, len(head) : len(row)].float().mean(0) for layer in states])
        for place, (head, row) in enumerate(zip(heads, rows, strict=True))
    ]
    found: NDArray[np.float32] = torch.stack(means).cpu().numpy()
    return found


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


METRIC = Family(
    rows=("asr",),
    figures=(
        Figure("retrieval", "Clips nearest to their own transcript", "higher", best=1.0),
        Figure("difference", "Cosine to the own transcript, less to others", "higher"),
    ),
    measure=measure,
    version=2,
)
