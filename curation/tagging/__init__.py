"""Audio classifiers by name: which sounds a clip has.

A family of taggers is a module of this package with a `TAGGER`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from curation.pretrained.families import ModelFamilies, ModelFamily
from manifests.plugins import Plugins

YAMNET = "yamnet"


class Tagger(Protocol):
    """A pretrained classifier. What it says of a clip does not depend on the clips beside it."""

    @property
    def labels(self) -> Sequence[str]:
        """Its own names of what it knows."""

    def tag(self, clips: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """How sure it is of each label in each clip (N,), 16 kHz mono: (clips, labels) from 0 to 1."""


TAGGERS: ModelFamilies[Tagger] = ModelFamilies(
    Plugins("tagger", "curation.tagging", "TAGGER", ModelFamily), others="huggingface"
)


@lru_cache(maxsize=2)
def load_tagger(name: str) -> Tagger:
    """The tagger `name`, loaded once per process: `yamnet`, a hub name, or a local folder.

    Raises:
        MissingPackageError: a package that it needs is not installed.
        InputError: not a classifier that can be loaded.
    """
    return TAGGERS.of(name).load(name)
