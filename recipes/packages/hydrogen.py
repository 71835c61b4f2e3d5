"""Drumkits of the drum machine Hydrogen: every stroke of every instrument, at several strengths; and guitar strums.

    usr/share/hydrogen/data/drumkits/GMRockKit/drumkit.xml:   <name>Cowbell</name> ... <filename>Cowbell-Hard.wav
    usr/share/hydrogen/data/drumkits/GMRockKit/Cowbell-Hard.wav

A sound is called `gmrockkit/cowbell`: its kit and its instrument; where a kit just numbers an instrument, the name of
the file stands for it. The strokes of one instrument are near copies, and in one split. What no kit names is a reject.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from manifests.errors import AudioError
from manifests.reasons import Reason
from manifests.rows import Reject
from recipes.common import Item, Recipe, collapse, need_inside, slug
from recipes.packages._named import ENDS, LINKS, PART, SPLITS, family
from recipes.sounds.labels import labelled
from recipes.speech.sources import SourceTree

CORPUS = "hydrogen"
KITS = "usr/share/hydrogen/data/drumkits"
KIT = "drumkit.xml"
# As the packages' copyright files have them; other kits are under the package's own licence.
LICENSES = {
    "Audiophob": "CC0-1.0",
    "BJA_Pacific": "CC-BY-SA-3.0-US",
    "ForzeeStereo": "GPL-2.0-only",
    "Millo-Drums_v.1": "GPL-2.0-only",
    "Millo_MultiLayered2": "GPL-2.0-only",
    "Millo_MultiLayered3": "GPL-2.0-only",
    "Gimme A Hand 1.0": "GPL-2.0-only",
    "The Black Pearl 1.0": "GPL-2.0-only",
    "belofilms_GuitarStrums": "CC-BY-3.0",
    "circAfrique v4": "CC-BY-SA-3.0",
    "rumpf_kit_z01_h2": "CC-BY-3.0",
}


def items(source: Path) -> Iterator[Item | Reject]:
    """Every sample of every kit."""
    tree = SourceTree(CORPUS, source)
    for kit in sorted((source / KITS).glob(f"*/{KIT}")):
        try:
            need_inside(kit)
            yield from _samples(tree, kit)
        except AudioError as error:
            yield tree.reject(kit.parent.name, Reason(error.reason), str(error))
        except ElementTree.ParseError as error:
            place = kit.relative_to(source).as_posix()
            yield tree.reject(kit.parent.name, Reason.bad_row, f"{place} is no XML ({error})")
        yield from tree.unnamed(kit.parent, *ENDS)


def _samples(tree: SourceTree, kit: Path) -> Iterator[Item | Reject]:
    met: set[str] = set()
    for number, instrument in enumerate(_all(ElementTree.parse(kit).getroot(), "instrument"), 1):
        name = collapse(next((one.text or "" for one in instrument if _tag(one) == "name"), ""))
        for file in (collapse(one.text or "") for one in _all(instrument, "filename")):
            if not file or file in met:  # an instrument's empty layer; a sample that two instruments share
                continue
            met.add(file)
            place = f"{kit.relative_to(tree.root).as_posix()}, instrument {number}"
            if Path(file).name != file:
                yield tree.reject(
                    f"{kit.parent.name}-{number}", Reason.bad_row, f"{place}: {file[:80]!r} is no file's name"
                )
                continue
            yield _sample(tree, kit.parent / file, name, place)


def _sample(tree: SourceTree, path: Path, instrument: str, place: str) -> Item:
    kit = path.parent.name
    heard = instrument if any(char.isalpha() for char in instrument) else path.stem
    key = slug(f"{kit}-{path.name}")
    return Item(
        key=key,
        place=place,
        recording=key,
        audio=tree.audio(path),
        split=PART,
        license=LICENSES.get(kit),
        **labelled(CORPUS, f"{kit}/{heard}".lower()),
    )


def _all(parent: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (one for one in parent.iter() if _tag(one) == name)


def _tag(element: ElementTree.Element) -> str:
    """The name of an element: older kits have no namespace."""
    return str(element.tag).rpartition("}")[2]


RECIPE = Recipe(
    corpus=CORPUS,
    title="Hydrogen drumkits, strokes of named instruments",
    task="sound",
    license="GPL-2.0-or-later",
    makers="the makers of the drumkits, whom the packages' copyright files name kit by kit",
    items=items,
    channels="mix",
    parts=(KITS,),
    packages=("hydrogen-data", "hydrogen-drumkits", "hydrogen-drumkits-effects"),
    splits=SPLITS,
    links=LINKS,
    family=family,
    optional=True,
)
