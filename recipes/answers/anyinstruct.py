"""AnyInstruct, its spoken instructions: a question read by a synthesiser, and a written answer.

    data.jsonl:   {"chat": [{"role": "USER", "message": "...", "speech_list": ["a.mp3"], ...},
                            {"role": "AnyGPT", "message": "...", "speech_list": ["b.mp3"], ...}]}
    speech/a.mp3

Every JSONL file of the folder is read; files of speech are looked for in `speech`, then beside the JSONL file. Of a
conversation the first question is taken: later ones lean on what was said before. Conversations with pictures or music,
and questions without speech, are left out. The makers give no splits: a hash of the question makes them. Voices are
synthetic. This was written from descriptions of the corpus, and not tried on a download of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from manifests.errors import AudioError
from manifests.lines.jsonl import rows
from manifests.reasons import Reason
from manifests.rows import Reject
from recipes.answers.conversations import turns
from recipes.common import NOT_BY_SPEAKER, Item, Recipe, need_inside, slug
from recipes.speech.sources import SourceTree, files

CORPUS = "anyinstruct"
OBTAIN = "Get it from https://huggingface.co/datasets/fnlp/AnyInstruct and name the folder with its JSONL and speech/."
OTHER = ("image_list", "music_list")


def items(root: Path) -> Iterator[Item | Reject]:
    """The first question of every conversation, where it is spoken."""
    source = SourceTree(CORPUS, root)
    found = False
    for path in files(root, ".jsonl", ".jsonl.gz"):
        found = True
        try:
            need_inside(path)
        except AudioError as error:
            yield source.reject(path.name, Reason(error.reason), str(error))
            continue
        for number, row in rows(path):
            yield _row(source, path, number, row)
    if not found:
        raise source.nothing("JSONL file with conversations", OBTAIN)


def _row(source: SourceTree, path: Path, number: int, row: dict[str, Any] | str) -> Item | Reject:
    place = source.place(path, number)
    key = f"{slug(path.name.partition('.jsonl')[0])}-{number}"
    try:
        if isinstance(row, str):
            raise ValueError(row)
        turn, question, answer = next(turns(row), ({}, "", ""))
        speech = _list(turn, "speech_list")
        if not speech or any(_list(one, name) for one in _turns(row) for name in OTHER):
            return source.reject(key, Reason.out_of_scope, f"{place}: no spoken question alone")
        audio = _audio(source.root, path, speech)
    except ValueError as error:
        return source.reject(key, Reason.bad_row, f"{place}: {error}")
    if not answer:
        return source.reject(key, Reason.target_missing, f"{place}: no answer")
    return Item(
        key=key,
        place=place,
        recording=audio.stem,
        audio=audio,
        text=question or None,
        split="all",
        target_text=answer,
        target_language="en",
        extra={"synthetic": True},
    )


def _turns(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [turn for turn in row.get("chat", ()) if isinstance(turn, Mapping)]


def _list(turn: Mapping[str, Any], name: str) -> list[Any]:
    value = turn.get(name) or []
    if not isinstance(value, list):
        raise ValueError(f"{name} is no list")
    return value


def _audio(root: Path, table: Path, speech: list[Any]) -> Path:
    """The one file of a question."""
    if len(speech) > 1 or not isinstance(speech[0], str):
        raise ValueError(f"speech_list has {len(speech)} entries, expected the name of one file")
    name = PurePosixPath(speech[0])
    if name.is_absolute() or ".." in name.parts or not name.name:
        raise ValueError(f"{speech[0][:80]!r} leads out of the corpus")
    places = (root / "speech" / name, table.parent / "speech" / name, table.parent / name)
    return next((path for path in places if path.exists()), places[0])


RECIPE = Recipe(
    corpus=CORPUS,
    title="AnyInstruct, spoken instructions",
    task="instruction",
    license="LicenseRef-AnyInstruct",
    makers="synthesisers; Jun Zhan and others, Fudan University (corpus)",
    items=items,
    obtain=OBTAIN,
    languages=("en",),
    splits={"all": "hash"},
    channels="mix",
    links=NOT_BY_SPEAKER,
)
