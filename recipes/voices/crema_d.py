"""CREMA-D: 91 actors say twelve sentences in six emotions.

    AudioWAV/1001_DFA_ANG_XX.wav            actor, sentence, emotion, strength (LO, MD, HI, or XX: not asked for)
    VideoDemographics.csv:                  ActorID,Age,Sex,Race,Ethnicity

The emotion is the one that the actor was asked for. The corpus has no splits: a hash of the actor gives them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from manifests.lines import lines
from manifests.reasons import Reason
from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe, need_inside
from recipes.speech.sources import SourceTree, files, gender_of
from recipes.voices.feelings import feeling

CORPUS = "crema_d"
OBTAIN = "Get it from https://github.com/CheyneyComputerScience/CREMA-D and name the folder that holds AudioWAV/."
SENTENCES = {
    "DFA": "Don't forget a jacket.",
    "IEO": "It's eleven o'clock.",
    "IOM": "I'm on my way to the meeting.",
    "ITH": "I think I have a doctor's appointment.",
    "ITS": "I think I've seen this before.",
    "IWL": "I would like a new alarm clock.",
    "IWW": "I wonder what this is about.",
    "MTI": "Maybe tomorrow it will be cold.",
    "TAI": "The airplane is almost full.",
    "TIE": "That is exactly what happened.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}
PEOPLE = ("actor", "age", "gender", "race", "ethnicity")
_NAME = re.compile(r"(?P<actor>\d{4})_(?P<sentence>[A-Z]{3})_(?P<emotion>[A-Z]{3})_(?P<strength>LO|MD|HI|XX?)")


def items(root: Path) -> Iterator[Item | Reject]:
    """Every file of AudioWAV."""
    source = SourceTree(CORPUS, root)
    people = _people(root / "VideoDemographics.csv")
    for path in files(root / "AudioWAV", ".wav"):
        place = path.relative_to(root).as_posix()
        match = _NAME.fullmatch(path.stem)
        if match is None or match["sentence"] not in SENTENCES:
            yield source.reject(path.stem, Reason.bad_row, f"{place}: expected a name such as 1001_DFA_ANG_XX")
            continue
        try:
            answer = feeling(match["emotion"])
        except ValueError as error:
            yield source.reject(path.stem, Reason.bad_row, f"{place}: {error}")
            continue
        yield Item(
            key=path.stem,
            place=place,
            recording=path.stem,
            audio=path,
            text=SENTENCES[match["sentence"]],
            speaker=match["actor"],
            split="all",
            target_text=answer,
            target_language="en",
            extra={"emotion": match["emotion"], "strength": match["strength"], **people.get(match["actor"], {})},
        )


def _people(path: Path) -> dict[str, dict[str, Any]]:
    """Actor -> age and gender, where the table is there."""
    if not path.is_file():
        return {}
    need_inside(path)
    rows = [[value.strip() for value in line.text.split(",")] for line in lines(path)]
    return {
        row[0]: {"age": row[1], "gender": gender_of(row[2])}
        for row in rows
        if len(row) == len(PEOPLE) and row[0].isdigit()
    }


RECIPE = Recipe(
    corpus=CORPUS,
    title="CREMA-D, actors in six emotions",
    task="emotion",
    license="ODbL-1.0",
    makers="91 actors; Houwei Cao and others (corpus)",
    items=items,
    parts=("AudioWAV",),
    obtain=OBTAIN,
    languages=("en",),
    expected={"all": Expected(7_442)},
    splits={"all": "hash"},
    links=("recording", "speaker", "audio"),
)
