"""Splits by groups: rows that share a recording, a speaker, a text or audio are never in different splits.

Links make groups: rows and what they share are the nodes of a graph, and a group is what hangs together in it. A group
goes where the hash of one of its rows goes: the row whose id's hash comes first. So rows that share nothing keep the
split of their own hash, and new rows move an old group only by joining it to another one.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from manifests.fingerprint import unit_hash

LINKS = ("recording", "speaker", "text", "audio")
TRAIN, SPLITS = "train", ("train", "dev", "test")
_MOST = 0.5  # of all rows: no group beyond this is held out
_RANK_SEED = 1  # the order of a group's rows must not depend on the hash that chooses the split


@dataclass(frozen=True)
class Linked:
    """One row to split."""

    id: str
    split: str  # where its own hash puts it
    links: Mapping[str, Sequence[str]]  # link -> the values it shares with others
    fixed: bool = False  # its split was given: its group goes there, and it stays whatever its group does


@dataclass(frozen=True)
class Grouped:
    """Where the rows go, and the largest group that no given split decides."""

    splits: list[str]  # of the rows, in order
    moved: int = 0  # rows that are not where their own hash put them
    free: int = 0  # rows whose split was not given
    largest: int = 0  # rows
    held_together: dict[str, str] = field(default_factory=dict)  # where it is too large: link -> its commonest value

    @property
    def too_large(self) -> bool:
        """Whether the largest group is most of the rows, so that the shares cannot be what was asked for."""
        return self.largest > max(1, _MOST * self.free)

    def said(self) -> str:
        """What a group that is too large means, and what to do; "" if none is."""
        if not self.too_large:
            return ""
        links = ", ".join(f"{link} {value}" for link, value in self.held_together.items())
        counts = Counter(self.splits)
        shares = ", ".join(f"{split} {counts[split]:,}" for split in SPLITS)
        return (
            f"{self.largest:,} of {self.free:,} rows hang together and stay in train ({links}), so the splits "
            f"are {shares}. Fewer links make smaller groups: name those of {', '.join(LINKS)} that count "
            "(the setting `split_links` of an import); the others may be shared then, and `soundwave audit` says so."
        )


def split_groups(rows: Sequence[Linked]) -> Grouped:
    """The split of each row, such that rows with a value in common, or joined by others', are in one split."""
    grouping = Grouping()
    for row in rows:
        grouping.add(row)
    return grouping.split(lambda: rows)


class Grouping:
    """Rows to split, one after the other; of each some 60 bytes are kept, and 16 for every value that it has."""

    def __init__(self) -> None:
        self._ends = array("q")
        self._marks = array("q")  # of the values: 64 bits each
        self._ranks = array("d")
        self._fixed = bytearray()
        self._splits = bytearray()  # places in `_names`
        self._names: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ranks)

    def add(self, row: Linked) -> None:
        """One more row."""
        number = len(self)
        for link, values in row.links.items():
            for value in values:
                self._ends.append(number)
                self._marks.append(hash((link, value)))
        self._ranks.append(unit_hash(row.id, _RANK_SEED))
        self._fixed.append(row.fixed)
        self._splits.append(self._names.setdefault(row.split, len(self._names)))

    def split(self, again: Callable[[], Iterable[Linked]]) -> Grouped:
        """Where the rows go. again: the same rows, for what a group that is too large has in common."""
        if not len(self):
            return Grouped([])
        labels = self.labels()
        free = ~np.frombuffer(self._fixed, np.bool_)
        order = np.lexsort((np.frombuffer(self._ranks), free, labels))
        leaders = order[np.unique(labels[order], return_index=True)[1]]  # group -> the row that speaks for it
        sizes = np.bincount(labels) * free[leaders]
        largest = int(sizes.argmax())
        own = np.frombuffer(self._splits, np.uint8)
        homes = own[leaders]
        if sizes[largest] > max(1, _MOST * np.count_nonzero(free)):
            homes[largest] = self._names.setdefault(TRAIN, len(self._names))
        codes = np.where(free, homes[labels], own)
        names = list(self._names)
        splits = [names[code] for code in codes]
        found = Grouped(splits, int(np.count_nonzero(codes != own)), int(np.count_nonzero(free)), int(sizes[largest]))
        if not found.too_large:
            return found
        held = _held_together([row for row, label in zip(again(), labels, strict=True) if label == largest])
        return replace(found, held_together=held)

    def labels(self) -> NDArray[np.int64]:
        """The group of each row, numbered from 0 in the order of their first rows."""
        from scipy.sparse import coo_array  # 0.6 s, which readers of LINKS need not wait for
        from scipy.sparse.csgraph import connected_components

        rows = len(self)
        ends = np.frombuffer(self._ends, np.int64)
        shared, places, counts = np.unique(
            np.frombuffer(self._marks, np.int64), return_inverse=True, return_counts=True
        )
        joins = counts[places] > 1  # what one row has joins nothing
        nodes = rows + len(shared)
        edges = coo_array(
            (np.ones(np.count_nonzero(joins), np.int8), (ends[joins], rows + places[joins])), (nodes, nodes)
        )
        _, found = connected_components(edges, directed=False)
        _, labels = np.unique(found[:rows], return_inverse=True)
        numbered: NDArray[np.int64] = labels.astype(np.int64)
        return numbered


def _held_together(rows: Sequence[Linked]) -> dict[str, str]:
    """Link -> the value that most of these rows share, and how many do; the strongest link first."""
    found: list[tuple[int, str, str]] = []
    for link in {link for row in rows for link in row.links}:
        counts = Counter(value for row in rows for value in row.links.get(link, ()))
        most = max(counts.values(), default=0)
        if most > 1:
            found.append((most, link, min(value for value, count in counts.items() if count == most)))
    return {link: f"{value[:40]!r} in {most:,}" for most, link, value in sorted(found, key=lambda it: (-it[0], it[1]))}
