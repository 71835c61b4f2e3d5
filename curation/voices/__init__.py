"""Speaker encoders by name: a vector of a clip's voice; vectors of one voice lie close together.

A family of speaker encoders is a module of this package with a `VOICE`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from curation.pretrained.families import ModelFamilies, ModelFamily
from manifests.plugins import Plugins

RESEMBLYZER = "resemblyzer"


class VoiceEncoder(Protocol):
    """A pretrained speaker encoder. What it says of a clip does not depend on the clips beside it."""

    def embed(self, clips: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """A vector of length 1 of each clip (N,), 16 kHz mono: (clips, D). Of no voice at all: zeros."""


VOICES: ModelFamilies[VoiceEncoder] = ModelFamilies(
    Plugins("speaker encoder", "curation.voices", "VOICE", ModelFamily), others="huggingface"
)


@lru_cache(maxsize=2)
def load_voice_encoder(name: str) -> VoiceEncoder:
    """The speaker encoder `name`, loaded once per process: `resemblyzer`, a hub name, or a local folder.

    Raises:
        MissingPackageError: a package that it needs is not installed.
        InputError: not a speaker encoder that can be loaded.
    """
    return VOICES.of(name).load(name)


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors (..., D) at length 1; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: NDArray[np.float32] = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return scaled
