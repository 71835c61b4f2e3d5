"""A line of JSON as a row, by the standard: what one reader of JSON lets pass and another does not is refused here.

Python's parser is the rule, with deep nesting and halves of surrogate pairs refused. DuckDB's parser takes more;
manifests/lines/doubts.py finds those lines. Of an object with a key twice each parser takes another value, so such an
object is a `Repeated`: where a row's facts are read, it breaks the contract.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from manifests.lines import lines

DEEPEST = 100  # levels of lists and objects
HEAD = 120  # characters of a line in a message
_DIGITS = 300  # whole numbers of more are floats: Python refuses to read them, others make them infinite
_NESTING = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]')
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_KINDS = {type(None): "null", bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list"}


def parse_row(text: str) -> dict[str, Any]:
    """The JSON object of a line.

    Raises:
        ValueError: it is none, in words.
    """
    if text.count("[") + text.count("{") > DEEPEST and _is_deep(text):
        raise ValueError(f"the JSON is nested more than {DEEPEST} levels deep")
    try:
        row = json.loads(text, object_pairs_hook=_object, parse_int=_whole)
    except json.JSONDecodeError as error:
        raise ValueError(not_json(text)) from error
    if _HALF.search(text):
        try:
            json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"half a surrogate pair is no character: {not_json(text)}") from error
    if not isinstance(row, dict):
        raise ValueError(no_object(row))
    return row


def parse_once(text: str) -> Any:
    """The JSON value of a text in which no object has a key twice and no text half a surrogate pair.

    Raises:
        ValueError: it is none, in words.
    """
    try:
        value = json.loads(text, object_pairs_hook=_without_repeats, parse_int=_whole)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    if _HALF.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError("half a surrogate pair is no character") from error
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = _object(pairs)
    if isinstance(found, Repeated):
        raise ValueError(f"the key `{found.key}` occurs twice in one object")
    return found


def not_json(text: str) -> str:
    """What is said of a line that is no JSON."""
    return f"not valid JSON: {text[:HEAD]}"


def no_object(value: Any) -> str:
    """What is said of a line that holds another kind of value."""
    return another_kind(_KINDS.get(type(value), type(value).__name__))


def another_kind(kind: str) -> str:
    """The same, the kind in words."""
    return f"the line is {kind}, expected a JSON object"


class Repeated(dict[str, Any]):
    """A JSON object in which a key occurs twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        keys = [key for key, _ in pairs]
        self.key = next(key for key in keys if keys.count(key) > 1)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    return row if len(row) == len(pairs) else Repeated(pairs)


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) < _DIGITS else float(digits)


def _is_deep(text: str) -> bool:
    depth = 0
    for match in _NESTING.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth > DEEPEST:
            return True
    return False


def rows(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Number and row of each line that is not empty; in place of a row that cannot be had, what is wrong with it.

    Raises:
        ManifestError: as `lines`.
    """
    for line in lines(path):
        text = line.text.strip(" \t\r")
        if line.problem:
            yield line.number, line.problem
        elif text:
            try:
                yield line.number, parse_row(text)
            except ValueError as error:
                yield line.number, str(error)
