"""FSD50K: 51,197 clips of freesound.org with 200 names of AudioSet's ontology.

    FSD50K.ground_truth/dev.csv:    fname,labels,mids,split
                                    64760,"Electric_guitar,...,Music","/m/02sgy,...",train
    FSD50K.ground_truth/eval.csv:   fname,labels,mids
    FSD50K.dev_audio/64760.wav      FSD50K.eval_audio/37199.wav
    FSD50K.metadata/dev_clips_info_FSD50K.json:   {"64760": {"license": "http://creativecommons.org/...", ...}}

The ids (`mids`) say what is heard; the corpus names all parents too, and the names that say most come first here. The
parts `train` and `val` of the development set and the evaluation set are the splits. Each clip has a licence of its
own where the metadata are there; the collection is CC-BY-4.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from manifests.ontology import sound_names
from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe
from recipes.sounds.labels import heard
from recipes.speech.sources import SourceTree
from recipes.tables import Row, file_name, json_object, quoted

CORPUS = "fsd50k"
PARTS = {"dev": ("train", "val"), "eval": ("eval",)}  # set -> its parts
OBTAIN = (
    "Get it from https://zenodo.org/records/4060432 and name the folder that holds FSD50K.ground_truth/ and the audio."
)
_CC = re.compile(r"creativecommons\.org/(?:licenses/(?P<kind>[a-z+-]+)|publicdomain/zero)/(?P<version>[\d.]+)")


def items(root: Path) -> Iterator[Item | Reject]:
    """Every clip of the sets that are there."""
    source = SourceTree(CORPUS, root)
    found = [name for name in PARTS if (root / "FSD50K.ground_truth" / f"{name}.csv").is_file()]
    if not found:
        raise source.nothing("FSD50K.ground_truth/dev.csv or eval.csv", OBTAIN)
    for name in found:
        yield from _set(source, name)


def _set(source: SourceTree, name: str) -> Iterator[Item | Reject]:
    licences = _licences(source.root / "FSD50K.metadata" / f"{name}_clips_info_FSD50K.json")
    folder = source.root / f"FSD50K.{name}_audio"

    def clip(place: str, row: Row) -> Item:
        key = file_name(row["fname"])
        ids = [one.strip() for one in row["mids"].split(",") if one.strip()]
        if not ids:
            raise ValueError("no mids, expected ids of AudioSet's ontology")
        part = row["split"] if name == "dev" else name
        if part not in PARTS[name]:
            raise ValueError(f"split is {part[:40]!r}, expected {' or '.join(PARTS[name])}")
        return Item(
            key=key,
            place=place,
            recording=key,
            audio=source.audio(folder / f"{key}.wav"),
            split=part,
            license=licences.get(key),
            **heard([sound_names().get(one, one) for one in ids], row["labels"]),
        )

    need = ("fname", "labels", "mids", "split") if name == "dev" else ("fname", "labels", "mids")
    yield from quoted(source, source.root / "FSD50K.ground_truth" / f"{name}.csv", clip, need=need)
    yield from source.unnamed(folder, ".wav")


def _licences(path: Path) -> dict[str, str]:
    """Clip -> SPDX identifier, where the metadata are there and it has one."""
    if not path.is_file():
        return {}
    found = ((key, _spdx(info)) for key, info in json_object(path).items())
    return {key: licence for key, licence in found if licence}


def _spdx(info: object) -> str | None:
    """`CC-BY-NC-3.0` of an address at creativecommons.org; None: it is none."""
    match = _CC.search(str(info.get("license", ""))) if isinstance(info, Mapping) else None
    if match is None:
        return None
    if match["kind"] is None:
        return f"CC0-{match['version']}"
    kind = match["kind"].upper()
    return f"LicenseRef-CC-{kind}-{match['version']}" if kind == "SAMPLING+" else f"CC-{kind}-{match['version']}"


RECIPE = Recipe(
    corpus=CORPUS,
    title="FSD50K, sounds of freesound.org with names of AudioSet's ontology",
    task="sound",
    license="CC-BY-4.0",
    makers="contributors of freesound.org; Eduardo Fonseca and others (corpus)",
    items=items,
    parts=("FSD50K.ground_truth",),
    obtain=OBTAIN,
    expected={"train": Expected(36_796, 70.5), "val": Expected(4_170, 9.9), "eval": Expected(10_231, 27.9)},
    channels="mix",
)
