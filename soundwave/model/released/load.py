"""Models out of a folder of released weights: the LLM, the Whisper encoder, the tensors of the adapters."""

from __future__ import annotations

import copy
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from curation.pretrained import ModelKind, library_errors, load_part
from curation.pretrained.folder import json_object
from curation.pretrained.quiet import quiet
from manifests.errors import InputError, ManifestError
from manifests.files import need_file
from soundwave.model.adapters import make_adapters
from soundwave.model.config import SpeechConfig
from soundwave.model.released.audio_tower import AudioTower
from soundwave.model.released.layout import CONFIG, ReleasedFolder, Shapes, check_folder, to_theirs
from soundwave.model.settings import Compat, ModelSettings

EXTRA = frozenset(["model_type", "architectures", "audio_tower", "adapter_size", "torch_dtype", "dtype", "auto_map"])
"""Fields of their config that the LLM does not have, or that the caller decides."""
STACK, FEED_FORWARD = 2, 2.0  # fixed in their code
OURS_ONLY = ("alignment.feature_",)  # the scale of the encoder's frames: 0 and 1, theirs has none
RELEASED = ModelKind("released model", "docs/released-weights.md says what such a folder holds.")
WHISPER = ModelKind("Whisper", "Put its config.json into the folder of that name beside the released config.json.")
NEEDED = ("vocab_size", "num_attention_heads", "adapter_size", "audio_tower")


@lru_cache(maxsize=2)
def open_released(folder: Path) -> ReleasedFolder:
    """A folder of released weights, checked; no tensor is read yet.

    Raises:
        MissingFileError: no config or no weights there.
        ManifestError: keys that are missing, unexpected or of a wrong shape; files cut short.
        InputError: the Whisper that the config names does not load.
    """
    config = json_object(need_file(folder / CONFIG, what="model"))
    if absent := [name for name in NEEDED if name not in config]:
        raise ManifestError(f"{folder / CONFIG} has no `{absent[0]}`. {RELEASED.expected}")
    with library_errors(str(folder), RELEASED):
        shapes = expected_shapes(folder, config)
    return check_folder(folder, config, shapes)


def expected_shapes(folder: Path, config: dict[str, Any]) -> Shapes:
    """The shape of every tensor that a folder with this config must hold, by their names."""
    speech = _speech_config(folder, config, "reference")
    with quiet(), torch.device("meta"):  # shapes without memory
        llm = LlamaForCausalLM(llm_config(config))
        adapters = make_adapters(
            ModelSettings(**speech.settings), llm, feature_dim=speech.feature_dim, token_ids=speech.token_ids
        )
        tower = WhisperEncoder(tower_config(folder, config))
    parts = {"llm": llm, "audio_tower": tower, **adapters._asdict()}
    ours = {f"{part}.{name}": value for part, module in parts.items() for name, value in module.state_dict().items()}
    theirs = to_theirs({name: value for name, value in ours.items() if not name.startswith(OURS_ONLY)})
    return {name: tuple(value.shape) for name, value in theirs.items()}


def released_config(folder: Path, compat: Compat | None = None) -> SpeechConfig:
    """The config of our model that has their weights; `compat` None: `reference`, as they were trained.

    Raises:
        MissingFileError, ManifestError, InputError: as `open_released`.
    """
    return _speech_config(folder, open_released(folder).config, compat or "reference")


def _speech_config(folder: Path, config: dict[str, Any], compat: Compat) -> SpeechConfig:
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
    # transformers renames fields in the dictionary that it is given.
    return LlamaConfig.from_dict({key: copy.deepcopy(value) for key, value in config.items() if key not in EXTRA})


def tower_config(folder: Path, config: dict[str, Any]) -> Any:
    """Config of the Whisper that `audio_tower` names: a hub name, or a folder (beside config.json, or anywhere).

    Raises:
        InputError: it does not load.
    """
    name = str(config["audio_tower"])
    source = folder / name if (folder / name / CONFIG).is_file() else name
    try:
        return load_part(WhisperConfig, name, WHISPER, files=str(source))
    except InputError as error:
        raise InputError(
            f"{folder / CONFIG} names the Whisper {name!r} as audio_tower, whose config.json does not load. Put it "
            f"into {folder / name}/. {error}"
        ) from error


def released_llm(folder: Path, *, dtype: torch.dtype, attention: str) -> Any:
    """The LLM inside released weights.

    Raises:
        MissingFileError, ManifestError, InputError: as `open_released`.
    """
    found = open_released(folder)
    weights = {name.removeprefix("llm."): value for name, value in found.tensors("llm.").items()}
    with library_errors(str(folder), RELEASED), quiet():
        return LlamaForCausalLM.from_pretrained(
            None,
            config=llm_config(found.config),
            state_dict=weights,
            dtype=dtype,
            attn_implementation=attention,
        )


def released_adapters(folder: Path) -> dict[str, Tensor]:
    """Adapters and CTC head inside released weights, by our names."""
    return open_released(folder).tensors("alignment.", "ctc_head.", "shrinking.")


@lru_cache(maxsize=2)
def released_tower(folder: Path, *, whole: bool) -> AudioTower:
    """The Whisper encoder inside released weights; `whole`: frames of padding too, as the released code has it."""
    found = open_released(folder)
    weights = {name.removeprefix("audio_tower."): value for name, value in found.tensors("audio_tower.").items()}
    return AudioTower(str(folder), tower_config(folder, found.config), weights, whole=whole)
