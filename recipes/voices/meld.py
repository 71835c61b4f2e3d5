"""MELD: utterances of the series Friends with their emotions.

    train/train_sent_emo.csv (or beside train/; dev_sent_emo.csv, test_sent_emo.csv):
        Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime
    train/train_splits/dia0_utt0.mp4        (dev/dev_splits_complete, test/output_repeated_splits_test; .wav, too)

Speakers are names of characters, so the splits share them. A few clips of the release are damaged or far too long.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe, collapse
from recipes.speech.sources import SourceTree
from recipes.tables import Row, quoted
from recipes.voices.feelings import feeling

CORPUS = "meld"
FOLDERS = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
ENDS = (".wav", ".flac", ".mp4")
OBTAIN = "Get MELD.Raw.tar.gz from https://affective-meld.github.io, unpack it and what is in it, and name its folder."


def items(root: Path) -> Iterator[Item | Reject]:
    """Every utterance of the parts that are there."""
    source = SourceTree(CORPUS, root)
    found = [(part, table) for part in FOLDERS for table in _tables(root, part) if table.is_file()]
    if not found:
        raise source.nothing("train_sent_emo.csv, dev_sent_emo.csv or test_sent_emo.csv", OBTAIN)
    need = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")
    for part, table in found:
        folder = next(
            (path for path in (root / part / FOLDERS[part], root / FOLDERS[part]) if path.is_dir()), root / part
        )
        yield from quoted(source, table, partial(_utterance, source, part, folder), need=need)
        yield from source.unnamed(folder, *ENDS)


def _tables(root: Path, part: str) -> tuple[Path, ...]:
    beside = root / f"{part}_sent_emo.csv"
    return (beside,) if beside.is_file() else (root / part / beside.name,)


def _utterance(source: SourceTree, part: str, folder: Path, place: str, row: Row) -> Item:
    name = f"dia{int(row['Dialogue_ID'])}_utt{int(row['Utterance_ID'])}"
    audio = next((path for end in ENDS if (path := folder / f"{name}{end}").exists()), folder / f"{name}.mp4")
    source.audio(audio)
    return Item(
        key=f"{part}-{name}",
        place=place,
        recording=f"{part}-{name}",
        audio=audio,
        text=collapse(row["Utterance"]),
        speaker=row["Speaker"] or None,
        split=part,
        target_text=feeling(row["Emotion"]),
        target_language="en",
        extra={"emotion": row["Emotion"], "sentiment": row.get("Sentiment")},
    )


RECIPE = Recipe(
    corpus=CORPUS,
    title="MELD, emotions in the series Friends",
    task="emotion",
    license="GPL-3.0-only",
    makers="Warner Bros. (the series); Soujanya Poria and others (corpus)",
    items=items,
    obtain=OBTAIN,
    languages=("en",),
    expected={"train": Expected(9_989), "dev": Expected(1_109), "test": Expected(2_610)},
    channels="mix",
)
