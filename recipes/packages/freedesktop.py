"""The freedesktop.org sound theme: what a desktop plays at events.

    usr/share/sounds/freedesktop/stereo/camera-shutter.oga

Names of events say little of the sound; those that do are in the vocabulary. The spoken names of loudspeakers are left
out, and the licences of makers differ: each row says its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from manifests.rows import Reject
from recipes.common import Item, Recipe
from recipes.packages._named import LINKS, SPLITS, family, named_sounds

CORPUS = "freedesktop"
SOUNDS = "usr/share/sounds/freedesktop/stereo"
LICENSES = {
    "bell": "CC-BY-3.0",
    "complete": "CC-BY-3.0",
    "trash-empty": "CC-BY-3.0",
    "message-new-instant": "GPL-2.0-or-later",
    "phone-*": "GPL-2.0-or-later",
    "service-*": "GPL-2.0-only",
}


def items(source: Path) -> Iterator[Item | Reject]:
    """Every sound of the theme that is not spoken."""
    spoken = "audio-channel-"
    folder = source / SOUNDS
    yield from named_sounds(source, folder, CORPUS, licenses=LICENSES, left_out=lambda name: name.startswith(spoken))


RECIPE = Recipe(
    corpus=CORPUS,
    title="freedesktop.org sound theme, named sounds",
    task="sound",
    license="CC-BY-SA-3.0",
    makers="the makers that the package's copyright file names sound by sound",
    items=items,
    channels="mix",
    parts=(SOUNDS,),
    packages=("sound-theme-freedesktop",),
    splits=SPLITS,
    links=LINKS,
    family=family,
    optional=True,
)
