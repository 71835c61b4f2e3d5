"""Whole texts with their numbers read out, for comparing texts: `2 dogs` and `two dogs` are the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from curation.text import Word, normalise
from curation.text.rules import tables

MOST = 6  # ways of a text: the first reading of each of its numbers, the second of each, ...
_PLAIN = re.compile(
    r"[(\"'“]?[^\W_]+(?:['’-][^\W\d_]+)*[)\"'”]?[.,;:!?]*"
)  # a word or whole number and its punctuation
_DIGIT = re.compile(r"\d")


def number_readings(text: str, language: str | None) -> Iterator[str]:
    """Ways to say a text that has numbers, by the rule of `curation.text`; what cannot be said stays written."""
    tokens = text.split()
    if all(_PLAIN.fullmatch(token) for token in tokens if not token.isalpha()):
        parts = [_number(token, language or "en") if _DIGIT.search(token) else (token,) for token in tokens]
    else:
        parts = [_said(word) for word in normalise(text, language or "en")]
    for place in range(min(MOST, max(map(len, parts), default=0))):
        yield " ".join(said[min(place, len(said) - 1)] for said in parts)


@lru_cache(1 << 16)
def _number(token: str, language: str) -> tuple[str, ...]:
    """Ways to say a word that is a number; plain ones are most, and the same ones come again and again."""
    return tuple(said for word in normalise(token, language) for said in _said(word)) or (token,)


@cache
def short_words() -> frozenset[str]:
    """Words of letters alone that some language reads as others, in small letters: titles, and what has no dot."""
    kinds = ("abbreviations", "titles")
    written = [key for table in tables().values() for kind in kinds for key in table.get(kind, {}) if "." not in key]
    return frozenset(part for key in written for part in re.findall(r"[^\W\d_]+", key.casefold()))


def _said(word: Word) -> tuple[str, ...]:
    return tuple(" ".join(reading) for reading in word.readings) or (word.text,)
