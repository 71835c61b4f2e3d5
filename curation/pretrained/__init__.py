"""Models of transformers by name: one door, so that nothing that a file can hold reaches a user as a traceback.

A name is a folder, or a name on the Hugging Face hub. Only safetensors are read, and code that comes with a model is
never run. A tensor that is missing is an error: transformers would fill it with random numbers and go on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from curation.pretrained.folder import CONFIG, check_parts, model_tensors
from curation.pretrained.hub import hub_or_cache
from curation.pretrained.quiet import quiet
from curation.pretrained.weights import TensorFacts
from manifests.errors import InputError, ManifestError, MissingFileError, MissingPackageError, SoundwaveError

NAMED = 3  # tensors that a message names
LENGTH = 300  # letters of a library's own message


@dataclass(frozen=True)
class ModelKind:
    """What is loaded, for messages, and what a model of this kind may lack."""

    noun: str
    """`causal LLM`."""
    expected: str
    """Which names there are: a sentence."""
    optional: re.Pattern[str] = re.compile(r"(?!)")
    """Tensors that may be missing: those that are not used."""


def load_part(loader: Any, name: str, kind: ModelKind, *, files: str | None = None, **options: Any) -> Any:
    """A config, tokenizer or feature extractor: what `loader.from_pretrained` gives for `name`.

    files: where they lie, if not where `name` says.

    Raises:
        MissingFileError: no such folder, or one that lacks a file.
        ManifestError: a damaged file.
        MissingPackageError: what a package is needed for that is not installed.
        InputError: what else keeps transformers from loading it.
    """
    source = str(files or name)
    if is_folder(source, kind):
        check_parts(Path(source), kind.noun, kind.expected)
    with library_errors(name, kind), quiet(), hub_or_cache(source, revision=options.get("revision"), sign=CONFIG):
        return loader.from_pretrained(source, **_safe(loader), **options)


def load_model(loader: Any, name: str, kind: ModelKind, *, files: str | None = None, **options: Any) -> Any:
    """A model with all its weights: what `loader.from_pretrained` gives for `name`.

    Raises:
        As `load_part`, and ManifestError for tensors that are missing, left over or of another shape.
    """
    source = str(files or name)
    held: dict[str, TensorFacts] = {}
    if is_folder(source, kind):
        check_parts(Path(source), kind.noun, kind.expected)
        held = model_tensors(Path(source))
    options |= {"use_safetensors": True, "output_loading_info": True, **_safe(loader)}
    try:
        with library_errors(name, kind), quiet(), hub_or_cache(source, revision=options.get("revision"), sign=CONFIG):
            model, found = loader.from_pretrained(source, **options)
    except InputError as error:
        if held and (odd := _odd_shapes(loader, source, kind, held)):
            raise ManifestError(_unfit(name, "of another shape than its config.json says", odd)) from error
        raise
    missing = [key for key in found["missing_keys"] if not kind.optional.search(key)]
    if missing:
        raise ManifestError(_unfit(name, f"missing for a {kind.noun}", missing))
    if left := _left_over(found["unexpected_keys"], model.state_dict()):
        raise ManifestError(_unfit(name, "more than its config.json has places for", left))
    for key, value in model.config.to_dict().items():
        if "drop" in key and isinstance(value, float) and not 0 <= value <= 1:  # false for NaN; seen only in use
            raise ManifestError(f"The config.json of {name!r} says {key}: {value}, expected a share from 0 to 1.")
    return model


def is_folder(name: str, kind: ModelKind) -> bool:
    """Whether a name is a folder; if not, it may be a name on the hub.

    Raises:
        MissingFileError: neither.
    """
    path = Path(name)
    if name and path.is_dir():
        return True
    if path.is_file():
        raise MissingFileError(f"{name} is a file, expected the folder of a {kind.noun}. {kind.expected}")
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise MissingFileError(f"No such folder: {name!r}. {kind.expected}") from error
    return False


@contextmanager
def library_errors(name: str, kind: ModelKind) -> Iterator[None]:
    """Say in a sentence what a library raises over the files of a model: every library raises what it likes.

    Raises:
        MissingPackageError, InputError: in place of it.
    """
    try:
        yield
    except (SoundwaveError, MemoryError):
        raise
    except ImportError as error:
        raise MissingPackageError(
            f"The {kind.noun} {name!r} needs a package that is not here: {_line(error)}"
        ) from error
    except Exception as error:
        raise InputError(_sentence(name, kind, error)) from error


def _sentence(name: str, kind: ModelKind, error: Exception) -> str:
    if "trust_remote_code" in str(error) or "custom code" in str(error):
        return (
            f"{name!r} brings code of its own (`auto_map` in its config.json), which is never run. Take a {kind.noun} "
            f"that transformers knows by itself. {kind.expected}"
        )
    if Path(name).is_dir() or not _of_the_hub(error):
        return f"No {kind.noun} loads from {name!r} ({_line(error)}). {kind.expected}"
    return (
        f"No {kind.noun} loads from {name!r}: there is no such folder here, and the Hugging Face hub does not give it "
        f"({_line(error)}). {kind.expected} Without a network, name a folder that holds the model, or fill the hub's "
        "cache where there is one; HF_HOME says where it is."
    )


def _of_the_hub(error: BaseException | None) -> bool:
    """Whether the network or the hub is to blame: transformers wraps what its client raised."""
    while error is not None:
        if isinstance(error, OSError) or type(error).__module__.startswith(("huggingface_hub", "httpx", "requests")):
            return True
        error = error.__cause__ or error.__context__
    return False


def _line(error: Exception) -> str:
    said = " ".join(str(error).split())
    if not said or isinstance(error, KeyError | AttributeError | ArithmeticError):
        said = f"{type(error).__name__}: {said}"
    return said if len(said) <= LENGTH else f"{said[:LENGTH]}..."


def _safe(loader: Any) -> dict[str, Any]:
    """Only the auto classes would run code of a model's folder, and ask the user for leave."""
    return {"trust_remote_code": False} if loader.__name__.startswith("Auto") else {}


def _unfit(name: str, how: str, keys: Iterable[str]) -> str:
    found = sorted(keys)
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return f"{name!r} has tensors that are {how}: {', '.join(found[:NAMED])}{more}. Fetch the whole model again."


def _left_over(unexpected: Iterable[str], places: Iterable[str]) -> list[str]:
    """Tensors for which a place is missing that other layers have. What a model has beside its LLM may stay unread."""
    numbers = re.compile(r"\.\d+(?=\.)")
    kinds = {numbers.sub(".#", place) for place in places}
    return [key for key in unexpected if numbers.search(key) and numbers.sub(".#", key) in kinds]


def _odd_shapes(loader: Any, source: str, kind: ModelKind, held: dict[str, TensorFacts]) -> list[str]:
    """Tensors whose shape in the files is not the config's, where both have the same name."""
    import torch
    from transformers import AutoConfig

    try:
        with library_errors(source, kind), quiet(), torch.device("meta"):
            config = AutoConfig.from_pretrained(source, trust_remote_code=False)
            empty = loader.from_config(config) if hasattr(loader, "from_config") else loader(config)
            shapes = {name: tuple(value.shape) for name, value in empty.state_dict().items()}
    except InputError:
        return []
    return [
        f"{name} {facts.shape}, expected {shapes[name]}"
        for name, facts in held.items()
        if shapes.get(name, facts.shape) != facts.shape
    ]
