"""Speech recognisers by name: what they hear in a clip, and how likely a given text is to them.

A family of recognisers is a module of this package with a `RECOGNISER`.
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

__all__ = ["Heard", "Recogniser", "load_recogniser"]

MOONSHINE = "moonshine-tiny-en"


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


@dataclass(frozen=True)
class RecogniserFamily:
    """What a module of this package offers as `RECOGNISER`."""

    load: Callable[[str], Recogniser]
    """The recogniser of a name."""
    models: str
    """Which names it takes, for people."""
    needs: Needs = NOTHING
    check: Callable[[], object] = lambda: None
    """Raises an InputError when its weights are not here; loads nothing."""


RECOGNISERS = Plugins("recogniser", "curation.recognise", "RECOGNISER", RecogniserFamily)
OTHERS = "huggingface"  # the family of names that no other family has


def recogniser_family(name: str) -> RecogniserFamily:
    """The family of the recogniser `name`: the one whose name it begins with, else Hugging Face's."""
    family = name.partition("-")[0]
    return RECOGNISERS.find(family if family in RECOGNISERS.names() else OTHERS)


@lru_cache(maxsize=2)
def load_recogniser(name: str) -> Recogniser:
    """The recogniser `name`, loaded once per process: `moonshine-tiny-en`, a hub name, or a local folder.

    Raises:
        MissingPackageError: a package that it needs is not installed.
        InputError: not a recogniser that can be loaded.
    """
    return recogniser_family(name).load(name)


def describe_recognisers() -> list[dict[str, Any]]:
    """One row a family: name, what it does, which models it takes, needed packages and those that are missing."""
    return [
        {"name": name, "does": RECOGNISERS.title(name), "models": family.models} | family.needs.described()
        for name, family in RECOGNISERS.all().items()
    ]
