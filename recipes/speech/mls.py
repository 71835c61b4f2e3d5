"""MLS (Multilingual LibriSpeech), read audiobooks in eight languages, from the folder that holds `mls_english/`, ...

    mls_english/train/transcripts.txt:   4800_10003_000000<tab>oh my dear you must see him
    mls_english/train/audio/4800/10003/4800_10003_000000.flac   (.opus in the folder mls_english_opus)
    mls_english/metainfo.txt:   4800 | F | train | 16.5 | 10003 | The Rose Garden Husband | ...

A language that is there as FLAC and as Opus is read as FLAC. The parts' speakers are disjoint. Hours are those of the
corpus's paper (arXiv 2012.03411), utterances those of its transcripts. The paper that this project follows draws
4,081.61 h of the English part.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe, collapse
from recipes.speech.sources import SourceTree, gender_of

CORPUS = "mls"
OBTAIN = "Get it from https://www.openslr.org/94 and name the folder that holds mls_english, mls_german_opus, ..."
CODES = {
    "english": "en",
    "german": "de",
    "dutch": "nl",
    "french": "fr",
    "spanish": "es",
    "italian": "it",
    "portuguese": "pt",
    "polish": "pl",
}
PARTS = ("train", "dev", "test")
SIZES = {  # utterances and hours of train, dev, test
    "english": ((10_808_037, 44_659.74), (3_807, 15.75), (3_769, 15.55)),
    "german": ((469_942, 1_966.51), (3_469, 14.28), (3_394, 14.29)),
    "dutch": ((374_287, 1_554.24), (3_095, 12.76), (3_075, 12.76)),
    "french": ((258_213, 1_076.58), (2_416, 10.07), (2_426, 10.07)),
    "spanish": ((220_701, 917.68), (2_408, 9.99), (2_385, 10.0)),
    "italian": ((59_623, 247.38), (1_248, 5.18), (1_262, 5.27)),
    "portuguese": ((37_533, 160.96), (826, 3.64), (871, 3.74)),
    "polish": ((25_043, 103.65), (512, 2.08), (520, 2.14)),
}


def items(root: Path) -> Iterator[Item | Reject]:
    """Every utterance of the languages that are there."""
    source = SourceTree(CORPUS, root)
    found = False
    for language in CODES:
        folder = next((place for end in ("", "_opus") if (place := root / f"mls_{language}{end}").is_dir()), None)
        if folder is not None:
            genders = _genders(source, folder / "metainfo.txt")
            for part in PARTS:
                if (folder / part / "transcripts.txt").is_file():
                    found = True
                    yield from _part(source, folder, language, part, genders)
    if not found:
        raise source.nothing("language of MLS with transcripts (mls_english/train/transcripts.txt)", OBTAIN)


def _part(
    source: SourceTree, folder: Path, language: str, part: str, genders: dict[str, str]
) -> Iterator[Item | Reject]:
    end = "opus" if folder.name.endswith("_opus") else "flac"
    place_of_audio = folder / part / "audio"

    def utterance(place: str, line: str) -> Item:
        key, tab, text = line.partition("\t")
        speaker, book, number = key.split("_") if key.count("_") == 2 else ("", "", "")
        if not tab or not all(name.isalnum() for name in (speaker, book, number)):
            raise ValueError(f"{line[:80]!r}, expected SPEAKER_BOOK_NUMBER, a tab and the text")
        return Item(
            key=key,
            place=place,
            recording=key,
            audio=source.audio(place_of_audio / speaker / book / f"{key}.{end}"),
            text=collapse(text),
            language=CODES[language],
            speaker=speaker,
            split=f"{language}-{part}",
            extra={"gender": gender_of(genders.get(speaker, ""))},
        )

    yield from source.each(folder / part / "transcripts.txt", utterance)
    yield from source.unnamed(place_of_audio, f".{end}")


def _genders(source: SourceTree, path: Path) -> dict[str, str]:
    """Speaker -> F or M."""
    return {row[0]: row[1] for row in source.facts(path, "|") if len(row) > 1 and row[0].isdigit()}


RECIPE = Recipe(
    corpus=CORPUS,
    title="MLS, read audiobooks in eight languages",
    task="asr",
    license="CC-BY-4.0",
    makers="LibriVox readers; Vineel Pratap and others (corpus)",
    items=items,
    obtain=OBTAIN,
    languages=tuple(CODES.values()),
    expected={
        f"{language}-{part}": Expected(*size)
        for language, sizes in SIZES.items()
        for part, size in zip(PARTS, sizes, strict=True)
    },
)
