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
    upper = data & np.uint8(0xDF)  # [ and { become one, ] and } too
    opening = np.flatnonzero(upper == ord("["))
    deep = np.flatnonzero(np.diff(np.searchsorted(opening, ends), prepend=0) > DEEPEST)
    places = np.concatenate([_trailing_commas(data, upper), _literals(data), _halves(block.data)])
    return np.union1d(deep, np.searchsorted(ends, places, side="right")).tolist()  # type: ignore[no-any-return]


def _trailing_commas(data: Bytes, upper: Bytes) -> Places:
    """Closing brackets that may follow a comma."""
    places = np.flatnonzero(upper == ord("]"))
    before, further = _before(data, places, 1), _before(data, places, 2)
    spaced = (before <= _SPACE) & ((further <= _SPACE) | (further == ord(",")))
    found: Places = places[(before == ord(",")) | spaced]
    return found


def _literals(data: Bytes) -> Places:
    """Where `nan` or `inf`, in any letter case, may be a value."""
    lower = data | np.uint8(0x20)
    n = lower == ord("n")
    found = n[:-2] & (lower[1:-1] == ord("a")) & n[2:]
    found |= (lower[:-2] == ord("i")) & n[1:-1] & (lower[2:] == ord("f"))
    places = np.flatnonzero(found)
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
