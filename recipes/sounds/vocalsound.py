"""VocalSound: laughter, sighs, coughs, throat clearing, sneezes and sniffs of 3,365 people.

    vs_release_16k/datafiles/tr.json (val.json, te.json):   {"data": [{"wav": ".../f0003_0_cough.wav", "labels": ...}]}
    vs_release_16k/audio_16k/f0003_0_cough.wav              a woman, number 0003, her first recording, a cough
    vs_release_16k/meta/tr_meta.csv:                        f0003,Female,28,USA,English,no

The sound is in the file's name, the split in the lists, whose speakers are disjoint. Age, country, native language and
health stand in `cut.custom` where the tables of people are there. The release at 44.1 kHz (`audio_44k`) is read too.
The paper puts these sounds into sentences of LibriTTS; a training does that when it draws them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from manifests.errors import ManifestError
from manifests.lines import lines
from manifests.reasons import Reason
from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe, need_inside
from recipes.sounds.labels import labelled
from recipes.speech.sources import SourceTree, gender_of
from recipes.tables import json_object

CORPUS = "vocalsound"
OBTAIN = (
    "Get it from https://github.com/YuanGongND/vocalsound and name the folder that holds datafiles/ and audio_16k/."
)
PARTS = {"tr": "train", "val": "validation", "te": "test"}  # name of a list -> split
PEOPLE = ("age", "country", "native_language", "health")  # columns of a table of people, from the third
_NAME = re.compile(r"(?P<speaker>[fm]\d+)_\d+_(?P<label>[a-z]+)")


def items(root: Path) -> Iterator[Item | Reject]:
    """Every recording that a list names."""
    source = SourceTree(CORPUS, root)
    folder = next((root / name for name in ("audio_16k", "audio_44k") if (root / name).is_dir()), None)
    lists = [name for name in PARTS if (root / "datafiles" / f"{name}.json").is_file()]
    if folder is None or not lists:
        raise source.nothing("datafiles/tr.json, and audio_16k/ or audio_44k/", OBTAIN)
    for name in lists:
        yield from _part(source, folder, name)
    yield from source.unnamed(folder, ".wav")


def _part(source: SourceTree, folder: Path, name: str) -> Iterator[Item | Reject]:
    path = source.root / "datafiles" / f"{name}.json"
    listed = json_object(path).get("data")
    if not isinstance(listed, list):
        raise ManifestError(f"{path}: `data` is no list. Is it another version?")
    people = _people(source.root / "meta" / f"{name}_meta.csv")
    for number, row in enumerate(listed):
        place = f"datafiles/{name}.json, row {number}"
        wav = row.get("wav") if isinstance(row, dict) else None
        stem = PurePosixPath(wav).stem if isinstance(wav, str) else ""
        match = _NAME.fullmatch(stem)
        if match is None:
            yield source.reject(place, Reason.bad_row, f"{place}: wav is {str(wav)[:80]!r}, expected f0003_0_cough.wav")
            continue
        yield Item(
            key=stem,
            place=place,
            recording=stem,
            audio=source.audio(folder / f"{stem}.wav"),
            speaker=match["speaker"],
            split=PARTS[name],
            extra={"gender": gender_of(stem[0]), **people.get(match["speaker"], {})},
            **labelled(CORPUS, match["label"]),
        )


def _people(path: Path) -> dict[str, dict[str, Any]]:
    """Person -> what a table says of them; lines that say less are left out."""
    if not path.is_file():
        return {}
    need_inside(path)
    rows = [[value.strip() for value in line.text.split(",")] for line in lines(path)]
    return {row[0]: dict(zip(PEOPLE, row[2:], strict=True)) for row in rows if len(row) == len(PEOPLE) + 2}


RECIPE = Recipe(
    corpus=CORPUS,
    title="VocalSound, sounds of the human voice without words",
    task="sound",
    license="CC-BY-SA-4.0",
    makers="3,365 volunteers; Yuan Gong, Jin Yu, James Glass (corpus)",
    items=items,
    parts=("datafiles",),
    obtain=OBTAIN,
    expected={"train": Expected(15_570), "validation": Expected(1_860), "test": Expected(3_594)},
    channels="mix",
)
