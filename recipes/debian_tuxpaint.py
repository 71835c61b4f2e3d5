"""Tux Paint's stamps: sounds of animals, instruments and things, each with an English caption.

`frog.ogg` is the sound, line 1 of `frog.txt` its caption (`A frog.`); the other lines are translations.
Files with a language in their name (`3_fr.ogg`, `frog_desc_fr.ogg`) are spoken captions: not this corpus.
What is heard is named with AudioSet ontology labels (the vocabulary `tuxpaint` of `manifests/ontology`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from manifests.lines import lines
from manifests.ontology import sounds_of
from manifests.rows import Reject
from recipes.common import (
    NOT_BY_SPEAKER,
    CorpusRows,
    Recipe,
    collapse,
    file_cut,
    in_parallel,
    normalise,
    reject,
    slug,
    sort_out,
    text_split,
)

if TYPE_CHECKING:
    from lhotse import MonoCut

CORPUS = "tuxpaint"
LICENSE = "GPL-2.0-or-later"
STAMPS = "usr/share/tuxpaint/stamps"
# Here the "sound" is a voice that says what the caption spells, or, for dreidels, the letter's name.
SPOKEN = ("symbols/", "seasonal/hanukkah/")

_LOCALISED = re.compile(r"_desc(_|$|\.)|_[a-z]{2,3}(_[A-Za-z]{2})?$")


def read(source: Path, folder: Path) -> CorpusRows:
    """Cuts of every captioned sound; `folder` stays untouched, audio is referenced in place."""
    stamps = source / STAMPS
    sounds = [path for path in sorted(stamps.rglob("*.ogg")) if not is_localised(path)]
    return sort_out(in_parallel(lambda path: _item(path, stamps), sounds, title=CORPUS))


def is_localised(path: Path) -> bool:
    """Is this a spoken caption, or a stamp's sound in one language only? (`x_desc_fr`, `x_pt_BR`, `3_fr`)

    A name may just end like one (`cymbal_crash_low`): only a stamp of the shorter name settles it.
    """
    match = _LOCALISED.search(path.stem)
    if match is None:
        return False
    return "_desc" in match[0] or any(path.with_name(path.stem[: match.start()] + end).exists() for end in STAMP_ENDS)


STAMP_ENDS = (".png", ".svg", ".txt")  # a stamp is a picture, usually with a text


def caption(path: Path) -> str:
    """Line 1 of a stamp's text: its English caption."""
    return collapse(next((line.text for line in lines(path)), ""))


def _item(path: Path, stamps: Path) -> MonoCut | Reject:
    name = str(path.relative_to(stamps).with_suffix(""))
    cut_id = f"{CORPUS}-{slug(name)}"
    text = path.with_suffix(".txt")
    if not text.is_file():
        return reject(cut_id, CORPUS, "text_missing", f"{name} has a sound and no caption")
    said = caption(text)
    if not any(char.isalnum() for char in said):
        return reject(cut_id, CORPUS, "empty_text", f"{name}: the caption is {said!r}")
    if name.startswith(SPOKEN):
        return reject(cut_id, CORPUS, "not_sound", f"{name} is spoken: {said}")
    labels = sounds_of(CORPUS, path.stem)
    if not labels:
        return reject(cut_id, CORPUS, "text_missing", f"{name} has no AudioSet label; its caption is {said!r}")
    return file_cut(
        path,
        cut_id=cut_id,
        corpus=CORPUS,
        split=text_split(said),
        task="sound",
        license=LICENSE,
        target_text=said,
        target_language="en",
        sound=labels,
        sound_original=said,
    )


RECIPE = Recipe(
    corpus=CORPUS,
    title="Tux Paint stamps, captioned sounds",
    task="sound",
    license=LICENSE,
    makers="Bill Kendrick and the Tux Paint contributors",
    read=read,
    channels="mix",
    parts=(STAMPS,),
    packages=("tuxpaint-stamps-default",),
    links=NOT_BY_SPEAKER,
    family=lambda _, labels: normalise(labels.get("target_text", "")),
)
