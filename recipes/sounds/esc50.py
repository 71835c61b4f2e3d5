"""ESC-50: 2,000 sounds of five seconds in 50 classes.

    ESC-50-master/meta/esc50.csv:   filename,fold,target,category,esc10,src_file,take
    ESC-50-master/audio/1-100032-A-0.wav

The corpus has five folds for cross-validation, and pieces of one recording are in one fold. Folds 1 to 3 are for
training here, 4 is dev and 5 is test. The clips of ESC-10 are CC-BY, all others CC-BY-NC; each row says which.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe
from recipes.sounds.labels import labelled
from recipes.speech.sources import SourceTree
from recipes.tables import Row, file_name, quoted

CORPUS = "esc50"
TABLE = "meta/esc50.csv"
OBTAIN = "Get it from https://github.com/karolpiczak/ESC-50 and name the folder that holds meta/ and audio/."
FOLDS = {"fold-1": "train", "fold-2": "train", "fold-3": "train", "fold-4": "dev", "fold-5": "test"}


def items(root: Path) -> Iterator[Item | Reject]:
    """Every clip that the table names."""
    source = SourceTree(CORPUS, root)

    def clip(place: str, row: Row) -> Item:
        name = Path(file_name(row["filename"]))
        if f"fold-{row['fold']}" not in FOLDS:
            raise ValueError(f"fold is {row['fold']!r}, expected 1 to 5")
        return Item(
            key=name.stem,
            place=place,
            recording=name.stem,
            audio=source.audio(root / "audio" / name),
            split=f"fold-{row['fold']}",
            license="CC-BY-3.0" if row["esc10"] == "True" else None,
            extra={"source_recording": row["src_file"]},
            **labelled(CORPUS, row["category"]),
        )

    need = ("filename", "fold", "category", "esc10", "src_file")
    yield from quoted(source, root / TABLE, clip, need=need)
    yield from source.unnamed(root / "audio", ".wav")


RECIPE = Recipe(
    corpus=CORPUS,
    title="ESC-50, environmental sounds in 50 classes",
    task="sound",
    license="CC-BY-NC-3.0",
    makers="contributors of freesound.org; Karol J. Piczak (corpus)",
    items=items,
    parts=(TABLE, "audio"),
    obtain=OBTAIN,
    expected=dict.fromkeys(FOLDS, Expected(400, 400 * 5 / 3600)),
    splits=FOLDS,
    channels="mix",
)
