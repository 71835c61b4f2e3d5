"""Common Voice: sentences read by volunteers, from the folder of a release, which holds one folder a language.

    cv-corpus-13.0-2023-03-09/en/train.tsv (dev.tsv, test.tsv):   client_id<tab>path<tab>sentence<tab>...<tab>age...
    cv-corpus-13.0-2023-03-09/en/clips/common_voice_en_18540003.mp3

Age ("twenties"), gender and accent stand in `cut.custom` where the speaker gave them: what questions about age and
language are made of. The other tables (validated, other, invalidated) hold the same clips again, or clips that nobody
approved, and are not read. How many clips there are depends on the release, so nothing is expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath

from manifests.rows import Reject
from recipes.common import Item, Recipe, collapse
from recipes.speech.sources import SourceTree, gender_of

CORPUS = "common_voice"
OBTAIN = "Get a release from https://commonvoice.mozilla.org/datasets and name the folder that holds en, de, ..."
PARTS = ("train", "dev", "test")


def items(root: Path) -> Iterator[Item | Reject]:
    """Every clip of the parts of the languages that are there."""
    source = SourceTree(CORPUS, root)
    folders = [root, *sorted(path for path in root.iterdir() if path.is_dir())]
    found = [(folder, part) for folder in folders for part in PARTS if (folder / f"{part}.tsv").is_file()]
    if not found:
        raise source.nothing("en/train.tsv, en/dev.tsv, en/test.tsv or another language", OBTAIN)
    for folder, part in found:
        yield from _part(source, folder, part)


def _part(source: SourceTree, folder: Path, part: str) -> Iterator[Item | Reject]:
    def clip(place: str, row: Mapping[str, str]) -> Item:
        name = row["path"]
        if not name or "/" in name:
            raise ValueError(f"path is {name[:80]!r}, expected a file in clips")
        stem = PurePath(name).stem
        return Item(
            key=stem,
            place=place,
            recording=stem,
            audio=source.audio(folder / "clips" / (name if PurePath(name).suffix else f"{name}.mp3")),
            text=collapse(row["sentence"]),
            language=row.get("locale") or folder.name,
            speaker=row["client_id"] or None,
            split=part,
            extra={
                "age": row.get("age") or None,
                "gender": gender_of(row.get("gender", "")),
                "accent": row.get("accents") or row.get("accent") or None,
            },
        )

    yield from source.table(folder / f"{part}.tsv", clip, need=("client_id", "path", "sentence"))


RECIPE = Recipe(
    corpus=CORPUS,
    title="Common Voice, sentences read by volunteers",
    task="asr",
    license="CC0-1.0",
    makers="Common Voice's speakers; Rosana Ardila and others, Mozilla (corpus)",
    items=items,
    obtain=OBTAIN,
    access="form",
)
