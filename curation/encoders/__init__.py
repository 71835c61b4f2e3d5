"""Speech encoders by name: what turns 16 kHz samples into the frames that a run of training starts from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

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


@lru_cache(maxsize=2)
def load_encoder(name: str) -> Encoder:
    """The encoder `name`, loaded once per process: `moonshine-tiny-en`, or a Whisper hub name or local folder.

    Raises:
        MissingPackageError: the wheel that carries Moonshine is not installed.
        InputError: not a Whisper model that can be loaded.
    """
    if name == MOONSHINE:
        from curation.encoders.moonshine import shared_encoder

        return shared_encoder()
    from curation.encoders.whisper import WhisperEncoder

    return WhisperEncoder.load(name)
