"""Which voices are alike over a whole corpus: matrix products of blocks, never pair by pair.

The label pass `speaker` gives each cut a vector of length 1; a group of cuts is the mean of theirs, at length 1 again:
of three clips it tells voices apart where one clip does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats = NDArray[np.float32]
BLOCK = 4096  # rows of a product at once: memory grows with the other side alone
BETTER = pa.list_(pa.struct([("own", pa.float32()), ("other", pa.string()), ("likeness", pa.float32())]))
ALIKE = pa.list_(pa.struct([("name", pa.string()), ("other", pa.string()), ("likeness", pa.float32())]))
BETTER_SQL = "STRUCT(own FLOAT, other VARCHAR, likeness FLOAT)[]"
ALIKE_SQL = 'STRUCT("name" VARCHAR, other VARCHAR, likeness FLOAT)[]'


def voices_of(vectors: Floats, names: Sequence[str]) -> tuple[list[str], Floats, NDArray[np.int64]]:
    """Names of the groups, sorted; sum of each one's vectors (G, D); and the group of each vector (N,)."""
    groups, places = np.unique(np.asarray(names, dtype=object).astype(str), return_inverse=True)
    sums = np.zeros((len(groups), vectors.shape[1]), np.float32)
    np.add.at(sums, places, vectors)
    return [str(name) for name in groups], sums, places.astype(np.int64)


def own_and_other(vectors: Floats, names: Sequence[str]) -> tuple[Floats, list[str], Floats]:
    """Of each vector (N, D): its likeness to the others of its name (NaN: there are none), and which of all other names
    is most like it, with that likeness (no other name: "" and NaN).
    """
    groups, sums, places = voices_of(vectors, names)
    counts = np.bincount(places)
    rest = _unit(sums[places] - vectors)
    own = np.where(counts[places] > 1, np.einsum("nd,nd->n", vectors, rest), np.nan).astype(np.float32)
    if len(groups) < 2:
        return own, [""] * len(vectors), np.full(len(vectors), np.nan, np.float32)
    centres = _unit(sums)
    best, likeness = np.zeros(len(vectors), np.int64), np.zeros(len(vectors), np.float32)
    for start in range(0, len(vectors), BLOCK):
        part = slice(start, min(start + BLOCK, len(vectors)))
        products = vectors[part] @ centres.T
        products[np.arange(len(products)), places[part]] = -np.inf
        best[part], likeness[part] = products.argmax(axis=1), products.max(axis=1)
    return own, [groups[place] for place in best], likeness


def nearest_seen(held: Floats, seen: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Of each row of `held` (H, D) the row of `seen` (S, D), S > 0, that is most like it, and how much."""
    best, likeness = np.zeros(len(held), np.int64), np.zeros(len(held), np.float32)
    for start in range(0, len(held), BLOCK):
        part = slice(start, min(start + BLOCK, len(held)))
        highest = np.full(part.stop - part.start, -np.inf, np.float32)
        for column in range(0, len(seen), BLOCK):
            products = held[part] @ seen[column : column + BLOCK].T
            better = products.max(axis=1) > highest
            best[part] = np.where(better, products.argmax(axis=1) + column, best[part])
            highest = np.maximum(highest, products.max(axis=1))
        likeness[part] = highest
    return best, likeness


def create_voice_functions(con: Any) -> None:
    """Add own_and_other_voice(vectors, speakers) and nearest_voices(vectors, names, held) to a connection.

    Both take the whole of a corpus as lists (one an item) and give a list: of each vector {own, other, likeness}; of
    each name that is held out the most alike of the others {name, other, likeness}.
    """
    many, words = "FLOAT[][]", "VARCHAR[]"
    con.create_function("own_and_other_voice", _own_and_other, [many, words], BETTER_SQL, type="arrow")
    con.create_function("nearest_voices", _nearest, [many, words, "BOOLEAN[]"], ALIKE_SQL, type="arrow")


def _own_and_other(vectors: Any, names: Any) -> Any:
    rows = []
    for place in range(len(vectors)):
        own, others, likeness = own_and_other(_matrix(vectors, place), names[place].as_py())
        rows.append(
            [
                {"own": _number(one), "other": other or None, "likeness": _number(like)}
                for one, other, like in zip(own, others, likeness, strict=True)
            ]
        )
    return pa.array(rows, BETTER)


def _nearest(vectors: Any, names: Any, held: Any) -> Any:
    rows: list[list[dict[str, Any]]] = []
    for place in range(len(vectors)):
        out = np.asarray(held[place].as_py(), bool)
        groups, sums, places = voices_of(_matrix(vectors, place), names[place].as_py())
        centres, is_held = _unit(sums), np.zeros(len(groups), bool)
        is_held[places] = out
        left, right = np.flatnonzero(is_held), np.flatnonzero(~is_held)
        if not len(left) or not len(right):
            rows.append([])
            continue
        best, likeness = nearest_seen(centres[left], centres[right])
        rows.append(
            [
                {"name": groups[one], "other": groups[right[other]], "likeness": _number(like)}
                for one, other, like in zip(left, best, likeness, strict=True)
            ]
        )
    return pa.array(rows, ALIKE)


def _matrix(lists: Any, place: int) -> Floats:
    """A list of vectors of one length as (N, D), without a Python object a number."""
    values = lists[place].values
    flat: Floats = values.flatten().to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
    matrix: Floats = flat.reshape(len(values), -1)
    return matrix


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Floats = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return scaled


def _number(value: np.floating[Any]) -> float | None:
    return None if np.isnan(value) else float(value)
