"""LMMS's samples: drums, instruments, loops, effects; single cycles of waves are left out.

usr/share/lmms/samples/drums/snare_acoustic01.ogg
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from manifests.rows import Reject
from recipes.common import Item, Recipe
from recipes.packages._named import LINKS, SPLITS, family, named_sounds

CORPUS = "lmms"
SAMPLES = "usr/share/lmms/samples"
CYCLES = ("shapes/", "waveforms/")


def items(source: Path) -> Iterator[Item | Reject]:
    """Every sample, named by folder and file."""
    yield from named_sounds(source, source / SAMPLES, CORPUS, left_out=lambda name: name.startswith(CYCLES))


RECIPE = Recipe(
    corpus=CORPUS,
    title="LMMS samples, named sounds",
    task="sound",
    license="GPL-2.0-or-later",
    makers="the LMMS developers and contributors",
    items=items,
    channels="mix",
    parts=(SAMPLES,),
    packages=("lmms-common",),
    splits=SPLITS,
    links=LINKS,
    family=family,
    optional=True,
)
