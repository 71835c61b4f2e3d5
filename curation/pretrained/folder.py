"""A folder with a pretrained model: is all of it there, and is each file what its name says?

Checked before transformers reads it, since that takes a missing tensor for a random one and its errors name no file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from curation.pretrained.weights import FLOATS, TensorFacts, disguise, tensor_facts
from manifests.errors import ManifestError, MissingFileError
from manifests.files import listed, need_file

CONFIG, SINGLE, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
ADAPTER = "adapter_config.json"
JSON_FILES = (
    "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "preprocessor_config.json", "processor_config.json",
)  # fmt: skip
OTHER_WEIGHTS = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.gguf", "*.onnx")
SAFE = "Only safetensors are read, since other files of weights can run code; take them from where the model is from."


def check_parts(folder: Path, noun: str, expected: str) -> None:
    """Check the JSON files that describe a model, its tokenizer and its features, as far as they are there.

    noun, expected: what should be there, for messages (see `ModelKind`).

    Raises:
        MissingFileError: no config.json.
        ManifestError: a file that is no JSON object.
    """
    if (folder / ADAPTER).is_file():
        raise ManifestError(
            f"{folder} holds a PEFT adapter ({ADAPTER}), which is a part of a model. Merge it into its base model "
            "(merge_and_unload) and save that."
        )
    need_file(folder / CONFIG, what=noun, hint=expected)
    for name in (CONFIG, *JSON_FILES):
        if (folder / name).exists():
            json_object(folder / name)


def json_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a model's folder.

    Raises:
        MissingFileError: a file of 0 bytes.
        ManifestError: something else.
    """
    need_file(path, hint="Fetch it again.")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        what = disguise(path)
        said = f"is {what}" if what not in (None, "JSON") else f"is no valid JSON ({error})"
        raise ManifestError(f"{path} {said}. Expected a JSON object. Fetch it again.") from error
    if not isinstance(value, dict):
        raise ManifestError(f"{path} holds {type(value).__name__}, expected a JSON object. Fetch it again.")
    return value


def model_tensors(folder: Path) -> dict[str, TensorFacts]:
    """What the heads of a folder's safetensors say, by tensor.

    Raises:
        MissingFileError: no weights, or a shard that is not there.
        ManifestError: weights in other formats only; a damaged file; whole numbers for weights.
    """
    found: dict[str, TensorFacts] = {}
    for path in weight_files(folder):
        found |= tensor_facts(path)
    # A model that says how it is quantised keeps whole numbers on purpose.
    if "quantization_config" not in json_object(folder / CONFIG):
        odd = [name for name, facts in found.items() if name.endswith("weight") and facts.kind not in FLOATS]
        if odd:
            raise ManifestError(
                f"{folder}: the tensor {odd[0]} is of type {found[odd[0]].kind}, expected floating point, and "
                f"{CONFIG} names no quantisation. Take the model's weights in bfloat16, float16 or float32."
            )
    return found


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model: the one, or the shards that the index names.

    Raises:
        MissingFileError: no weights, or a shard that is not there.
        ManifestError: weights in other formats only; an index that names no shards of this folder.
    """
    if (folder / SINGLE).exists():
        return [folder / SINGLE]
    if (folder / INDEX).exists():
        return _shards(folder)
    others = sorted(path for pattern in OTHER_WEIGHTS for path in folder.glob(pattern))
    if others:
        raise ManifestError(f"{folder} holds weights as {listed(others)} and no {SINGLE}. {SAFE}")
    raise MissingFileError(f"No weights in {folder}: expected {SINGLE}, or shards and {INDEX}.")


def _shards(folder: Path) -> list[Path]:
    places = json_object(folder / INDEX).get("weight_map")
    names = set(places.values()) if isinstance(places, dict) and all(map(_is_name, places.values())) else set()
    if not names:
        raise ManifestError(f"{folder / INDEX}: `weight_map` names no files of its folder. Fetch it again.")
    absent = [folder / name for name in sorted(names) if not (folder / name).is_file()]
    if absent:
        raise MissingFileError(
            f"{folder / INDEX} names {len(names)} files of weights, and {len(absent)} of them are not there: "
            f"{listed(absent)}. Fetch them."
        )
    return [folder / name for name in sorted(names)]


def _is_name(value: Any) -> bool:
    """Whether it names a file of the folder itself."""
    return isinstance(value, str) and value == Path(value).name and value.endswith(".safetensors")
