"""Which of many cuts sound alike: links for splits by groups."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from manifests.audio import CutSound, read_cut
from manifests.audio.landmarks import Landmarks, alike_pairs, landmarks
from manifests.errors import InputError

Row = Mapping[str, Any]  # a cut, as JSON of its manifest


def sound_links(rows: Sequence[Row]) -> list[list[str]]:
    """For each cut values that it shares with those it sounds alike; every cut is decoded once, in threads.

    A cut that does not decode is like no other: passes reject it.
    """
    with ThreadPoolExecutor(min(8, 2 * (os.cpu_count() or 1))) as pool:
        marks = list(pool.map(_marks, rows))
    known = [place for place, found in enumerate(marks) if found is not None]
    links: list[list[str]] = [[] for _ in rows]
    for one, other, _ in alike_pairs([found for found in marks if found is not None]):
        for place in (one, other):
            links[known[place]].append(f"sound of {known[one]}")
    return links


def _marks(row: Row) -> Landmarks | None:
    try:
        return landmarks(read_cut(CutSound.of_manifest(row)))
    except InputError:
        return None
