"""FoR (Fake-or-Real): speech of people and of synthesisers, from the folder of one of its four versions.

    for-norm/training/real/file1.wav        (fake/; validation/, testing/)

The versions hold the same speech: as found (for-original), at one loudness and rate (for-norm), cut to two seconds
(for-2sec) and played through a loudspeaker (for-rerec). What is expected is for-norm. Names of files say nothing of
speakers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe, slug
from recipes.speech.sources import SourceTree, files

CORPUS = "fake_or_real"
PARTS = ("training", "validation", "testing")
ANSWERS = {"fake": "synthetic", "real": "real"}
OBTAIN = "Get it from https://bil.eecs.yorku.ca/datasets and name the folder of one version, such as for-norm."


def items(root: Path) -> Iterator[Item | Reject]:
    """Every file of the parts that are there."""
    source = SourceTree(CORPUS, root)
    found = [(part, kind) for part in PARTS for kind in ANSWERS if (root / part / kind).is_dir()]
    if not found:
        raise source.nothing("training/real and training/fake", OBTAIN)
    for part, kind in found:
        for path in files(root / part / kind, ".wav", ".mp3"):
            key = f"{part}-{kind}-{slug(path.stem)}"
            yield Item(
                key=key,
                place=path.relative_to(root).as_posix(),
                recording=key,
                audio=path,
                split=part,
                target_text=ANSWERS[kind],
                target_language="en",
            )


RECIPE = Recipe(
    corpus=CORPUS,
    title="FoR, genuine and synthetic speech",
    task="synthetic",
    license="LicenseRef-FoR",
    makers="speakers of open corpora, and synthesisers; Ricardo Reimao, Vassilios Tzerpos (corpus)",
    items=items,
    obtain=OBTAIN,
    languages=("en",),
    expected={"training": Expected(53_868), "validation": Expected(10_798), "testing": Expected(4_634)},
    channels="mix",
)
