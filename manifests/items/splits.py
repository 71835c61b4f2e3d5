"""Splits by hash: groups of rows that share something, with each other or with a corpus beside them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manifests.linked.beside import cut_links, look_beside, text_links
from manifests.linked.groups import LINKS, Linked
from manifests.linked.same import Readings

Row = Mapping[str, Any]  # a cut, or a text-only row, as JSON of its manifest
Family = Callable[[str, Mapping[str, Any]], str]  # id, labels -> what else stays in one split


@dataclass(frozen=True)
class Sharing:
    """What rows of different splits never share, where the split is made by hash."""

    links: tuple[str, ...] = LINKS  # of `manifests.linked.groups.LINKS`
    readings: Readings | None = None  # ways to say a text with numbers: `2` and `two` are one text; None: they are two
    beside: Path | None = None  # the folder of corpora whose splits stand, so that linked rows go there; None: alone
    family: Family | None = None


@dataclass(frozen=True)
class Splittable:
    """A row, as far as its split goes."""

    row: Row
    text: bool  # a text-only row
    free: bool  # its split is that of its own hash, and may be another one

    @property
    def split(self) -> str:
        """Where it is now."""
        return str(self.row["split"] if self.text else self.row["custom"]["split"])


def shared_splits(rows: Callable[[], Iterable[Splittable]], sharing: Sharing, corpus: str) -> Sequence[str]:
    """The split of each row, in order, such that those that are linked are in one.

    rows: gives cuts and text-only rows, the same whenever it is called. Some 300 bytes of each are kept.

    A group that is most of the corpus is said on standard error.
    """

    def cuts() -> Iterator[Row]:
        return (one.row for one in rows() if not one.text)

    found = look_beside(cuts, sharing.beside, corpus=corpus, links=sharing.links, readings=sharing.readings)

    def linked() -> Iterator[Linked]:
        place = 0
        for one in rows():
            links = _links(one, sharing, () if one.text else found.sounds.get(place, ()))
            place += not one.text
            yield Linked(str(one.row["id"]), one.split, links, fixed=not one.free)

    grouped = found.split(linked, corpus)
    if said := grouped.said():
        print(f"{corpus}: {said}", file=sys.stderr)
    return grouped.splits


def _links(one: Splittable, sharing: Sharing, sound: Sequence[str]) -> dict[str, list[str]]:
    row = one.row
    if one.text:
        links = text_links(row["text"], row.get("language"), sharing.links, sharing.readings)
    else:
        links = cut_links(row, sharing.links, sound, sharing.readings)
    if sharing.family is None or not one.free:
        return links
    labels = {} if one.text else row["supervisions"][0].get("custom") or {}
    return links | {"family": [sharing.family(str(row["id"]), labels)]}
