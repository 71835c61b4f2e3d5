"""Europarl-ST: speeches in the European Parliament with translations, from the folder that holds one folder a language.

    en/audios/en.20080924.31.3-243.m4a
    en/de/train/segments.lst:   en.20080924.31.3-243 0.000000 5.210000
    en/de/train/segments.en, segments.de: the words and the translation of the segment in the same line

Of v1.1, nine languages, each into the others. A speech serves several pairs, so ids begin with the pair and
recordings do not: whoever counts hours of audio, or asks which language is spoken, takes each span once.
`train-noisy`, segments that the corpus's own filter refused, is left out. Its makers count hours by pair
(arXiv 1911.03167), nobody the segments of each part, so nothing is expected. The corpus names its speakers in no table
that is read here, so none are known.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from manifests.reasons import Reason
from manifests.rows import Reject
from recipes.common import Item, Recipe, collapse
from recipes.speech.sources import SourceTree, span

CORPUS = "europarl_st"
OBTAIN = "Get v1.1.tar.gz from https://www.mllp.upv.es/europarl-st and name the folder that holds en, de, ... (v1.1)."
PARTS = ("train", "dev", "test")
LEFT_OUT = "train-noisy"


def items(root: Path) -> Iterator[Item | Reject]:
    """Every segment of the pairs that are there."""
    source = SourceTree(CORPUS, root)
    found = sorted(path.parent for path in root.glob("*/*/*/segments.lst"))
    if not any(folder.name in PARTS for folder in found):
        raise source.nothing("en/de/train/segments.lst or another pair", OBTAIN)
    for folder in found:
        pair = f"{folder.parent.parent.name}-{folder.parent.name}"
        if folder.name in PARTS:
            yield from _part(source, folder, pair)
        else:
            what = "what the corpus's own filter refused" if folder.name == LEFT_OUT else "no part of the corpus"
            detail = f"{folder.relative_to(root).as_posix()} is {what}"
            yield source.reject(f"{pair}-{folder.name}", Reason.out_of_scope, detail)
    for audios in sorted(root.glob("*/audios")):
        yield from source.unnamed(audios, ".m4a")


def _part(source: SourceTree, folder: Path, pair: str) -> Iterator[Item | Reject]:
    spoken, _, written = pair.partition("-")

    def segment(place: str, facts: str, said: str, translation: str) -> Item:
        speech, *times = facts.split()
        if len(times) != 2 or "/" in speech:
            raise ValueError(f"{facts[:80]!r}, expected SPEECH START END")
        start, duration = span(*times)
        return Item(
            key=f"{pair}-{speech}-{round(start * 1000):07d}",
            place=place,
            recording=speech,
            audio=source.audio(folder.parents[1] / "audios" / f"{speech}.m4a"),
            start=start,
            duration=duration,
            text=collapse(said),
            language=spoken,
            target_text=collapse(translation),
            target_language=written,
            split=f"{pair}-{folder.name}",
        )

    texts = [folder / f"segments.{end}" for end in ("lst", spoken, written)]
    if missing := [path.name for path in texts if not path.is_file()]:
        raise source.nothing(f"{', '.join(missing)} in {folder.relative_to(source.root)}", OBTAIN)
    yield from source.beside(texts, segment, empty=False)


RECIPE = Recipe(
    corpus=CORPUS,
    title="Europarl-ST, speeches in the European Parliament with translations",
    task="st",
    license="CC-BY-NC-4.0",
    makers="European Parliament (speeches); Javier Iranzo-Sánchez and others (corpus)",
    items=items,
    obtain=OBTAIN,
    languages=("en", "de", "fr", "es", "it", "pt", "pl", "ro", "nl"),
)
