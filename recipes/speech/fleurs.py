"""FLEURS: the same 2,009 sentences read in 102 languages, from the folder that holds one folder a language.

    data/en_us/train.tsv:   id<tab>file<tab>raw text<tab>text<tab>letters<tab>samples<tab>FEMALE   (no headings)
    data/en_us/audio/train/10004088536354799741.wav

or as Lhotse's download leaves it: `metadata/en_us/train.tsv` and `en_us/train/*.wav`. Either `data` or the folder above
it may be named. The text is the one that the corpus normalised; the raw one stands in `cut.custom.original_text`. The
corpus names no speakers, only their gender; `cut.custom.sentence` is the same for one sentence in all languages. The
samples that a row states must be there. Sentences of English are those of the tables; hours are not counted there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath

from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe, collapse
from recipes.speech.sources import SourceTree, gender_of

CORPUS = "fleurs"
OBTAIN = (
    "Get it from https://huggingface.co/datasets/google/fleurs, unpack its audio/*.tar.gz where they lie, and name the "
    "folder `data`, which holds en_us, ..."
)
PARTS = ("train", "dev", "test")
COLUMNS = ("id", "file", "raw", "text", "letters", "samples", "gender")
RATE = 16_000  # Hz, of all of it
CODES = {"cmn": "zh"}  # where the first part of a language's name is not the code used here


def items(root: Path) -> Iterator[Item | Reject]:
    """Every sentence of the languages that are there."""
    source = SourceTree(CORPUS, root)
    found = sorted(_tables(root), key=lambda table: (table[1], PARTS.index(table[2])))
    if not found:
        raise source.nothing("en_us/train.tsv or another language", OBTAIN)
    for path, language, part in found:
        sounds = path.parent / "audio" / part
        if path.parent.parent.name == "metadata":
            sounds = path.parents[2] / language / part
        yield from _part(source, path, sounds, language, part)
        yield from source.unnamed(sounds, ".wav")


def _tables(root: Path) -> Iterator[tuple[Path, str, str]]:
    """Tables with their language and part."""
    for folder in (root, root / "data", root / "metadata"):
        for part in PARTS:
            yield from ((path, path.parent.name, part) for path in folder.glob(f"*_*/{part}.tsv"))


def _part(source: SourceTree, path: Path, sounds: Path, language: str, part: str) -> Iterator[Item | Reject]:
    first = language.partition("_")[0]
    code = CODES.get(first, first)

    def sentence(place: str, row: Mapping[str, str]) -> Item:
        stem = PurePath(row["file"]).stem
        if not stem or "/" in row["file"]:
            raise ValueError(f"file is {row['file'][:80]!r}, expected the name of one")
        return Item(
            key=f"{language}-{part}-{stem}",
            place=place,
            recording=f"{language}-{part}-{stem}",
            audio=source.audio(sounds / f"{stem}.wav"),
            recording_claimed=int(row["samples"]) / RATE,
            text=collapse(row["text"]),
            language=code,
            split=f"{code}-{part}",
            extra={"gender": gender_of(row["gender"]), "original_text": row["raw"], "sentence": row["id"]},
        )

    yield from source.table(path, sentence, columns=COLUMNS)


RECIPE = Recipe(
    corpus=CORPUS,
    title="FLEURS, the same sentences read in 102 languages",
    task="asr",
    license="CC-BY-4.0",
    makers="Alexis Conneau and others, Google",
    items=items,
    obtain=OBTAIN,
    expected={"en-train": Expected(2_602), "en-dev": Expected(394), "en-test": Expected(647)},
)
