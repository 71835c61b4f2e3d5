"""Answers of the LLM: how long they may be, how they are searched, and rows of any lengths as one batch.

Dimensions: B samples, L positions (padded), D LLM width.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from soundwave.model.batch import AUDIO, AdapterOutput, end_of_turn
from soundwave.model.sequences import pad_left

SEARCH = {"num_beams": 4, "no_repeat_ngram_size": 6}  # how transcripts are searched: a few beams, and no endless loops
ANSWER_LEAST, ANSWER_PER_FRAME = 6, 1.1  # tokens; a kept frame is at most a token of speech
TEXT_LIMIT = 64  # tokens of an answer to text alone


def answer_limits(prompts: Sequence[Sequence[int]], heard: AdapterOutput | None) -> list[int]:
    """The most tokens of an answer: a few more than the prompt's kept frames; TEXT_LIMIT without audio."""
    counts = iter([] if heard is None else heard.runs.counts.tolist())
    kept = [sum(next(counts) for token in prompt if token == AUDIO) for prompt in prompts]
    return [ANSWER_LEAST + round(ANSWER_PER_FRAME * count) if count else TEXT_LIMIT for count in kept]


@torch.no_grad()
def answer_texts(
    llm: Any, tokenizer: Any, rows: Sequence[Tensor], limits: Sequence[int], options: dict[str, Any]
) -> list[str]:
    """Answers to rows of embeddings (L_b, D), each of at most so many tokens; greedy unless `options` differ.

    With `num_return_sequences` in `options`, so many for each row, best first.
    """
    # Padded on the left, so that every answer begins at the same place.
    inputs, mask = pad_left(rows)
    end = end_of_turn(tokenizer)
    settings = {"do_sample": False, "pad_token_id": end, "eos_token_id": end} | options
    with warnings.catch_warnings():
        # "n-gram constraints apply to generated tokens only": that is what is meant.
        warnings.filterwarnings("ignore", message="Passing `no_repeat_ngram_size`")
        found = llm.generate(inputs_embeds=inputs, attention_mask=mask, max_new_tokens=max(limits), **settings)
    texts = []
    each = len(found) // len(rows)
    for row, limit in zip(found.tolist(), [limit for limit in limits for _ in range(each)], strict=True):
        answer = row[:limit]
        answer = answer[: answer.index(end)] if end in answer else answer
        # As the tokens say it: a tokenizer that cleans up spaces would change text that was streamed already.
        text = tokenizer.decode(answer, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        texts.append(text.strip())
    return texts
