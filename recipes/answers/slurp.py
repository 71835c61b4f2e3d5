"""SLURP: commands to a home assistant, with their intent and what they name.

    dataset/slurp/train.jsonl (devel, test, train_synthetic):
        {"slurp_id": 4, "sentence": "wake me up at five am", "sentence_annotation": "wake me up at [time : five am]",
         "intent": "alarm_set", "recordings": {"audio-1490104988.flac": {"status": "correct", ...}, ...}, ...}
    audio/slurp_real/audio-1490104988.flac       (audio/slurp_synth for train_synthetic)
    dataset/slurp/metadata.json                  who speaks in which recording

A recording gives two rows: a question about the intent ("alarm set"), and one about what is named ("time: five am"),
where something is. Both have the sentence, so that a model can be asked to transcribe first. Speech of train_synthetic
is made by machines, which `cut.custom` says (`synthetic`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from manifests.errors import AudioError
from manifests.lines.jsonl import rows
from manifests.reasons import Reason
from manifests.rows import Reject
from recipes.common import Item, Recipe, collapse, need_inside
from recipes.speech.sources import SourceTree
from recipes.tables import file_name, json_object, need_filled

CORPUS = "slurp"
PARTS = {"train": "slurp_real", "devel": "slurp_real", "test": "slurp_real", "train_synthetic": "slurp_synth"}
OBTAIN = (
    "Clone https://github.com/pswietojanski/slurp, get the audio with its script download_audio.sh, and name the "
    "folder that holds dataset/ and audio/."
)
_NAMED = re.compile(r"\[\s*(?P<type>[^:\]]+?)\s*:\s*(?P<words>[^\]]+?)\s*\]")


def items(root: Path) -> Iterator[Item | Reject]:
    """Two rows for every recording of the parts that are there."""
    source = SourceTree(CORPUS, root)
    tables = {part: root / "dataset" / "slurp" / f"{part}.jsonl" for part in PARTS}
    if not any(table.is_file() for table in tables.values()):
        raise source.nothing("dataset/slurp/train.jsonl, devel.jsonl or test.jsonl", OBTAIN)
    speakers = _speakers(root / "dataset" / "slurp" / "metadata.json")
    for part, table in tables.items():
        if table.is_file():
            yield from _part(source, part, table, speakers)
    for folder in dict.fromkeys(PARTS.values()):
        yield from source.unnamed(root / "audio" / folder, ".flac", ".wav")


def _part(source: SourceTree, part: str, table: Path, speakers: dict[str, str]) -> Iterator[Item | Reject]:
    need_filled(table)
    try:
        need_inside(table)
    except AudioError as error:
        yield source.reject(table.name, Reason(error.reason), str(error))
        return
    for number, row in rows(table):
        place = source.place(table, number)
        try:
            yield from _recordings(source, part, place, row, speakers)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problem = row if isinstance(row, str) else f"no command with sentence, intent and recordings ({error!r})"
            yield source.reject(place, Reason.bad_row, f"{place}: {problem}")


def _recordings(source: SourceTree, part: str, place: str, row: Any, speakers: dict[str, str]) -> list[Item]:
    """The rows of one command, all of them, or none where it cannot be read."""
    sentence, intent = collapse(row["sentence"]), row["intent"].replace("_", " ").strip()
    named = [f"{match['type']}: {match['words']}" for match in _NAMED.finditer(row["sentence_annotation"])]
    folder = source.root / "audio" / PARTS[part]
    if not intent:
        raise ValueError("the intent is empty")
    found = []
    for name, facts in row["recordings"].items():
        audio = folder / file_name(name)
        one = Item(
            key=f"{audio.stem}-intent",
            place=place,
            recording=audio.stem,
            audio=source.audio(audio),
            text=sentence,
            speaker=speakers.get(name),
            split=part,
            task="intent",
            target_text=intent,
            target_language="en",
            extra={
                "slurp_id": row.get("slurp_id"),
                "intent": row["intent"],
                "status": facts.get("status"),
                "synthetic": part == "train_synthetic" or None,
            },
        )
        found.append(one)
        if named:
            found.append(replace(one, key=f"{audio.stem}-entity", task="entity", target_text="; ".join(named)))
    return found


def _speakers(path: Path) -> dict[str, str]:
    """Recording -> who speaks, where the file is there."""
    if not path.is_file():
        return {}
    commands = (row.get("recordings") for row in json_object(path).values() if isinstance(row, dict))
    pairs = (pair for recordings in commands if isinstance(recordings, dict) for pair in recordings.items())
    return {name: str(facts["usrid"]) for name, facts in pairs if isinstance(facts, dict) and facts.get("usrid")}


RECIPE = Recipe(
    corpus=CORPUS,
    title="SLURP, commands with intents and entities",
    task="intent",
    license="CC-BY-NC-4.0",
    makers="177 speakers; Emanuele Bastianelli, Andrea Vanzo, Pawel Swietojanski, Verena Rieser (corpus)",
    items=items,
    obtain=OBTAIN,
    languages=("en",),
    channels="mix",
)
