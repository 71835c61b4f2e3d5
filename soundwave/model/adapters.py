"""The trained parts of a model, as its settings ask for them: alignment adapter, CTC head, shrinking adapter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from soundwave.model.alignment_adapter import AlignmentAdapter
from soundwave.model.ctc.head import CTCHead
from soundwave.model.settings import ModelSettings
from soundwave.model.shrinking_adapter import PlainAdapter, ShrinkingAdapter

FRAMES_JOINED = {"x3": 3, "x4": 4}  # by the paper's baselines


class Adapters(NamedTuple):
    """What stands between an encoder and an LLM."""

    alignment: AlignmentAdapter
    ctc_head: CTCHead
    shrinking: ShrinkingAdapter | PlainAdapter


def make_adapters(settings: ModelSettings, llm: Any, *, feature_dim: int, token_ids: Sequence[int] | None) -> Adapters:
    """New adapters between frames `feature_dim` wide and a causal LLM; torch's generator decides their weights.

    token_ids: the LLM's tokens that the CTC head knows; None: all.
    """
    width = int(llm.config.hidden_size)
    alignment = AlignmentAdapter.of(settings, feature_dim, width)
    ctc_head = CTCHead(llm.get_output_embeddings().weight, token_ids, blank=settings.ctc_blank, bias=settings.ctc_bias)
    gain = 1.0
    if settings.auxiliary_gain is not None:
        embeddings = llm.get_input_embeddings().weight.detach().float()
        gain = settings.auxiliary_gain * float(embeddings.pow(2).mean().sqrt())
    if settings.shrinking == "ctc":
        sees_all = settings.compat == "paper"
        return Adapters(
            alignment, ctc_head, ShrinkingAdapter(width, heads=settings.heads, sees_all=sees_all, gain=gain)
        )
    return Adapters(alignment, ctc_head, PlainAdapter(width, size=FRAMES_JOINED[settings.shrinking], gain=gain))
