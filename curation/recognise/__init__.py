"""Speech recognisers by name: what they hear in a clip, and how likely a given text is to them.

A family of recognisers is a module of this package with a `RECOGNISER`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from curation.encoders import MOONSHINE as MOONSHINE
from curation.pretrained.families import ModelFamilies, ModelFamily
from manifests.plugins import Plugins

__all__ = ["Heard", "Recogniser", "load_recogniser"]


@dataclass(frozen=True)
class Heard:
    """What a recogniser makes of one clip."""

    text: str
    score: float | None
    """Mean log-probability a token of the text that was asked for, its end included; None: it cannot spell it."""


class Recogniser(Protocol):
    """A pretrained speech recogniser. What it hears in a clip does not depend on the clips beside it."""

    def speaks(self, language: str) -> bool:
        """Whether it was trained on a language (a code of BCP 47)."""

    def hear(self, clips: Sequence[NDArray[np.float32]], texts: Sequence[str], language: str) -> list[Heard]:
        """What it hears in each clip (N,), 16 kHz mono, all of one language, and its score of the text beside it."""


RECOGNISERS: ModelFamilies[Recogniser] = ModelFamilies(
    Plugins("recogniser", "curation.recognise", "RECOGNISER", ModelFamily), others="huggingface"
)


@lru_cache(maxsize=2)
def load_recogniser(name: str) -> Recogniser:
    """The recogniser `name`, loaded once per process: `moonshine-tiny-en`, a hub name, or a local folder.

    Raises:
        MissingPackageError: a package that it needs is not installed.
        InputError: not a recogniser that can be loaded.
    """
    return RECOGNISERS.of(name).load(name)
