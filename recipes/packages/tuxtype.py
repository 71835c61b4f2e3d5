"""Tux Typing's sounds.

usr/share/tuxtype/sounds/splat.wav
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from manifests.rows import Reject
from recipes.common import Item, Recipe
from recipes.packages._named import LINKS, SPLITS, family, named_sounds

CORPUS = "tuxtype"
SOUNDS = "usr/share/tuxtype/sounds"
VOICES_AND_MUSIC = {"amidst_the_raindrops", "chiptune2", "excuseme", "tuxi"}


def items(source: Path) -> Iterator[Item | Reject]:
    """Every sound; spoken ones and music are left out."""
    yield from named_sounds(source, source / SOUNDS, CORPUS, left_out=VOICES_AND_MUSIC.__contains__)


RECIPE = Recipe(
    corpus=CORPUS,
    title="Tux Typing, named sounds",
    task="sound",
    license="GPL-2.0-only",
    makers="Sam Hart and the Tux4Kids contributors",
    items=items,
    channels="mix",
    parts=(SOUNDS,),
    packages=("tuxtype-data",),
    splits=SPLITS,
    links=LINKS,
    family=family,
    optional=True,
)
