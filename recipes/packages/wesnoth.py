"""Battle for Wesnoth's sounds: weapons, animals, ambiences; music is left out.

usr/share/games/wesnoth/1.16/data/core/sounds/wolf-growl-1.ogg
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from manifests.rows import Reject
from recipes.common import Item, Recipe
from recipes.packages._named import LINKS, SPLITS, family, named_sounds

CORPUS = "wesnoth"
GAME = "usr/share/games/wesnoth"  # a folder a version


def items(source: Path) -> Iterator[Item | Reject]:
    """Every sound of the game's core, of each version that is there."""
    for folder in sorted((source / GAME).glob("*/data/core/sounds")):
        yield from named_sounds(source, folder, CORPUS)


RECIPE = Recipe(
    corpus=CORPUS,
    title="Battle for Wesnoth, named sounds",
    task="sound",
    license="GPL-2.0-or-later",
    makers="David White and the contributors of Battle for Wesnoth",
    items=items,
    channels="mix",
    parts=(GAME,),
    packages=("wesnoth-1.16-data",),
    splits=SPLITS,
    links=LINKS,
    family=family,
    optional=True,
)
