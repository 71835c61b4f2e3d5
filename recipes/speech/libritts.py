"""LibriTTS, read English audiobooks at 24 kHz by the sentence, from the folder of its parts (`train-clean-100/`, ...).

    LibriTTS/dev-clean/84/121123/84_121123.trans.tsv:   84_121123_000007_000001<tab>original text<tab>normalised text
    LibriTTS/dev-clean/84/121123/84_121123_000007_000001.wav
    LibriTTS/SPEAKERS.txt:   84 | F | dev-clean | 8.02 | Christie Nowak

LibriTTS-R, the same sentences with restored sound, has the same layout: prepare it in another folder. The text is the
normalised one (numbers and abbreviations written out); the original stands in `cut.custom.original_text`. Figures are
those of the corpus's paper (arXiv 1904.02882) and of its transcripts. It shares speakers and books with LibriSpeech,
part by part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe, collapse
from recipes.speech.sources import SourceTree, files, gender_of

CORPUS = "libritts"
OBTAIN = "Get it from https://www.openslr.org/60 and name the folder that holds dev-clean, train-clean-100, ..."
COLUMNS = ("key", "original", "normalised")


def items(root: Path) -> Iterator[Item | Reject]:
    """Every sentence of the parts that are there, chapter by chapter."""
    source = SourceTree(CORPUS, root)
    found = [part for part in RECIPE.expected if (root / part).is_dir()]
    if not found:
        raise source.nothing("part of LibriTTS (dev-clean, train-clean-100, ...)", OBTAIN)
    genders = _genders(source, root / "SPEAKERS.txt")
    for part in found:
        for path in files(root / part, ".trans.tsv"):
            yield from _chapter(source, path, part, genders)
        yield from source.unnamed(root / part, ".wav")


def _chapter(source: SourceTree, path: Path, part: str, genders: Mapping[str, str]) -> Iterator[Item | Reject]:
    def sentence(place: str, row: Mapping[str, str]) -> Item:
        key = row["key"]
        if "/" in key or key.count("_") != 3:
            raise ValueError(f"{key[:80]!r} is no SPEAKER_CHAPTER_NUMBER_NUMBER")
        speaker = key.partition("_")[0]
        return Item(
            key=key,
            place=place,
            recording=key,
            audio=source.audio(path.with_name(f"{key}.wav")),
            text=collapse(row["normalised"]),
            speaker=speaker,
            split=part,
            extra={"gender": gender_of(genders.get(speaker, "")), "original_text": row["original"]},
        )

    yield from source.table(path, sentence, columns=COLUMNS)


def _genders(source: SourceTree, path: Path) -> dict[str, str]:
    """Speaker -> F or M."""
    return {row[0]: row[1] for row in source.facts(path, "|") if len(row) > 1 and not row[0].startswith(";")}


RECIPE = Recipe(
    corpus=CORPUS,
    title="LibriTTS, read English audiobooks by the sentence",
    task="asr",
    license="CC-BY-4.0",
    makers="LibriVox readers; Heiga Zen and others (corpus)",
    items=items,
    obtain=OBTAIN,
    languages=("en",),
    expected={
        "train-clean-100": Expected(33_236, 53.78),
        "train-clean-360": Expected(116_500, 191.29),
        "train-other-500": Expected(205_044, 310.08),
        "dev-clean": Expected(5_736, 8.97),
        "dev-other": Expected(4_613, 6.43),
        "test-clean": Expected(4_837, 8.56),
        "test-other": Expected(5_120, 6.69),
    },
)
