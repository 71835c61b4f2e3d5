"""SuperTux's sounds: jumps, coins, water, weather.

usr/share/games/supertux2/sounds/thunder.wav
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from manifests.rows import Reject
from recipes.common import Item, Recipe
from recipes.packages._named import LINKS, SPLITS, family, named_sounds

CORPUS = "supertux"
SOUNDS = "usr/share/games/supertux2/sounds"


def items(source: Path) -> Iterator[Item | Reject]:
    """Every sound; music has another folder."""
    yield from named_sounds(source, source / SOUNDS, CORPUS)


RECIPE = Recipe(
    corpus=CORPUS,
    title="SuperTux, named sounds",
    task="sound",
    license="GPL-3.0-or-later",
    makers="the SuperTux development team",
    items=items,
    channels="mix",
    parts=(SOUNDS,),
    packages=("supertux-data",),
    splits=SPLITS,
    links=LINKS,
    family=family,
    optional=True,
)
