"""Sonic Pi's samples: drums, instruments, ambiences; the file name says what is heard (`drum_snare_hard`).

Names become AudioSet ontology labels through the vocabulary `sonicpi` of `manifests/ontology`; the first label is the
target text too, since the corpus has no captions.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from manifests.ontology import sounds_of
from manifests.rows import Reject
from recipes.common import (
    NOT_BY_SPEAKER,
    CorpusRows,
    Recipe,
    file_cut,
    in_parallel,
    reject,
    slug,
    sort_out,
    text_split,
)

if TYPE_CHECKING:
    from lhotse import MonoCut

CORPUS = "sonicpi"
LICENSE = "CC0-1.0"
SAMPLES = "usr/share/sonic-pi/samples"


def read(source: Path, folder: Path) -> CorpusRows:
    """Cuts of every sample whose name is understood; `folder` stays untouched, audio is referenced in place."""
    samples = sorted((source / SAMPLES).rglob("*.flac"))
    return sort_out(in_parallel(_item, samples, title=CORPUS))


def family(name: str) -> str:
    """What splits are disjoint in: takes of one sound (`tabla_ghe1` to `tabla_ghe8`, hard and soft) stay together."""
    return re.sub(r"(_(hard|soft|full|o|s))?\d*$", "", name)


def _item(path: Path) -> MonoCut | Reject:
    cut_id = f"{CORPUS}-{slug(path.stem)}"
    labels = sounds_of(CORPUS, path.stem)
    if not labels:
        return reject(
            cut_id, CORPUS, "text_missing", f"{path.stem}: no label of the vocabulary {CORPUS} matches the name"
        )
    return file_cut(
        path,
        cut_id=cut_id,
        corpus=CORPUS,
        split=text_split(family(path.stem)),
        task="sound",
        license=LICENSE,
        target_text=f"{labels[0]}.",
        target_language="en",
        sound=labels,
        sound_original=path.stem,
    )


RECIPE = Recipe(
    corpus=CORPUS,
    title="Sonic Pi samples, named sounds",
    task="sound",
    license=LICENSE,
    makers="the freesound.org contributors and musicians that Sonic Pi's sample list credits",
    read=read,
    channels="mix",
    parts=(SAMPLES,),
    packages=("sonic-pi-samples",),
    links=NOT_BY_SPEAKER,
    family=lambda _, labels: family(labels.get("sound_original", "")),
)
