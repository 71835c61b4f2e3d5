"""TED-LIUM release 3: English talks, from the folder that holds `legacy/` and `data/` (TEDLIUM_release-3).

    legacy/train/stm/911Mothers_2010W.stm:   911Mothers_2010W 1 911Mothers_2010W 15.03 18.19 <o,f0,female> i 'm here ...
    legacy/train/sph/911Mothers_2010W.sph

The legacy parts are read, whose dev and test are those of releases 1 and 2. Texts are written as Lhotse's recipe does
after Kaldi's: `[NOISE]` is left out, `i 'm` is `i'm`. A segment with a word that nobody wrote down (`<unk>`) is a
reject. Hours are those of the corpus's paper (arXiv 1805.04699), segments those of its transcripts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from manifests.reasons import Reason
from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe, collapse
from recipes.speech.sources import SourceTree, files, gender_of, span

CORPUS = "tedlium"
OBTAIN = "Get TEDLIUM_release-3.tgz from https://www.openslr.org/51 and name the folder that holds `legacy`."
PARTS = ("train", "dev", "test")
NOT_SCORED = "ignore_time_segment_in_scoring"


def items(root: Path) -> Iterator[Item | Reject]:
    """Every segment of the parts that are there."""
    source = SourceTree(CORPUS, root)
    found = [part for part in PARTS if (root / "legacy" / part / "stm").is_dir()]
    if not found:
        raise source.nothing("legacy/train/stm, legacy/dev/stm, ...", OBTAIN)
    for part in found:
        folder = root / "legacy" / part
        for path in files(folder / "stm", ".stm"):
            yield from _talk(source, path, folder / "sph", part)
        yield from source.unnamed(folder / "sph", ".sph")


def _talk(source: SourceTree, path: Path, sounds: Path, part: str) -> Iterator[Item | Reject]:
    from lhotse.recipes.utils import normalize_text_tedlium

    def segment(place: str, line: str) -> Item | Reject:
        fields = line.split(maxsplit=6)
        if len(fields) < 6 or not fields[5].startswith("<"):
            raise ValueError(f"{line[:80]!r}, expected TALK CHANNEL SPEAKER START END <LABEL> WORDS")
        talk, _, speaker, start, end, label = fields[:6]
        text = fields[6] if len(fields) > 6 else ""
        audio = source.audio(sounds / f"{talk}.sph")
        key = f"{talk}-{int(place.rpartition(':')[2]) - 1}"  # as Lhotse numbers them
        if text.strip() == NOT_SCORED:
            return source.reject(key, Reason.out_of_scope, f"{place}: {NOT_SCORED}")
        if "<unk>" in text.split():
            return source.reject(key, Reason.text_missing, f"{place}: a word is <unk>")
        begin, length = span(start, end)
        return Item(
            key=key,
            place=place,
            recording=talk,
            audio=audio,
            start=begin,
            duration=length,
            text=collapse(normalize_text_tedlium(text.replace("{NOISE}", "[NOISE]"), "kaldi")),
            speaker=speaker,
            split=part,
            extra={"gender": _gender(label)},
        )

    yield from source.each(path, segment)


def _gender(label: str) -> str | None:
    """Of `<o,f0,female>`."""
    said = label.strip("<>").split(",")
    return gender_of(said[2]) if len(said) > 2 else None


RECIPE = Recipe(
    corpus=CORPUS,
    title="TED-LIUM release 3, English talks",
    task="asr",
    license="CC-BY-NC-ND-3.0",
    makers="TED Conferences LLC (talks); François Hernandez and others, Ubiqus and LIUM (corpus)",
    items=items,
    obtain=OBTAIN,
    languages=("en",),
    expected={"train": Expected(268_263, 452.0), "dev": Expected(507, 1.6), "test": Expected(1_155, 2.6)},
)
