"""RAVDESS: 24 actors say two sentences, and 23 sing them, in eight emotions.

    Actor_01/03-01-05-02-01-01-01.wav                       speech; the songs' folders may stand beside or above these
    Audio_Song_Actors_01-24/Actor_01/03-02-05-02-01-01-01.wav

Seven numbers of two digits: kind of file (03: sound alone), speech or song, emotion, strength, sentence, repetition,
actor (odd: men). Speech is read, songs are left out. The corpus has no splits: a hash of the actor gives them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from manifests.reasons import Reason
from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe
from recipes.speech.sources import SourceTree, files
from recipes.voices.feelings import feeling

CORPUS = "ravdess"
OBTAIN = (
    "Get Audio_Speech_Actors_01-24.zip from https://zenodo.org/records/1188976 and name the folder that holds "
    "Actor_01/, ..."
)
EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
SENTENCES = ("Kids are talking by the door.", "Dogs are sitting by the door.")
NUMBERS = 7
STRONG = 2


def items(root: Path) -> Iterator[Item | Reject]:
    """Every spoken file."""
    source = SourceTree(CORPUS, root)
    some = False
    for path in files(root, ".wav"):
        some = True
        place = path.relative_to(root).as_posix()
        try:
            yield _item(source, path, place)
        except ValueError as error:
            yield source.reject(path.stem, Reason.bad_row, f"{place}: {error}")
    if not some:
        raise source.nothing("Actor_01/03-01-01-01-01-01-01.wav", OBTAIN)


def _item(source: SourceTree, path: Path, place: str) -> Item | Reject:
    values = [int(part) if part.isascii() and part.isdigit() else 0 for part in path.stem.split("-")]
    if len(values) != NUMBERS or min(values) < 1 or values[2] > len(EMOTIONS) or values[4] > len(SENTENCES):
        raise ValueError("expected a name such as 03-01-05-02-01-01-01")
    if values[1] != 1:
        return source.reject(path.stem, Reason.out_of_scope, f"{place}: a song")
    own = EMOTIONS[values[2] - 1]
    return Item(
        key=path.stem,
        place=place,
        recording=path.stem,
        audio=path,
        text=SENTENCES[values[4] - 1],
        speaker=f"actor-{values[6]:02d}",
        split="speech",
        target_text=feeling(own),
        target_language="en",
        extra={"emotion": own, "strong": values[3] == STRONG, "gender": "male" if values[6] % 2 else "female"},
    )


RECIPE = Recipe(
    corpus=CORPUS,
    title="RAVDESS, actors in eight emotions",
    task="emotion",
    license="CC-BY-NC-SA-4.0",
    makers="24 actors; Steven R. Livingstone, Frank A. Russo (corpus)",
    items=items,
    obtain=OBTAIN,
    languages=("en",),
    expected={"speech": Expected(1_440)},
    splits={"speech": "hash"},
    channels="mix",
    links=("recording", "speaker", "audio"),
)
