"""VoxPopuli: transcribed speeches in the European Parliament, from the folder that holds `transcribed_data/`.

    transcribed_data/en/asr_train.tsv:   id<tab>raw_text<tab>normalized_text<tab>speaker_id<tab>split<tab>gender<tab>...
    transcribed_data/en/2009/20090112-0900-PLENARY-3-en_20090112-17:12:31_1.ogg

So its makers' `get_asr_data` leaves it. The text is the normalised one (small letters, numbers written out), as in
Lhotse's recipe; the raw one, which not every row has, stands in `cut.custom.original_text`. Segments of English are
those of the published dataset card. The corpus has 1,800 transcribed hours in 16 languages, not counted by part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe, collapse
from recipes.speech.sources import SourceTree, gender_of

CORPUS = "voxpopuli"
OBTAIN = (
    "Get it with https://github.com/facebookresearch/voxpopuli (download_audios, then get_asr_data) and name the "
    "folder that holds transcribed_data."
)
LANGUAGES = ("en", "de", "fr", "es", "pl", "it", "ro", "hu", "cs", "nl", "fi", "hr", "sk", "sl", "et", "lt")
PARTS = ("train", "dev", "test")
_UNKNOWN = ("", "none", "unknown")


def items(root: Path) -> Iterator[Item | Reject]:
    """Every segment of the languages that are there."""
    source = SourceTree(CORPUS, root)
    folders = [folder for name in LANGUAGES if (folder := root / "transcribed_data" / name).is_dir()]
    if not any((folder / f"asr_{part}.tsv").is_file() for folder in folders for part in PARTS):
        raise source.nothing("transcribed_data/en/asr_train.tsv or another language", OBTAIN)
    for folder in folders:
        for part in PARTS:
            if (table := folder / f"asr_{part}.tsv").is_file():
                yield from _part(source, table, part)
        yield from source.unnamed(folder, ".ogg")


def _part(source: SourceTree, table: Path, part: str) -> Iterator[Item | Reject]:
    language = table.parent.name

    def segment(place: str, row: Mapping[str, str]) -> Item:
        key = row["id"]
        if len(key) < 4 or not key[:4].isdigit() or "/" in key:
            raise ValueError(f"id is {key[:80]!r}, expected one that begins with a year")
        return Item(
            key=key,
            place=place,
            recording=key,
            audio=source.audio(table.parent / key[:4] / f"{key}.ogg"),
            text=collapse(row["normalized_text"]),
            language=language,
            speaker=None if row["speaker_id"].casefold() in _UNKNOWN else row["speaker_id"],
            split=f"{language}-{part}",
            extra={"gender": gender_of(row.get("gender", "")), "original_text": row.get("raw_text") or None},
        )

    yield from source.table(table, segment, need=("id", "normalized_text", "speaker_id"))


RECIPE = Recipe(
    corpus=CORPUS,
    title="VoxPopuli, transcribed speeches in the European Parliament",
    task="asr",
    license="CC0-1.0",
    makers="European Parliament (speeches); Changhan Wang and others (corpus)",
    items=items,
    obtain=OBTAIN,
    languages=LANGUAGES,
    expected={"en-train": Expected(182_482), "en-dev": Expected(1_753), "en-test": Expected(1_842)},
)
