"""The weights that the paper's authors released: which of their tensors is which of ours, and loading them.

A folder of theirs holds config.json (type `Soundwave`: a Llama's fields and a few more), safetensors in one file or in
shards, and the tokenizer. It is loaded whole or not at all: a key too few, too many or of another shape is an error.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manifests.errors import InputError, ManifestError
from manifests.files import need_file, read_json
from soundwave.model.settings import Compat, ModelSettings

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from soundwave.model.config import SpeechConfig
    from soundwave.model.released.audio_tower import AudioTower

MODEL_TYPE = "Soundwave"
CONFIG, SINGLE, SHARDS = "config.json", "model.safetensors", "model-*.safetensors"
EXTRA = frozenset(["model_type", "architectures", "audio_tower", "adapter_size", "torch_dtype", "dtype", "auto_map"])
"""Fields of their config that are none of the LLM's, or that the caller decides."""
STACK, FEED_FORWARD = 2, 2.0  # fixed in their code

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
"""Their name, or how it begins where it ends in a dot -> ours. Of two names on the right, the first has the first third
of the tensor's rows (queries), the second the rest (keys and values)."""
OURS_ONLY = ("alignment.feature_",)  # the scale of the encoder's frames: 0 and 1, theirs has none


def is_released(path: Path) -> bool:
    """Whether a folder holds released weights (or others in their layout)."""
    config = path / CONFIG
    if not config.is_file():
        return False
    found = read_json(config)
    return isinstance(found, dict) and found.get("model_type") == MODEL_TYPE


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
    import torch

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
    """What one of their tensors is called here; nothing for a tensor that they do not have."""
    if theirs in TABLE:
        return TABLE[theirs]
    for prefix, (ours, *_) in TABLE.items():
        if prefix.endswith(".") and theirs.startswith(prefix):
            return (ours + theirs.removeprefix(prefix),)
    return ()


@dataclass(frozen=True)
class Layout:
    """A folder of released weights whose keys and shapes have been checked."""

    folder: Path
    config: dict[str, Any]
    files: dict[str, Path]
    """Which file each key is in."""

    def tensors(self, *prefixes: str) -> dict[str, Tensor]:
        """Tensors by our names: those whose names begin so."""
        names = [name for name in self.files if any(mine.startswith(prefixes) for mine in our_names(name))]
        return {name: value for name, value in to_ours(dict(self._read(names))).items() if name.startswith(prefixes)}

    def _read(self, names: list[str]) -> Iterator[tuple[str, Tensor]]:
        from safetensors import safe_open

        for path in sorted({self.files[name] for name in names}):
            with safe_open(str(path), framework="pt") as file:
                yield from ((name, file.get_tensor(name)) for name in names if self.files[name] == path)


@lru_cache(maxsize=2)
def read_layout(folder: Path) -> Layout:
    """The checked layout of a folder; tensors are read when asked for.

    Raises:
        ManifestError: keys that are missing, unexpected or of a wrong shape; files cut short.
        InputError: the Whisper that the config names is not to be had.
    """
    config = read_json(need_file(folder / CONFIG, what="model"))
    files, shapes = _keys(folder)
    wanted = expected_shapes(folder, config)
    optional = {"lm_head.weight"} if config.get("tie_word_embeddings") else set()
    problems = {
        "missing": sorted(set(wanted) - set(shapes) - optional),
        "unexpected": sorted(set(shapes) - set(wanted)),
        "wrong shape": [
            f"{name} {shapes[name]}, expected {wanted[name]}"
            for name in sorted(set(wanted) & set(shapes))
            if shapes[name] != wanted[name]
        ],
    }
    said = [f"{what}: {_some(names)}" for what, names in problems.items() if names]
    if said:
        raise ManifestError(
            f"{folder} does not have the layout of the released weights. {'; '.join(said)}. "
            "docs/released-weights.md lists the keys."
        )
    return Layout(folder, config, files)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more


def _keys(folder: Path) -> tuple[dict[str, Path], dict[str, tuple[int, ...]]]:
    """File and shape of every tensor in a folder, by their names."""
    from safetensors import SafetensorError, safe_open

    paths = [folder / SINGLE] if (folder / SINGLE).is_file() else sorted(folder.glob(SHARDS))
    if not paths:
        need_file(folder / SINGLE, what="weights", hint=f"Expected that file, or shards named {SHARDS}.")
    files, shapes = {}, {}
    for path in paths:
        try:
            with safe_open(str(path), framework="pt") as file:
                for name in file.keys():  # noqa: SIM118 - the reader is no mapping
                    files[name] = path
                    shapes[name] = tuple(file.get_slice(name).get_shape())
        except SafetensorError as error:
            raise ManifestError(f"{path} is no whole safetensors file ({error}). Fetch it again.") from error
    return files, shapes


