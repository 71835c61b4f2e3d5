"""A folder of the released weights: which of its tensors is which of ours, and whether it is complete.

Such a folder holds config.json (type `Soundwave`: a Llama's fields and a few more), safetensors in one file or in
shards, and the tokenizer. It is read whole or not at all: a key too few, too many or of another shape is an error.
This file knows names and files, but no model: the shapes that it expects are handed to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from curation.pretrained.folder import json_object
from curation.pretrained.weights import read_weights, tensor_facts
from manifests.errors import InputError, ManifestError
from manifests.files import need_file

Shapes = Mapping[str, tuple[int, ...]]

MODEL_TYPE = "Soundwave"
CONFIG, SINGLE, SHARDS = "config.json", "model.safetensors", "model-*.safetensors"

TABLE: dict[str, tuple[str, ...]] = {
    "model.embed_tokens.": ("llm.model.embed_tokens.",),
    "model.layers.": ("llm.model.layers.",),
    "model.norm.": ("llm.model.norm.",),
    "lm_head.": ("llm.lm_head.",),
    "model.audio_tower.": ("audio_tower.",),
    "model.mm_projector1.": ("alignment.project.",),
    "model.asr_transformer_encoder.layers.0.self_attn.in_proj_weight": ("alignment.layer.query_key_value.weight",),
    "model.asr_transformer_encoder.layers.0.self_attn.in_proj_bias": ("alignment.layer.query_key_value.bias",),
    "model.asr_transformer_encoder.layers.0.self_attn.out_proj.": ("alignment.layer.out.",),
    "model.asr_transformer_encoder.layers.0.linear1.": ("alignment.layer.up.",),
    "model.asr_transformer_encoder.layers.0.linear2.": ("alignment.layer.down.",),
    "model.asr_transformer_encoder.layers.0.norm1.": ("alignment.layer.norm_attention.",),
    "model.asr_transformer_encoder.layers.0.norm2.": ("alignment.layer.norm_feed_forward.",),
    "model.out_norm.": ("alignment.norm.",),
    "model.audio_feature_head.": ("ctc_head.",),
    "model.lbm.encoder_attn.in_proj_weight": ("shrinking.query.weight", "shrinking.key_value.weight"),
    "model.lbm.encoder_attn.in_proj_bias": ("shrinking.query.bias", "shrinking.key_value.bias"),
    "model.lbm.encoder_attn.out_proj.": ("shrinking.out.",),
    "model.lbm.atten_layer_norm.": ("shrinking.norm.",),
}
"""Their name -> ours; a name that ends in a dot stands for all names that begin so. Where two names stand on the right,
the first has the first third of the tensor's rows (queries), the second has the rest (keys and values)."""


def is_released(path: Path) -> bool:
    """Whether a folder holds released weights (or others in their layout)."""
    config = path / CONFIG
    if not config.is_file():
        return False
    try:
        return json_object(config).get("model_type") == MODEL_TYPE
    except InputError:  # a damaged one is for those to judge who read it
        return False


def to_ours(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by our names, from tensors by theirs. Names outside TABLE are left out."""
    found: dict[str, Tensor] = {}
    for name, value in weights.items():
        mine = our_names(name)
        third = value.shape[0] // 3
        parts = [value[:third], value[third:]] if len(mine) == 2 else [value]
        found |= dict(zip(mine, parts, strict=True)) if mine else {}
    return found


def to_theirs(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The opposite of `to_ours`."""
    found: dict[str, Tensor] = {}
    for theirs, ours in TABLE.items():
        if not theirs.endswith("."):
            if all(name in weights for name in ours):
                found[theirs] = torch.cat([weights[name] for name in ours])
            continue
        names = [name for name in weights if name.startswith(ours[0])]
        found |= {theirs + name.removeprefix(ours[0]): weights[name] for name in names}
    return found


def our_names(theirs: str) -> tuple[str, ...]:
    """What one of their tensors is called here; () for a name that the released weights do not have."""
    if theirs in TABLE:
        return TABLE[theirs]
    for prefix, (ours, *_) in TABLE.items():
        if prefix.endswith(".") and theirs.startswith(prefix):
            return (ours + theirs.removeprefix(prefix),)
    return ()


@dataclass(frozen=True)
class ReleasedFolder:
    """A folder of released weights whose keys and shapes have been checked."""

    path: Path
    config: dict[str, Any]
    files: dict[str, Path]
    """Which file each key is in."""

    def tensors(self, *prefixes: str) -> dict[str, Tensor]:
        """Tensors by our names: those whose names begin so."""
        names = [name for name in self.files if any(mine.startswith(prefixes) for mine in our_names(name))]
        return {name: value for name, value in to_ours(dict(self._read(names))).items() if name.startswith(prefixes)}

    def _read(self, names: list[str]) -> Iterator[tuple[str, Tensor]]:
        for path in sorted({self.files[name] for name in names}):
            yield from read_weights(path, [name for name in names if self.files[name] == path]).items()


def check_folder(path: Path, config: dict[str, Any], expected: Shapes) -> ReleasedFolder:
    """The folder, if it holds what it should; tensors are read when asked for.

    Args:
        path: the folder.
        config: its config.json.
        expected: the shape of every tensor that a model with this config has, by their names.

    Raises:
        MissingFileError: no weights there.
        ManifestError: keys that are missing, unexpected or of a wrong shape; files cut short.
    """
    files, shapes = _keys(path)
    # A tied output matrix is the input matrix: a folder may hold it twice or once.
    optional = {"lm_head.weight"} if config.get("tie_word_embeddings") else set()
    both = sorted(set(expected) & set(shapes))
    problems = {
        "missing": sorted(set(expected) - set(shapes) - optional),
        "unexpected": sorted(set(shapes) - set(expected)),
        "wrong shape": [
            f"{name} {shapes[name]}, expected {expected[name]}" for name in both if shapes[name] != expected[name]
        ],
    }
    said = [f"{what}: {_some(names)}" for what, names in problems.items() if names]
    if said:
        raise ManifestError(
            f"{path} does not have the layout of the released weights. {'; '.join(said)}. "
            "docs/released-weights.md lists the keys."
        )
    return ReleasedFolder(path, config, files)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more


def _keys(folder: Path) -> tuple[dict[str, Path], dict[str, tuple[int, ...]]]:
    """File and shape of every tensor in a folder, by their names."""
    paths = [folder / SINGLE] if (folder / SINGLE).is_file() else sorted(folder.glob(SHARDS))
    if not paths:
        need_file(folder / SINGLE, what="weights", hint=f"Expected that file, or shards named {SHARDS}.")
    files: dict[str, Path] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for path in paths:
        facts = tensor_facts(path)
        files |= dict.fromkeys(facts, path)
        shapes |= {name: found.shape for name, found in facts.items()}
    return files, shapes
