"""Splits by hash of an import: groups of cuts that share something, with each other or with a corpus beside them."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lhotse import MonoCut, MultiCut


def split_cuts(
    cuts: Sequence[MonoCut | MultiCut],
    by_hash: Collection[str],
    output: Path,
    *,
    corpus: str,
    links: Collection[str],
    beside: bool = True,
) -> None:
    """Set the split of the cuts whose ids are in `by_hash`, which have that of their own hash.

    They go with the cuts that have a split of their own, here or (`beside`) in the other corpora of `output`, and share
    one of `links` (of `manifests.linked.groups.LINKS`) with them.
    """
    if not by_hash:
        return
    # Readers share this file with `catalog check`, which has no use for graphs and numbers in words: they take seconds.
    from curation.text.readings import number_readings
    from manifests.linked.beside import cut_links, look_beside
    from manifests.linked.groups import Linked

    rows = [cut.to_dict() for cut in cuts]
    found = look_beside(rows, output if beside else None, corpus=corpus, links=links, readings=number_readings)
    linked = [
        Linked(
            row["id"], row["custom"]["split"], cut_links(row, links, sound, number_readings), row["id"] not in by_hash
        )
        for row, sound in zip(rows, found.sounds, strict=True)
    ]
    grouped = found.split(linked, corpus)
    for cut, split in zip(cuts, grouped.splits, strict=True):
        cut.custom["split"] = split
    if said := grouped.said():
        print(f"{corpus}: {said}", file=sys.stderr)