def expected_shapes(folder: Path, config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor that a folder with this config must hold, by their names."""
    import torch
    from transformers import LlamaForCausalLM
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    from soundwave.model.llm import quiet
    from soundwave.model.speech_llm import SpeechLLM

    with quiet(), torch.device("meta"):  # shapes without memory
        llm = LlamaForCausalLM(llm_config(config))
        ours: dict[str, Tensor] = SpeechLLM(_speech_config(folder, config, "reference"), llm=llm).state_dict()
        tower = WhisperEncoder(tower_config(folder, config)).state_dict()
    ours = {name: value for name, value in ours.items() if not name.startswith(OURS_ONLY)}
    return {
        name: tuple(value.shape)
        for name, value in to_theirs(ours | {f"audio_tower.{name}": value for name, value in tower.items()}).items()
    }


def config_of(folder: Path, compat: Compat | None = None) -> SpeechConfig:
    """What our model must be to be theirs; `compat` None: `reference`, which the weights were trained as.

    Raises:
        ManifestError, InputError: as `read_layout`.
    """
    return _speech_config(folder, read_layout(folder).config, compat or "reference")


def _speech_config(folder: Path, config: dict[str, Any], compat: Compat) -> SpeechConfig:
    from soundwave.model.config import SpeechConfig

    blank, size = config.get("audio_patch_token"), config["vocab_size"]
    if blank not in (None, size - 1):
        raise ManifestError(
            f"{folder / CONFIG}: audio_patch_token is {blank}; expected the vocabulary's last token, {size - 1}"
        )
    settings = ModelSettings(
        llm=str(folder),
        compat=compat,
        stack=STACK,
        heads=config["num_attention_heads"],
        feed_forward=FEED_FORWARD,
        activation="relu",
        ctc_blank="last",
        ctc_bias=False,
        lora_rank=0,
    )
    return SpeechConfig(settings.model_dump(), encoder=str(folder), feature_dim=config["adapter_size"])


def llm_config(config: dict[str, Any]) -> Any:
    """The LLM's own part of their config, as transformers has it."""
    from transformers import LlamaConfig

    # transformers renames fields in the dictionary that it is given.
    return LlamaConfig.from_dict({key: copy.deepcopy(value) for key, value in config.items() if key not in EXTRA})


def tower_config(folder: Path, config: dict[str, Any]) -> Any:
    """Config of the Whisper that `audio_tower` names: a hub name, or a folder (beside config.json, or anywhere).

    Raises:
        InputError: it does not load.
    """
    from transformers import WhisperConfig

    name = str(config["audio_tower"])
    source = folder / name if (folder / name / CONFIG).is_file() else name
    try:
        return WhisperConfig.from_pretrained(str(source))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder / CONFIG} names the Whisper {name!r} as audio_tower, whose config.json does not load "
            f"({str(error).splitlines()[0]}). Put it into {folder / name}/."
        ) from error


def load_llm(folder: Path, *, dtype: torch.dtype, attention: str) -> Any:
    """The LLM inside released weights.

    Raises:
        ManifestError, InputError: as `read_layout`.
    """
    from transformers import LlamaForCausalLM

    from soundwave.model.llm import quiet

    layout = read_layout(folder)
    weights = {name.removeprefix("llm."): value for name, value in layout.tensors("llm.").items()}
    with quiet():
        return LlamaForCausalLM.from_pretrained(
            None,
            config=llm_config(layout.config),
            state_dict=weights,
            dtype=dtype,
            attn_implementation=attention,
        )


def adapter_weights(folder: Path) -> dict[str, Tensor]:
    """Adapters and CTC head inside released weights, by our names."""
    return read_layout(folder).tensors("alignment.", "ctc_head.", "shrinking.")


@lru_cache(maxsize=2)
def load_tower(folder: Path, *, whole: bool) -> AudioTower:
    """The Whisper encoder inside released weights; `whole`: frames of padding too, as the released code has it."""
    from soundwave.model.released.audio_tower import AudioTower

    layout = read_layout(folder)
    weights = {name.removeprefix("audio_tower."): value for name, value in layout.tensors("audio_tower.").items()}
    return AudioTower(str(folder), tower_config(folder, layout.config), weights, whole=whole)
