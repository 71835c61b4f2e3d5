"""Which of many cuts sound alike: links for splits by groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from manifests.audio import CutSound, read_cut
from manifests.audio.landmarks import Landmarks, alike_pairs, landmarks
from manifests.audio.probing import threads
from manifests.errors import InputError

Row = Mapping[str, Any]  # a cut, as JSON of its manifest
IN_HAND = 1024  # cuts that are decoded at a time


def sound_links(rows: Iterable[Row]) -> dict[int, list[str]]:
    """Place of a cut -> values that it shares with those it sounds alike; every cut is decoded once, in threads.

    Of a cut up to 3 kB are kept meanwhile. One that does not decode is like no other: passes reject it.
    """
    clips = _Packed()
    left = enumerate(rows)
    with ThreadPoolExecutor(threads()) as pool:
        while group := list(islice(left, IN_HAND)):
            for (place, _), found in zip(group, pool.map(_marks, [row for _, row in group]), strict=True):
                if found is not None:
                    clips.add(place, found)
    links: dict[int, list[str]] = {}
    for one, other, _ in alike_pairs(clips):
        for place in (one, other):
            links.setdefault(clips.places[place], []).append(f"sound of {clips.places[one]}")
    return links


class _Packed(Sequence[Landmarks]):
    """Landmarks in as few bytes as they need."""

    def __init__(self) -> None:
        self.places: list[int] = []  # of the cuts among all
        self._marks: list[tuple[NDArray[np.uint32], int, NDArray[np.uint32]]] = []

    def add(self, place: int, found: Landmarks) -> None:
        self.places.append(place)
        both = (found.pairs << 14 | found.times).astype(np.uint32)
        self._marks.append((both, found.halved, found.keys.astype(np.uint32)))

    def __len__(self) -> int:
        return len(self._marks)

    @overload
    def __getitem__(self, place: int) -> Landmarks: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Landmarks]: ...
    def __getitem__(self, place: int | slice) -> Landmarks | Sequence[Landmarks]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        both, halved, keys = self._marks[place]
        marks = both.astype(np.int64)
        return Landmarks(marks >> 14, marks & 0x3FFF, halved, keys.astype(np.int64))

    def __iter__(self) -> Iterator[Landmarks]:
        return (self[place] for place in range(len(self)))


def _marks(row: Row) -> Landmarks | None:
    try:
        return landmarks(read_cut(CutSound.of_manifest(row)))
    except InputError:
        return None
