"""Pronunciations for words that a dictionary lacks: from its own parts, then by letters and their usual sounds.

Phones are CMUdict's (ARPAbet without stress), as the acoustic model knows them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

Lookup = Callable[[str], str | None]  # a word's phones in the dictionary, or None

SHORTEST_PART = 3  # letters of a dictionary word inside a compound; shorter ones are mostly chance
PREFIXES = {
    "re": "R IY",
    "un": "AH N",
    "de": "D IY",
    "pre": "P R IY",
    "non": "N AA N",
    "dis": "D IH S",
    "mis": "M IH S",
}
VOICELESS = {"P", "T", "K", "F", "TH"}
HISSING = {"S", "Z", "SH", "ZH", "CH", "JH"}
# Longest first; a last resort for names and typing errors, not a theory of English spelling.
SOUNDS = {
    "tion": "SH AH N", "sion": "ZH AH N", "ough": "AO", "augh": "AO", "eigh": "EY", "tch": "CH", "igh": "AY",
    "sch": "SH", "dge": "JH", "ch": "CH", "sh": "SH", "th": "TH", "ph": "F", "wh": "W", "ck": "K", "ng": "NG",
    "qu": "K W", "gh": "G", "kn": "N", "wr": "R", "ee": "IY", "ea": "IY", "oo": "UW", "ou": "AW", "ow": "OW",
    "ai": "EY", "ay": "EY", "oa": "OW", "oi": "OY", "oy": "OY", "au": "AO", "aw": "AO", "ie": "IY", "ei": "EY",
    "ey": "IY", "ew": "UW", "ue": "UW", "er": "ER", "ir": "ER", "ur": "ER", "ar": "AA R", "or": "AO R",
    "a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH", "j": "JH",
    "k": "K", "l": "L", "m": "M", "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T",
    "u": "AH", "v": "V", "w": "W", "x": "K S", "y": "IY", "z": "Z",
}  # fmt: skip
GRAPHEME = re.compile("|".join(sorted(SOUNDS, key=len, reverse=True)))


def pronounce(word: str, lookup: Lookup) -> str | None:
    """Phones of `word` (lower-case letters and apostrophes), or None when it has no letter."""
    return (
        lookup(word)
        or lookup(word.replace("'", ""))
        or _inflected(word, lookup)
        or _prefixed(word, lookup)
        or _compound(word, lookup)
        or by_letters(word)
    )


def by_letters(word: str) -> str | None:
    """The usual sound of each letter group; doubled letters sound once, a final e after a consonant is silent."""
    plain = re.sub(r"([^aeiou'])\1+", r"\1", word.replace("'", ""))
    plain = re.sub(r"(?<=[^aeiou][aeiou])([^aeiou])e$", r"\1", plain)
    return " ".join(SOUNDS[found] for found in GRAPHEME.findall(plain)) or None


def _inflected(word: str, lookup: Lookup) -> str | None:
    for ending in ("'s", "s'", "es", "s"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= SHORTEST_PART and (phones := lookup(stem)):
            last = phones.split()[-1]
            return phones + (" IH Z" if last in HISSING else " S" if last in VOICELESS else " Z")
    for stem in (word.removesuffix("ed"), word.removesuffix("d")):
        if stem != word and len(stem) >= SHORTEST_PART and (phones := lookup(stem)):
            last = phones.split()[-1]
            return phones + (" IH D" if last in {"T", "D"} else " T" if last in VOICELESS | {"S", "SH", "CH"} else " D")
    for stem in (word.removesuffix("ing"), word.removesuffix("ing") + "e"):
        if word.endswith("ing") and len(stem) >= SHORTEST_PART and (phones := lookup(stem)):
            return phones + " IH NG"
    return None


def _prefixed(word: str, lookup: Lookup) -> str | None:
    for prefix, sound in PREFIXES.items():
        rest = word.removeprefix(prefix)
        if rest != word and len(rest) >= SHORTEST_PART:
            phones = lookup(rest) or _inflected(rest, lookup)
            if phones:
                return f"{sound} {phones}"
    return None


def _compound(word: str, lookup: Lookup) -> str | None:
    """The fewest dictionary words of three letters or more that spell `word`: voicemail, forevermore."""

    @cache
    def best(rest: str) -> tuple[str, ...] | None:
        if not rest:
            return ()
        found: tuple[str, ...] | None = None
        for length in range(len(rest), SHORTEST_PART - 1, -1):
            phones = lookup(rest[:length])
            tail = best(rest[length:]) if phones else None
            if phones and tail is not None and (found is None or 1 + len(tail) < len(found)):
                found = (phones, *tail)
        return found

    parts = best(word)
    return " ".join(parts) if parts else None
