"""UrbanSound8K: 8,732 excerpts of at most four seconds of ten sounds of cities.

    UrbanSound8K/metadata/UrbanSound8K.csv:   slice_file_name,fsID,start,end,salience,fold,classID,class
    UrbanSound8K/audio/fold5/100032-3-0-0.wav

The corpus has ten folds for cross-validation, and excerpts of one recording are in one fold. Folds 1 to 8 are for
training here, 9 is dev and 10 is test. `start` and `end` are times in the recording that the file was cut from.
The licence is that of the README in the corpus; its page at Zenodo says version 4.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe
from recipes.sounds.labels import labelled
from recipes.speech.sources import SourceTree, span
from recipes.tables import Row, file_name, quoted

CORPUS = "urbansound8k"
TABLE = "metadata/UrbanSound8K.csv"
OBTAIN = (
    "Ask for it at https://urbansounddataset.weebly.com/urbansound8k.html and name the folder that holds metadata/ "
    "and audio/."
)
SIZES = (873, 888, 925, 990, 936, 823, 838, 806, 816, 837)  # clips of each fold
FOLDS = {f"fold-{number}": "train" for number in range(1, 9)} | {"fold-9": "dev", "fold-10": "test"}


def items(root: Path) -> Iterator[Item | Reject]:
    """Every clip that the table names."""
    source = SourceTree(CORPUS, root)

    def clip(place: str, row: Row) -> Item:
        name = Path(file_name(row["slice_file_name"]))
        if f"fold-{row['fold']}" not in FOLDS:
            raise ValueError(f"fold is {row['fold']!r}, expected 1 to 10")
        return Item(
            key=name.stem,
            place=place,
            recording=name.stem,
            audio=source.audio(root / "audio" / f"fold{row['fold']}" / name),
            claimed=span(row["start"], row["end"])[1],
            split=f"fold-{row['fold']}",
            extra={"source_recording": row["fsID"], "foreground": row["salience"] == "1"},
            **labelled(CORPUS, row["class"]),
        )

    need = ("slice_file_name", "fsID", "start", "end", "salience", "fold", "class")
    yield from quoted(source, root / TABLE, clip, need=need)
    yield from source.unnamed(root / "audio", ".wav")


RECIPE = Recipe(
    corpus=CORPUS,
    title="UrbanSound8K, ten sounds of cities",
    task="sound",
    license="CC-BY-NC-3.0",
    makers="contributors of freesound.org; Justin Salamon, Christopher Jacoby, Juan Pablo Bello (corpus)",
    items=items,
    parts=(TABLE, "audio"),
    obtain=OBTAIN,
    access="form",
    expected={f"fold-{number}": Expected(clips) for number, clips in enumerate(SIZES, start=1)},
    splits=FOLDS,
    channels="mix",
)
