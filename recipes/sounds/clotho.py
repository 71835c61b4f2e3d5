"""Clotho 2.1: sounds of 15 to 30 seconds, each described by five people.

    clotho_captions_development.csv (validation, evaluation):   file_name,caption_1,caption_2,...,caption_5
    development/Distorted AM Radio noise.wav
    clotho_metadata_development.csv:                            file_name,keywords,...,license

The first caption is the answer; the others stand in `cut.custom` (`captions`). Captions are no labels: the rows have no
names of AudioSet's ontology, and the domain is `captions`. The folders may be called clotho_audio_development, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePath

from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe, collapse, slug
from recipes.speech.sources import SourceTree
from recipes.tables import Row, file_name, quoted

CORPUS = "clotho"
PARTS = ("development", "validation", "evaluation")
CAPTIONS = tuple(f"caption_{number}" for number in range(1, 6))
OBTAIN = (
    "Get it from https://zenodo.org/records/4783391 and name the folder that holds the tables and development/, ..."
)


def items(root: Path) -> Iterator[Item | Reject]:
    """Every sound of the parts that are there."""
    source = SourceTree(CORPUS, root)
    found = [part for part in PARTS if (root / f"clotho_captions_{part}.csv").is_file()]
    if not found:
        raise source.nothing("clotho_captions_development.csv", OBTAIN)
    for part in found:
        yield from _part(source, part)


def _part(source: SourceTree, part: str) -> Iterator[Item | Reject]:
    named = source.root / f"clotho_audio_{part}"
    folder = named if named.is_dir() else source.root / part

    def sound(place: str, row: Row) -> Item:
        name = file_name(row["file_name"])
        captions = [said for column in CAPTIONS if (said := collapse(row[column]))]
        if not captions:
            raise ValueError("no caption")
        key = f"{part}-{slug(PurePath(name).stem)}"
        return Item(
            key=key,
            place=place,
            recording=key,
            audio=source.audio(folder / name),
            split=part,
            domain="captions",
            target_text=captions[0],
            target_language="en",
            sound_original=name,
            extra={"captions": captions[1:]},
        )

    need = ("file_name", *CAPTIONS)
    yield from quoted(source, source.root / f"clotho_captions_{part}.csv", sound, need=need)
    yield from source.unnamed(folder, ".wav")


RECIPE = Recipe(
    corpus=CORPUS,
    title="Clotho, sounds described in sentences",
    task="sound",
    license="LicenseRef-Clotho-noncommercial",
    makers="contributors of freesound.org; Konstantinos Drossos, Samuel Lipping, Tuomas Virtanen (corpus)",
    items=items,
    obtain=OBTAIN,
    expected={"development": Expected(3_839), "validation": Expected(1_045), "evaluation": Expected(1_045)},
    splits={"development": "train", "validation": "dev", "evaluation": "test"},
    channels="mix",
)
