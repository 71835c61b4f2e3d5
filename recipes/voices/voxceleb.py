"""VoxCeleb 1 and 2: celebrities in interviews, one at a time.

    vox1_meta.csv:  VoxCeleb1 ID<tab>VGGFace1 ID<tab>Gender<tab>Nationality<tab>Set
    vox2_meta.csv:  VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set
    wav/id10001/1zcIwhmdeo4/00001.wav       aac/id00012/21Uxsk56VDQ/00001.m4a

Name the folder of one of them, or one that holds both. The answer is how many people speak: one. Clips in which more
speak are made of these when they are drawn. The corpus's own `dev` is for training here, as its makers use it, and
`test` is test; each speaker is in one. Gender and nationality stand in `cut.custom`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from manifests.lines import lines
from manifests.reasons import Reason
from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe, need_inside
from recipes.speech.sources import SourceTree, files, gender_of

CORPUS = "voxceleb"
TABLES = {"vox1": "vox1_meta.csv", "vox2": "vox2_meta.csv"}
ENDS = (".wav", ".m4a", ".flac")
OBTAIN = (
    "Ask for it at https://www.robots.ox.ac.uk/~vgg/data/voxceleb and name the folder that holds vox1_meta.csv and "
    "wav/, or vox2_meta.csv and aac/."
)
_COLUMNS = (4, 5)  # id, name, gender, (nationality,) set


@dataclass(frozen=True)
class Celebrity:
    """What a table says of a person."""

    version: str  # vox1, vox2
    part: str  # dev, test
    gender: str | None
    nationality: str | None


def items(root: Path) -> Iterator[Item | Reject]:
    """Every clip below the folder, whose speaker a table names."""
    source = SourceTree(CORPUS, root)
    tables = [(version, path) for version, name in TABLES.items() for path in sorted(root.rglob(name))]
    if not tables:
        raise source.nothing("vox1_meta.csv or vox2_meta.csv", OBTAIN)
    people = {person: facts for version, path in tables for person, facts in _people(version, path)}
    for path in files(root, *ENDS):
        place = path.relative_to(root).as_posix()
        speaker, video = path.parent.parent.name, path.parent.name
        facts = people.get(speaker)
        if facts is None:
            yield source.reject(place, Reason.text_missing, f"{place}: no table names the speaker {speaker!r}")
            continue
        key = f"{speaker}-{video}-{path.stem}"
        yield Item(
            key=key,
            place=place,
            recording=key,
            audio=path,
            speaker=speaker,
            split=f"{facts.version}-{facts.part}",
            target_text="one speaker",
            target_language="en",
            extra={"gender": facts.gender, "nationality": facts.nationality},
        )


def _people(version: str, path: Path) -> Iterator[tuple[str, Celebrity]]:
    """Speaker -> what the table says; lines that say no set are none of a speaker."""
    need_inside(path)
    for line in lines(path):
        values = [value.strip() for value in re.split(r"\t" if version == "vox1" else ",", line.text)]
        if len(values) in _COLUMNS and values[-1] in ("dev", "test"):
            nation = values[3] if version == "vox1" and len(values) == max(_COLUMNS) else None
            yield values[0], Celebrity(version, values[-1], gender_of(values[2]), nation)


RECIPE = Recipe(
    corpus=CORPUS,
    title="VoxCeleb, celebrities in interviews",
    task="speakers",
    license="CC-BY-4.0",
    makers="celebrities on YouTube; Arsha Nagrani, Joon Son Chung, Andrew Zisserman (corpus)",
    items=items,
    obtain=OBTAIN,
    access="form",
    expected={
        "vox1-dev": Expected(148_642),
        "vox1-test": Expected(4_874),
        "vox2-dev": Expected(1_092_009),
        "vox2-test": Expected(36_237),
    },
    splits={"vox1-dev": "train", "vox1-test": "test", "vox2-dev": "train", "vox2-test": "test"},
)
