"""Files of sounds that are named after what is heard: what their recipes share.

    sounds/wolf-growl-1.ogg  ->  `wolf-growl-1`, in the ontology Growling (the vocabulary of the corpus says so)

Takes of one sound (`wolf-growl-1`, `wolf-growl-2`, `wolf-growl-miss`) are near copies: `take_of` gives what they have
in common, and they are in one split. A name that the vocabulary lacks stays as it is, and the audit `unknown_labels`
names it: what a monster of a game sounds like, no table can say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from manifests.rows import Reject
from manifests.rows.splits import HASH
from recipes.common import Item, slug
from recipes.sounds.labels import labelled
from recipes.speech.sources import SourceTree, files

ENDS = (".flac", ".oga", ".ogg", ".wav")
LINKS = ("recording", "audio")
PART = "sounds"
SPLITS = {PART: HASH}

_TAKE = re.compile(r"([-_. ](miss|hard|soft|long|short|small|big|puny|fire|sml)|[-_. ]?\d+[a-z]?)+$")


def named_sounds(
    source: Path,
    folder: Path,
    corpus: str,
    *,
    licenses: Mapping[str, str] | None = None,
    left_out: Callable[[str], bool] = lambda _: False,
) -> Iterator[Item | Reject]:
    """An item of every audio file under a folder.

    Args:
        source: root of the packages.
        folder: within it.
        corpus: whose vocabulary of `manifests/ontology` has the names.
        licenses: pattern of names -> licence, where that is not the corpus's; the first that fits counts.
        left_out: whether a name (a path in the folder, without its ending) is none of the corpus's.
    """
    tree = SourceTree(corpus, source)
    for path in files(folder, *ENDS):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if left_out(name):
            continue
        own = (license for pattern, license in (licenses or {}).items() if fnmatchcase(name, pattern))
        key = slug(path.relative_to(folder).as_posix())
        yield Item(
            key=key,
            place=path.relative_to(source).as_posix(),
            recording=key,
            audio=tree.audio(path),
            split=PART,
            license=next(own, None),
            **labelled(corpus, name),
        )


def take_of(name: str) -> str:
    """What takes of one sound have in common: the name without numbers, strengths and misses at its end."""
    return _TAKE.sub("", name) or name


def family(_: str, labels: Mapping[str, Any]) -> str:
    """What stays in one split beside links: takes of one sound."""
    return take_of(str(labels.get("sound_original", "")))
