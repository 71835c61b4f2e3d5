"""CochlScene: ten seconds each of 13 kinds of places, recorded by 831 people.

    CochlScene/Train/Bus/Bus_user0018_14992137_000.wav        (Val, Test)

The folder's name is the scene. The makers split by people: nobody is heard in two parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe
from recipes.sounds.labels import scene
from recipes.speech.sources import SourceTree, files

CORPUS = "cochlscene"
PARTS = ("Train", "Val", "Test")
OBTAIN = "Get it from https://zenodo.org/records/7080122 and name the folder that holds Train/, Val/ and Test/."
_USER = re.compile(r"_(user\d+)_")


def items(root: Path) -> Iterator[Item | Reject]:
    """Every clip of the parts that are there, by scene."""
    source = SourceTree(CORPUS, root)
    found = [part for part in PARTS if (root / part).is_dir()]
    if not found:
        raise source.nothing("Train/, Val/ or Test/", OBTAIN)
    for part in found:
        for path in files(root / part, ".wav"):
            user = _USER.search(path.stem)
            yield Item(
                key=path.stem,
                place=path.relative_to(root).as_posix(),
                recording=path.stem,
                audio=path,
                split=part,
                extra={"recorded_by": user[1] if user else None},
                **scene(CORPUS, path.parent.name),
            )


RECIPE = Recipe(
    corpus=CORPUS,
    title="CochlScene, 13 kinds of places",
    task="sound",
    license="CC-BY-SA-4.0",
    makers="831 volunteers; Il-Young Jeong, Jeongsoo Park, Cochl (corpus)",
    items=items,
    obtain=OBTAIN,
    expected={"Train": Expected(60_855), "Val": Expected(7_573), "Test": Expected(7_687)},
    channels="mix",
)
