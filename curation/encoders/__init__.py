"""Speech encoders by name: what turns 16 kHz samples into the frames that a run of training starts from.

A family of encoders is a module of this package with an `ENCODER`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from manifests.plugins import Plugins
from manifests.settings.makers import NOTHING, Needs

__all__ = ["Encoder", "load_encoder"]

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


@dataclass(frozen=True)
class EncoderFamily:
    """What a module of this package offers as `ENCODER`."""

    load: Callable[[str], Encoder]
    """The encoder of a name."""
    models: str
    """Which names it takes, for people."""
    needs: Needs = NOTHING
    check: Callable[[], object] = lambda: None
    """Raises an InputError when its weights are not here; loads nothing."""


ENCODERS = Plugins("encoder", "curation.encoders", "ENCODER", EncoderFamily)
OTHERS = "whisper"  # the family of names that no other family has


def encoder_family(name: str) -> EncoderFamily:
    """The family of the encoder `name`: the one whose name it begins with (`moonshine-tiny-en`), else Whisper."""
    family = name.partition("-")[0]
    return ENCODERS.find(family if family in ENCODERS.names() else OTHERS)


@lru_cache(maxsize=2)
def load_encoder(name: str) -> Encoder:
    """The encoder `name`, loaded once per process: `moonshine-tiny-en`, or a Whisper hub name or local folder.

    Raises:
        MissingPackageError: the wheel that carries Moonshine is not installed.
        InputError: not a model that can be loaded.
    """
    return encoder_family(name).load(name)


def describe_encoders() -> list[dict[str, Any]]:
    """One row a family: name, what it does, which models it takes, needed packages and those that are missing."""
    return [
        {"name": name, "does": ENCODERS.title(name), "models": family.models} | family.needs.described()
        for name, family in ENCODERS.all().items()
    ]
