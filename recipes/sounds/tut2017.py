"""TUT Acoustic Scenes 2017: ten seconds each of 15 kinds of places, recorded in Finland.

    TUT-acoustic-scenes-2017-development/meta.txt:   audio/b020_90_100.wav<tab>beach<tab>b020
    TUT-acoustic-scenes-2017-development/audio/b020_90_100.wav
    TUT-acoustic-scenes-2017-evaluation/meta.txt:    audio/1245.wav<tab>beach

The development set is for training, the evaluation set is test. Pieces of one recording (`b020`) share `place`.
`error.txt` names pieces in which phones disturb the recording; they are kept, and their errors stand in `cut.custom`.
The paper cuts the ten seconds into three and labels the pieces by hand; those labels were not published.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from manifests.lines import lines
from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe, need_inside
from recipes.sounds.labels import scene
from recipes.speech.sources import SourceTree
from recipes.tables import file_name, need_filled

CORPUS = "tut2017"
PREFIX = "TUT-acoustic-scenes-2017-"
PARTS = ("development", "evaluation")
COLUMNS = (2, 3)  # file, scene, and in the development set the recording
OBTAIN = (
    "Get the development set from https://zenodo.org/records/400515 and the evaluation set from "
    f"https://zenodo.org/records/1040168, and name the folder that holds {PREFIX}development/ and {PREFIX}evaluation/."
)


def items(root: Path) -> Iterator[Item | Reject]:
    """Every piece of the parts that are there."""
    source = SourceTree(CORPUS, root)
    found = [part for part in PARTS if (root / f"{PREFIX}{part}" / "meta.txt").is_file()]
    if not found:
        raise source.nothing(f"{PREFIX}development/meta.txt", OBTAIN)
    for part in found:
        yield from _part(source, root / f"{PREFIX}{part}", part)


def _part(source: SourceTree, folder: Path, part: str) -> Iterator[Item | Reject]:
    need_filled(folder / "meta.txt")
    errors = _errors(folder / "error.txt")

    def piece(place: str, text: str) -> Item:
        values = text.strip().split("\t")
        if len(values) not in COLUMNS:
            raise ValueError(f"{len(values)} values, expected audio/FILE, scene and recording")
        name = file_name(values[0].removeprefix("audio/"))
        stem = f"{part}-{PurePosixPath(name).stem}"
        return Item(
            key=stem,
            place=place,
            recording=stem,
            audio=source.audio(folder / "audio" / name),
            split=part,
            extra={"place": "".join(values[2:]) or None, "recording_error": errors.get(f"audio/{name}")},
            **scene(CORPUS, values[1]),
        )

    yield from source.each(folder / "meta.txt", piece)
    yield from source.unnamed(folder / "audio", ".wav")


def _errors(path: Path) -> dict[str, str]:
    """File -> what disturbs it."""
    if not path.is_file():
        return {}
    need_inside(path)
    rows = (line.text.strip().split("\t", 1) for line in lines(path))
    return {row[0]: row[1].replace("\t", " ") for row in rows if len(row) > 1}


RECIPE = Recipe(
    corpus=CORPUS,
    title="TUT Acoustic Scenes 2017, 15 kinds of places",
    task="sound",
    license="LicenseRef-TUT-noncommercial",
    makers="Eemi Fagerlund, Aku Hiltunen (recordings); Annamaria Mesaros, Toni Heittola, Tuomas Virtanen (corpus)",
    items=items,
    obtain=OBTAIN,
    expected={"development": Expected(4_680, 13.0), "evaluation": Expected(1_620, 4.5)},
    splits={"development": "train", "evaluation": "test"},
    channels="mix",
)
