"""Which lines of JSON must be parsed by `parse_row`, because DuckDB's parser takes more than the standard allows.

DuckDB lets trailing commas, `nan` and `inf` in any letter case, and any nesting pass, and says little of halves of
surrogate pairs. Lines where one of these may stand are found in the bytes of a block at once, not line by line.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from manifests.lines import Block
from manifests.lines.jsonl import DEEPEST, parse_row

Bytes = NDArray[np.uint8]
Places = NDArray[np.intp]

_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_SPACE = ord(" ")
_WINDOW = 1 << 16  # bytes looked at at once: more leave the processor's cache, which takes several times as long
_BEFORE_VALUES = np.frombuffer(b":,[-", np.uint8)


def problems(block: Block) -> dict[int, str]:
    """What is wrong with lines of a block, by index, as far as DuckDB's parser would not say so."""
    found = dict(block.problems)
    for index in _doubtful(block):
        text = block.text(index).strip(" \t\r")
        try:
            if text:
                parse_row(text)
        except ValueError as error:
            found.setdefault(index, str(error))
    return found


def _doubtful(block: Block) -> list[int]:
    data, ends = np.frombuffer(block.data, np.uint8), block.bounds[1:]
    if len(data) < 3:
        return []
    opening, closing, letters = _look(data)
    deep = np.flatnonzero(np.diff(np.searchsorted(opening, ends), prepend=0) > DEEPEST)
    places = np.concatenate([_trailing_commas(data, closing), _literals(data, letters), _halves(block.data)])
    return np.union1d(deep, np.searchsorted(ends, places, side="right")).tolist()  # type: ignore[no-any-return]


def _look(data: Bytes) -> tuple[Places, Places, Places]:
    """Opening brackets, closing ones, and where two letters of `nan` or `inf` stand, in any letter case: na, nf."""
    found: tuple[list[Places], ...] = ([], [], [])
    for start in range(0, len(data), _WINDOW):
        upper = data[start : start + _WINDOW + 1] & np.uint8(0xDF)  # [ and { become one, ] and } too
        letters = (upper == ord("A")) | (upper == ord("F"))
        letters[1:] &= upper[:-1] == ord("N")
        letters[0] = False
        own = upper[:_WINDOW]
        for places, here in zip(found, (own == ord("["), own == ord("]"), letters[1:]), strict=True):
            places.append(start + np.flatnonzero(here))
    opening, closing, both = (np.concatenate(places) for places in found)
    return opening, closing, both


def _trailing_commas(data: Bytes, places: Places) -> Places:
    """Of closing brackets those that may follow a comma."""
    before, further = _before(data, places, 1), _before(data, places, 2)
    spaced = (before <= _SPACE) & ((further <= _SPACE) | (further == ord(",")))
    found: Places = places[(before == ord(",")) | spaced]
    return found


def _literals(data: Bytes, places: Places) -> Places:
    """Where `nan` or `inf`, in any letter case, may be a value: `places` are those of na and nf."""
    inf = data[places + 1] & 0xDF == ord("F")
    other = data[np.where(inf, places - 1, np.minimum(places + 2, len(data) - 1))] & 0xDF
    places = (places - inf)[other == np.where(inf, ord("I"), ord("N"))]
    before, further = _before(data, places, 1), _before(data, places, 2)
    spaced = (before <= _SPACE) & ((further <= _SPACE) | np.isin(further, _BEFORE_VALUES))
    return places[spaced | np.isin(before, _BEFORE_VALUES)]


def _halves(data: bytes) -> Places:
    if b"\\" not in data:  # of one byte: that is quick
        return np.empty(0, np.intp)
    return np.array([match.start() for match in _HALF.finditer(data)], np.intp)


def _before(data: Bytes, places: Places, steps: int) -> Bytes:
    """The bytes so many steps before some places."""
    return data[np.maximum(places - steps, 0)]
