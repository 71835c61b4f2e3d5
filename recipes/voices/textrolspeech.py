"""TextrolSpeech: read and acted sentences with gender, pitch, tempo, energy and emotion.

    caption/random_train.csv (random_dev.csv, random_test.csv):   item_name,gender,pitch,tempo,energy,emotion,...,txt
    LibriTTS/..., VCTK-Corpus/..., emotion_dataset/...            the audio, each file named by its item

Its speech comes from LibriTTS, VCTK and five sets of acted emotions, which are put below one folder; where in it does
not matter. A file gives two rows: its transcript, and a question about the speaker's gender. The other facts stand in
`cut.custom`. No figures of its parts were found, so none are expected. This was written from descriptions of the
corpus, and not tried on a download of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from manifests.errors import ManifestError
from manifests.lines import lines
from manifests.reasons import Reason
from manifests.rows import Reject
from recipes.common import Item, Recipe, collapse, need_inside
from recipes.speech.sources import Found, SourceTree, files, gender_of
from recipes.tables import Row, file_name, quoted

CORPUS = "textrolspeech"
PARTS = ("train", "dev", "test")
FACTS = ("pitch", "tempo", "energy", "emotion")
TEXTS = ("txt", "text", "content_prompt", "transcript")  # what versions call the column of the words
OBTAIN = (
    "Get text and speech by the links at https://github.com/jishengpeng/TextrolSpeech, and name the folder that holds "
    "caption/ and the audio."
)


def items(root: Path) -> Iterator[Item | Reject]:
    """Two rows for every file that a table names."""
    source = SourceTree(CORPUS, root)
    found = [part for part in PARTS if (root / "caption" / f"random_{part}.csv").is_file()]
    if not found:
        raise source.nothing("caption/random_train.csv, caption/random_dev.csv or caption/random_test.csv", OBTAIN)
    where = _audio(root)
    for part in found:
        table = root / "caption" / f"random_{part}.csv"
        column = _text_column(table)
        make = partial(_speech, source, where, part)
        for one in quoted(source, table, make, need=("item_name", "gender", column)):
            yield one
            if isinstance(one, Item) and (gender := one.extra["gender"]):
                yield replace(one, key=f"{one.key}-gender", task="gender", target_text=gender, target_language="en")


def _speech(source: SourceTree, where: Mapping[str, Path | None], part: str, place: str, row: Row) -> Found:
    key = file_name(row["item_name"].removesuffix(".wav"))
    path = where.get(key, source.root / f"{key}.wav")
    if path is None:
        return source.reject(key, Reason.bad_row, f"{place}: several files are called {key}.wav")
    return Item(
        key=key,
        place=place,
        recording=key,
        audio=path,
        text=collapse(next(row[name] for name in TEXTS if name in row)),
        split=part,
        extra={name: row.get(name) or None for name in FACTS} | {"gender": gender_of(row["gender"])},
    )


def _audio(root: Path) -> dict[str, Path | None]:
    """Name without its ending -> file; None: several are called so. Some 60 MB for the whole corpus."""
    found: dict[str, Path | None] = {}
    for path in files(root, ".wav", ".flac"):
        found[path.stem] = None if path.stem in found else path
    return found


def _text_column(table: Path) -> str:
    """Which column has the words.

    Raises:
        AudioError: the table is a link out of the corpus.
        ManifestError: none does.
    """
    need_inside(table)
    names = [name.strip() for name in next((line.text for line in lines(table)), "").split(",")]
    column = next((name for name in TEXTS if name in names), None)
    if column is None:
        raise ManifestError(
            f"{table} has no column {', '.join(TEXTS)}. It has {', '.join(names)}. Is it another version?"
        )
    return column


RECIPE = Recipe(
    corpus=CORPUS,
    title="TextrolSpeech, sentences with gender, pitch, tempo, energy and emotion",
    task="asr",
    license="LicenseRef-TextrolSpeech",
    makers="readers of LibriTTS and VCTK, actors; Shengpeng Ji and others (corpus)",
    items=items,
    obtain=OBTAIN,
    languages=("en",),
    channels="mix",
)
