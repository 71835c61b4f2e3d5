"""CoVoST 2: translations of Common Voice 4, from a folder that holds one folder a spoken language.

    en/covost_v2.en_de.tsv:   path<tab>translation<tab>split   (of each pair of languages that is wanted)
    en/validated.tsv          Common Voice's own table, and its clips beside it
    en/clips/common_voice_en_18540003.mp3

Pairs are named as in the files, `en_de`. Its split `train_covost` (clips that Common Voice puts in no part) is train,
as in its makers' code. A translation whose clip Common Voice's table lacks is a reject: another release, most likely.
Hours of English are those of the corpus's paper (arXiv 2007.10310), clips those of the tables; they are the same for
each of the 15 languages. One pair's translations are in memory at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath

from manifests.reasons import Reason
from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe, collapse
from recipes.speech.sources import SourceTree

CORPUS = "covost2"
OBTAIN = (
    "Get the tables from https://github.com/facebookresearch/covost and Common Voice 4 from "
    "https://commonvoice.mozilla.org/datasets, and name the folder that holds en, with validated.tsv, clips and "
    "covost_v2.en_de.tsv in it."
)
FROM_ENGLISH = ("ar", "ca", "cy", "de", "et", "fa", "id", "ja", "lv", "mn", "sl", "sv-SE", "ta", "tr", "zh-CN")
TABLE = "covost_v2."


def items(root: Path) -> Iterator[Item | Reject]:
    """Every translated clip of the pairs that are there, in the order of Common Voice's table."""
    source = SourceTree(CORPUS, root)
    found = sorted(path for path in root.glob(f"*/{TABLE}*.tsv") if path.stem.count("_") == 2)
    if not found:
        raise source.nothing(f"en/{TABLE}en_de.tsv or another pair", OBTAIN)
    refused: set[str] = set()  # Common Voice's table is read for each pair: its bad lines are rejects once
    for path in found:
        for item in _pair(source, path, path.stem.removeprefix(TABLE)):
            if isinstance(item, Item):
                yield item
            elif item.cut_id not in refused:
                refused.add(item.cut_id)
                yield item


def _pair(source: SourceTree, path: Path, pair: str) -> Iterator[Item | Reject]:
    spoken, _, written = pair.partition("_")
    waiting: dict[str, tuple[str, str]] = {}  # clip -> translation, split

    def translated(place: str, row: Mapping[str, str]) -> None:
        if row["path"] in waiting:
            raise ValueError(f"{row['path'][:80]} has another line before")
        waiting[row["path"]] = (row["translation"], row["split"].removesuffix("_covost"))

    def clip(place: str, row: Mapping[str, str]) -> Item | None:
        found = waiting.pop(row["path"], None)
        if found is None:
            return None
        stem = PurePath(row["path"]).stem
        return Item(
            key=f"{pair}-{stem}",
            place=place,
            recording=stem,
            audio=source.audio(path.parent / "clips" / row["path"]),
            text=collapse(row["sentence"]),
            language=spoken,
            speaker=row["client_id"] or None,
            target_text=collapse(found[0]),
            target_language=written,
            split=f"{pair}-{found[1]}",
        )

    yield from source.table(path, translated, need=("path", "translation", "split"))
    table = path.with_name("validated.tsv")
    if not table.is_file():
        raise source.nothing(source.place(table, 1).rpartition(":")[0], OBTAIN)
    yield from source.table(table, clip, need=("path", "sentence", "client_id"))
    for name in waiting:
        detail = f"{path.name}: {table.name} has no line of {name[:80]}"
        yield source.reject(f"{pair}-{PurePath(name).stem}", Reason.text_missing, detail)


RECIPE = Recipe(
    corpus=CORPUS,
    title="CoVoST 2, translations of Common Voice",
    task="st",
    license="CC0-1.0",
    makers="Common Voice's speakers; Changhan Wang, Anne Wu and Juan Pino (translations)",
    items=items,
    obtain=OBTAIN,
    access="form",
    languages=("en", "es", "fr", "it", "nl", "pt", "ru", *FROM_ENGLISH),
    expected={
        f"en_{written}-{part}": size
        for written in FROM_ENGLISH
        for part, size in (
            ("train", Expected(289_430, 430.0)),
            ("dev", Expected(15_531, 27.0)),
            ("test", Expected(15_531, 25.0)),
        )
    },
)
