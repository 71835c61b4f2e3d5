"""MTG-Jamendo: songs with tags of genre, instrument and mood.

    data/splits/split-0/autotagging-train.tsv (validation, test):
        TRACK_ID<tab>ARTIST_ID<tab>ALBUM_ID<tab>PATH<tab>DURATION<tab>TAGS
        track_0000948<tab>artist_000087<tab>album_000149<tab>48/948.mp3<tab>212.7<tab>genre---rock<tab>mood/theme---happy
    audio/48/948.mp3                         (audio/48/948.low.mp3 in the smaller release)

Genres and instruments become names of AudioSet's ontology where the vocabularies `music_genres` and `music_instruments`
have them; all tags stand in `sound_original`. The splits are the first of the corpus's five, whose artists are
disjoint. Most songs are longer than a model hears at once. Each song has a Creative Commons licence of its own
(`audio_licenses.txt`); the tags are CC-BY-NC-SA-4.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from manifests.ontology import sounds_of
from manifests.rows import Reject
from recipes.common import Item, Recipe
from recipes.sounds.labels import heard
from recipes.speech.sources import SourceTree
from recipes.tables import need_filled

CORPUS = "mtg_jamendo"
SPLITS = "data/splits/split-0"
PARTS = ("train", "validation", "test")
FIRST_TAG = 5  # columns before the tags
VOCABULARIES = {"genre": "music_genres", "instrument": "music_instruments"}
OBTAIN = (
    "Get it from https://github.com/MTG/mtg-jamendo-dataset and name the folder of the repository, with the songs in "
    "audio/."
)


def items(root: Path) -> Iterator[Item | Reject]:
    """Every song of the parts that are there."""
    source = SourceTree(CORPUS, root)
    found = [part for part in PARTS if (root / SPLITS / f"autotagging-{part}.tsv").is_file()]
    if not found:
        raise source.nothing(f"{SPLITS}/autotagging-train.tsv", OBTAIN)
    for part in found:
        yield from _part(source, part)


def _part(source: SourceTree, part: str) -> Iterator[Item | Reject]:
    def song(place: str, text: str) -> Item | None:
        values = text.rstrip().split("\t")
        if values[0] == "TRACK_ID":
            return None
        if len(values) <= FIRST_TAG:
            raise ValueError(f"{len(values)} values, expected track, artist, album, path, duration and tags")
        track, artist, _, path, seconds = values[:FIRST_TAG]
        tags = values[FIRST_TAG:]
        return Item(
            key=track,
            place=place,
            recording=track,
            audio=source.audio(_audio(source.root, path)),
            recording_claimed=float(seconds),
            split=part,
            speaker=artist,
            **heard(["Music", *_sounds(tags)], " ".join(tags)),
        )

    table = source.root / SPLITS / f"autotagging-{part}.tsv"
    need_filled(table)
    yield from source.each(table, song)


def _audio(root: Path, path: str) -> Path:
    """Where a song is: in the release at full quality, or in the smaller one."""
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts:
        raise ValueError(f"{path[:80]!r} leads out of audio/")
    full = root / "audio" / parts
    small = full.with_suffix(f".low{full.suffix}")
    return small if not full.exists() and small.exists() else full


def _sounds(tags: list[str]) -> list[str]:
    pairs = (tag.split("---", 1) for tag in tags if "---" in tag)
    return [name for kind, tag in pairs if kind in VOCABULARIES for name in sounds_of(VOCABULARIES[kind], tag)]


RECIPE = Recipe(
    corpus=CORPUS,
    title="MTG-Jamendo, songs with genres, instruments and moods",
    task="sound",
    license="CC-BY-NC-SA-4.0",
    makers="artists of Jamendo; Dmitry Bogdanov and others, Music Technology Group (corpus)",
    items=items,
    parts=(SPLITS,),
    obtain=OBTAIN,
    channels="mix",
)
