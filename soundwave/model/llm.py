"""The LLM of a model: one that `soundwave.model.pretrained` finds by name, or that of released weights; LoRA on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model
from transformers import PretrainedConfig

from manifests.errors import SettingsError
from soundwave.model.pretrained import load_causal, load_tokenizer, need_embeddings
from soundwave.model.released.layout import is_released
from soundwave.model.released.load import released_llm
from soundwave.model.settings import ModelSettings


def load_llm(name: str, *, dtype: torch.dtype) -> tuple[Any, Any]:
    """The causal LLM `name` and its tokenizer, in evaluation mode, weights as `dtype`.

    Raises:
        MissingPackageError, MissingFileError, ManifestError, InputError: as `load_causal`.
    """
    tokenizer = load_tokenizer(name)
    # On a CPU the short rows of speech go through plain attention faster than through the fused kernel. transformers'
    # plain attention is no choice for float64: its softmax is float32, in which a masked float64 score is infinite.
    attention = "sdpa" if torch.cuda.is_available() or dtype == torch.float64 else "eager"
    if is_released(Path(name)):
        model = released_llm(Path(name), dtype=dtype, attention=attention)
        need_embeddings(name, len(model.get_input_embeddings().weight), tokenizer)
    else:
        model = load_causal(name, tokenizer, dtype=dtype, attn_implementation=attention)
    # `generate` predicts from a prompt's last place alone. That place is a slice of a tensor, and torch copies the
    # vocabulary's matrix once for every row of a slice.
    model.get_output_embeddings().register_forward_pre_hook(lambda _, inputs: (inputs[0].contiguous(),))
    return model.eval(), tokenizer


def pick_dtype(asked: torch.dtype | str | None, config: PretrainedConfig | None) -> torch.dtype:
    """What the frozen LLM is kept as: as asked, else as transformers' auto classes were asked, else float32."""
    found = asked if asked is not None else getattr(config, "dtype", None)
    if found is None or found == "auto":
        return torch.float32
    kind = getattr(torch, found, None) if isinstance(found, str) else found
    if not isinstance(kind, torch.dtype):
        raise SettingsError(f"dtype is {found!r}; expected float32, bfloat16 or float16")
    return kind


def with_lora(llm: Any, settings: ModelSettings) -> Any:
    """LoRA on the attention projections, in float32; the LLM keeps its class."""
    if settings.lora_rank == 0:
        return llm
    config = LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj"],
    )
    wrapped = inject_adapter_in_model(config, llm)
    for name, parameter in wrapped.named_parameters():
        if "lora_" in name:
            parameter.data = parameter.data.float()
    return wrapped
