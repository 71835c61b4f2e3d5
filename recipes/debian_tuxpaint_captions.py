"""Tux Paint's spoken captions: short read sentences in a dozen languages, for recognition.

`frog_desc_fr.ogg` speaks the line `fr.utf8=Une grenouille.` of `frog.txt`; `frog_desc.ogg` its first line, which
is English. The recordings come from volunteers and have what such corpora have: byte-identical copies under
several names, whole languages clipped, voices that leave the article out. The labelling passes find those.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from manifests.lines import lines
from manifests.rows import Reject
from recipes.common import (
    NOT_BY_SPEAKER,
    CorpusRows,
    Recipe,
    collapse,
    file_cut,
    in_parallel,
    reject,
    slug,
    sort_out,
    text_split,
)

if TYPE_CHECKING:
    from lhotse import MonoCut

CORPUS = "tuxpaint_captions"
LICENSE = "GPL-2.0-or-later"
STAMPS = "usr/share/tuxpaint/stamps"

_SPOKEN = re.compile(r"(?P<stamp>.+)_desc(_(?P<language>[a-z]{2,3}(_[A-Z]{2})?))?")
_TRANSLATION = re.compile(r"(?P<language>[a-z]{2,3}(_[A-Z]{2})?)\.utf8=(?P<text>.*)")


def read(source: Path, folder: Path) -> CorpusRows:
    """Cuts of every spoken caption; `folder` stays untouched, audio is referenced in place."""
    stamps = source / STAMPS
    spoken = list(recordings(stamps))
    return sort_out(in_parallel(lambda item: _item(stamps, *item), spoken, title=CORPUS))


def recordings(stamps: Path) -> Iterator[tuple[Path, Path, str]]:
    """Audio file, text file of its stamp, and language, of every file named like a spoken caption."""
    for path in sorted(stamps.rglob("*_desc*.*")):
        match = _SPOKEN.fullmatch(path.stem)
        if match and path.suffix in (".ogg", ".wav"):
            yield path, path.with_name(f"{match['stamp']}.txt"), match["language"] or "en"


def captions(path: Path) -> dict[str, str]:
    """Language -> caption, from a stamp's text; the first line is English."""
    if not path.is_file():
        return {}
    first, *others = [line.text for line in lines(path)] or [""]
    matches = (_TRANSLATION.fullmatch(line.strip()) for line in others)
    return {"en": collapse(first)} | {match["language"]: collapse(match["text"]) for match in matches if match}


def _item(stamps: Path, path: Path, text: Path, language: str) -> MonoCut | Reject:
    cut_id = f"{CORPUS}-{slug(str(path.relative_to(stamps).with_suffix('')))}"
    said = captions(text).get(language)
    if said is None:
        return reject(cut_id, CORPUS, "text_missing", f"{text.name} has no caption in {language} for {path.name}")
    if not any(char.isalnum() for char in said):
        return reject(cut_id, CORPUS, "empty_text", f"{text.name}: the caption in {language} is {said!r}")
    return file_cut(
        path,
        cut_id=cut_id,
        corpus=CORPUS,
        split=text_split(said),
        task="asr",
        domain="captions",
        license=LICENSE,
        text=said,
        language=language.partition("_")[0],
    )


RECIPE = Recipe(
    corpus=CORPUS,
    title="Tux Paint stamps, spoken captions in many languages",
    task="asr",
    license=LICENSE,
    makers="volunteers of the Tux Paint project",
    read=read,
    channels="mix",
    parts=(STAMPS,),
    packages=("tuxpaint-stamps-default",),
    optional=True,
    links=NOT_BY_SPEAKER,
    version=2,
)
