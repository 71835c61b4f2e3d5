"""Minetest's sounds: footsteps on all grounds, digging, doors, water, fire.

usr/share/games/minetest/games/minetest_game/mods/default/sounds/default_grass_footstep.1.ogg
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from manifests.rows import Reject
from recipes.common import Item, Recipe
from recipes.packages._named import LINKS, SPLITS, family, named_sounds

CORPUS = "minetest"
MODS = "usr/share/games/minetest/games/minetest_game/mods"
LICENSES = {"doors/*": "CC-BY-3.0"}


def items(source: Path) -> Iterator[Item | Reject]:
    """Every sound of the game's mods, named by mod and file."""
    yield from named_sounds(source, source / MODS, CORPUS, licenses=LICENSES)


RECIPE = Recipe(
    corpus=CORPUS,
    title="Minetest, named sounds",
    task="sound",
    license="CC-BY-SA-3.0",
    makers="celeron55 (Perttu Ahola) and the contributors of Minetest; CGEffex (doors)",
    items=items,
    channels="mix",
    parts=(MODS,),
    packages=("minetest-data",),
    splits=SPLITS,
    links=LINKS,
    family=family,
    optional=True,
)
