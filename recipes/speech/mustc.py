"""MuST-C: English talks with translations, from the folder that holds one folder a pair of languages (`en-de/`).

    en-de/data/train/txt/train.yaml:   - {duration: 3.5, offset: 16.08, rW: 9, uW: 0, speaker_id: spk.1, wav: ted_1.wav}
    en-de/data/train/txt/train.en, train.de: the words and the translation of the segment in the same line
    en-de/data/train/wav/ted_1.wav

A talk of several pairs is there once in each, segmented in its own way: ids begin with the pair. Figures are those of
v1.2 of English to German, which its publisher states by part; the paper that this project follows has 226,810 and
283,000 segments of it in two of its tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePath

import yaml

from manifests.rows import Reject
from manifests.settings.core_yaml import load_yaml
from recipes.common import Expected, Item, Recipe, collapse
from recipes.speech.sources import SourceTree

CORPUS = "mustc"
OBTAIN = "Ask for it at https://ict.fbk.eu/must-c-releases and name the folder that holds en-de, ..."
PARTS = ("train", "dev", "tst-COMMON", "tst-HE")


def items(root: Path) -> Iterator[Item | Reject]:
    """Every segment of the pairs that are there."""
    source = SourceTree(CORPUS, root)
    pairs = sorted(path.name for path in root.glob("*-*") if (path / "data").is_dir())
    found = [(pair, part) for pair in pairs for part in PARTS if (root / pair / "data" / part / "txt").is_dir()]
    if not found:
        raise source.nothing("en-de/data/train/txt or another pair", OBTAIN)
    for pair, part in found:
        yield from _part(source, root / pair / "data" / part, pair, part)


def _part(source: SourceTree, folder: Path, pair: str, part: str) -> Iterator[Item | Reject]:
    spoken, _, written = pair.partition("-")

    def segment(place: str, facts: str, said: str, translation: str) -> Item:
        row = _facts(facts)
        talk = PurePath(row["wav"]).stem
        start, duration = float(row["offset"]), float(row["duration"])
        return Item(
            key=f"{pair}-{talk}-{place.rpartition(':')[2]}",
            place=place,
            recording=f"{pair}-{talk}",
            audio=source.audio(folder / "wav" / row["wav"]),
            start=start,
            duration=duration,
            text=collapse(said),
            language=spoken,
            speaker=row["speaker_id"],
            target_text=collapse(translation),
            target_language=written,
            split=f"{pair}-{part}",
        )

    texts = [folder / "txt" / f"{part}.{end}" for end in ("yaml", spoken, written)]
    if missing := [path.name for path in texts if not path.is_file()]:
        raise source.nothing(f"{', '.join(missing)} in {folder.relative_to(source.root) / 'txt'}", OBTAIN)
    yield from source.beside(texts, segment)
    yield from source.unnamed(folder / "wav", ".wav")


def _facts(line: str) -> dict[str, str]:
    """What a line of the YAML says of a segment.

    Raises:
        ValueError: it is no such line.
    """
    try:
        listed = load_yaml(line)
    except yaml.YAMLError as error:
        raise ValueError(f"{line[:80]!r} is no YAML") from error
    row = listed[0] if isinstance(listed, list) and len(listed) == 1 else None
    if not isinstance(row, dict) or (missing := {"duration", "offset", "speaker_id", "wav"} - row.keys()):
        lacks = f" without {', '.join(sorted(missing))}" if isinstance(row, dict) else ""
        raise ValueError(f"{line[:80]!r}{lacks}, expected - {{duration: ..., offset: ..., speaker_id: ..., wav: ...}}")
    return {str(name): str(value) for name, value in row.items()}


RECIPE = Recipe(
    corpus=CORPUS,
    title="MuST-C, English talks with translations",
    task="st",
    license="CC-BY-NC-ND-4.0",
    makers="TED Conferences LLC (talks); Mattia A. Di Gangi and others, FBK (corpus)",
    items=items,
    obtain=OBTAIN,
    access="form",
    languages=("en",),
    expected={
        "en-de-train": Expected(229_703, 400.0),
        "en-de-dev": Expected(1_423, 2.5),
        "en-de-tst-COMMON": Expected(2_641, 4.1),
        "en-de-tst-HE": Expected(600, 1.2),
    },
)
