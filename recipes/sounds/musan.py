"""MUSAN: music, speech and noise, mostly whole recordings of minutes.

    musan/music/fma/music-fma-0000.wav      musan/music/fma/ANNOTATIONS:   music-fma-0000 folk,country N Artist
    musan/noise/free-sound/noise-free-sound-0000.wav
    musan/speech/librivox/speech-librivox-0000.wav

Music has its genres, which become names of AudioSet's ontology where the vocabulary `music_genres` has them; speech is
`Speech`, without words; noise is `Noise`, for what makes it is not said file by file. Most recordings are longer than a
model hears at once. The corpus has no splits: a hash of the recording gives them, that of the artist in music.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from manifests.lines import lines
from manifests.ontology import sounds_of
from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe, need_inside, slug
from recipes.sounds.labels import heard, labelled
from recipes.speech.sources import SourceTree, files

CORPUS = "musan"
PARTS = ("music", "noise", "speech")
OBTAIN = "Get it from https://www.openslr.org/17 and name the folder that holds music/, noise/ and speech/."
COLUMNS = 4  # file, genres, whether somebody sings, artist


def items(root: Path) -> Iterator[Item | Reject]:
    """Every recording of the parts that are there."""
    source = SourceTree(CORPUS, root)
    found = [part for part in PARTS if (root / part).is_dir()]
    if not found:
        raise source.nothing("music/, noise/ or speech/", OBTAIN)
    for part in found:
        notes = _notes(root / part) if part == "music" else {}
        for path in files(root / part, ".wav"):
            genres, vocals, artist = notes.get(path.stem, ("", None, None))
            yield Item(
                key=path.stem,
                place=path.relative_to(root).as_posix(),
                recording=path.stem,
                audio=path,
                split=part,
                speaker=artist,
                extra={"vocals": vocals},
                **(heard(_sounds(genres), f"music: {genres}") if genres else labelled(CORPUS, part)),
            )


def _sounds(genres: str) -> list[str]:
    """`Music`, and the genres that have a name in the ontology."""
    known = [name for genre in genres.split(",") for name in sounds_of("music_genres", genre.replace("-", "").lower())]
    return ["Music", *known]


def _notes(folder: Path) -> dict[str, tuple[str, bool, str | None]]:
    """File -> genres, whether somebody sings, and the artist, of the files ANNOTATIONS."""
    found = {}
    for path in sorted(folder.rglob("ANNOTATIONS")):
        need_inside(path)
        for line in lines(path):
            values = line.text.split(maxsplit=COLUMNS - 1)
            if len(values) == COLUMNS:
                found[values[0]] = (values[1], values[2] == "Y", slug(values[3]).lower() or None)
    return found


RECIPE = Recipe(
    corpus=CORPUS,
    title="MUSAN, music, speech and noise",
    task="sound",
    license="CC-BY-4.0",
    makers="artists and readers that the files LICENSE name; David Snyder, Guoguo Chen, Daniel Povey (corpus)",
    items=items,
    obtain=OBTAIN,
    expected={"music": Expected(660), "speech": Expected(426), "noise": Expected(930)},
    splits=dict.fromkeys(PARTS, "hash"),
    channels="mix",
    links=("recording", "speaker", "audio"),
)
