"""Folds: rows in as many parts, so that each is held out once and rows that share something are never apart."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np

from manifests.errors import InputError
from manifests.fingerprint import unit_hash
from manifests.linked.groups import Grouping, Linked


def fold_rows(rows: Sequence[Linked], folds: int, sizes: Sequence[float] | None = None, *, seed: int = 0) -> list[int]:
    """The fold (from 0) of each row. Groups of linked rows stay whole, and folds are as equal in size as they allow.

    The largest group goes first, each to the smallest fold so far. The answer depends on the rows alone, not on their
    order; another seed gives other folds where groups are of one size.

    Args:
        rows: `split` and `fixed` say nothing here.
        folds: how many, 2 or more.
        sizes: what each row counts, as its duration; None: 1.
        seed: of the order of groups that are alike.

    Raises:
        InputError: fewer groups than folds.
    """
    if folds < 2:
        raise InputError(f"folds is {folds}, expected 2 or more: one is held out, the others are trained on.")
    grouping = Grouping()
    for row in rows:
        grouping.add(row)
    labels = grouping.labels() if rows else np.zeros(0, dtype=np.int64)
    count = int(labels.max()) + 1 if len(labels) else 0
    if count < folds:
        raise InputError(
            f"{len(rows)} rows hang together in {count} groups (by recording, speaker or text), which is fewer than "
            f"{folds} folds. Ask for fewer folds, or name fewer links."
        )
    weight = np.bincount(labels, weights=np.ones(len(rows)) if sizes is None else np.asarray(sizes, dtype=np.float64))
    rank: dict[int, float] = {}
    for row, label in zip(rows, labels.tolist(), strict=True):
        rank[label] = min(rank.get(label, 1.0), unit_hash(row.id, seed))
    order = sorted(range(count), key=lambda group: (-round(float(weight[group]), 6), rank[group]))
    heap = [(0.0, fold) for fold in range(folds)]
    home = [0] * count
    for group in order:
        size, fold = heapq.heappop(heap)
        home[group] = fold
        heapq.heappush(heap, (round(size + float(weight[group]), 6), fold))
    return [home[label] for label in labels.tolist()]
