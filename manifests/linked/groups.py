"""Splits by groups: rows that share a recording, a speaker, a text or audio are never in different splits.

Links make groups: rows and what they share are the nodes of a graph, and a group is what hangs together in it. A group
goes where the hash of one of its rows goes: the row whose id's hash comes first. So rows that share nothing keep the
split of their own hash, and new rows move an old group only by joining it to another one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
    held_together: dict[str, str] = field(default_factory=dict)  # link -> its commonest value in the largest group

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
    if not rows:
        return Grouped([])
    labels = _labels(rows)
    free = np.fromiter((not row.fixed for row in rows), np.bool_, len(rows))
    ranks = np.fromiter((unit_hash(row.id, _RANK_SEED) for row in rows), np.float64, len(rows))
    order = np.lexsort((ranks, free, labels))
    leaders = order[np.unique(labels[order], return_index=True)[1]]  # group -> the row that speaks for it
    sizes = np.bincount(labels) * free[leaders]
    largest = int(sizes.argmax())
    homes = [rows[int(leader)].split for leader in leaders]
    if sizes[largest] > max(1, _MOST * np.count_nonzero(free)):
        homes[largest] = TRAIN
    splits = [row.split if row.fixed else homes[label] for row, label in zip(rows, labels, strict=True)]
    moved = sum(row.split != split for row, split in zip(rows, splits, strict=True))
    held = _held_together([rows[int(at)] for at in np.flatnonzero(labels == largest)]) if sizes[largest] > 1 else {}
    return Grouped(splits, moved, int(np.count_nonzero(free)), int(sizes[largest]), held)


def _labels(rows: Sequence[Linked]) -> NDArray[np.int64]:
    """The group of each row, numbered from 0 in the order of their first rows."""
    from scipy.sparse import coo_array  # 0.6 s, which readers of LINKS need not wait for
    from scipy.sparse.csgraph import connected_components

    ends: list[int] = []
    marks: list[int] = []  # of the values: 64 bits each, so that a million rows take megabytes
    for number, row in enumerate(rows):
        for link, values in row.links.items():
            for value in values:
                ends.append(number)
                marks.append(hash((link, value)))
    shared, places = np.unique(np.array(marks, np.int64), return_inverse=True)
    nodes = len(rows) + len(shared)
    edges = coo_array((np.ones(len(ends), np.int8), (np.array(ends, np.int64), len(rows) + places)), (nodes, nodes))
    _, found = connected_components(edges, directed=False)
    _, labels = np.unique(found[: len(rows)], return_inverse=True)
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
