"""Ways to say one word: its numbers, letters, symbols and emoji one after the other."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from typing import Literal

import emoji
import regex

from curation.text.forms import LETTERS, NO_SPACES, spelled
from curation.text.measures import sign_name
from curation.text.numbers import dotted, number, ordinal, time_of_day
from curation.text.rules import Reading, Readings, Rules

__all__ = ["EMOJI", "MOST_READINGS", "SAID", "Flag", "piece_pattern", "say_piece"]

Flag = Literal["", "number", "symbol", "punctuation", "unknown"]

MOST_READINGS = 6  # of one word; parts with several readings multiply

EMOJI = r"(?:(?=\p{Extended_Pictographic}|\p{Regional_Indicator}|[#*\d]\uFE0F?\u20E3)\X)"
SAID = "%٪‰&@#*§"  # punctuation to Unicode, but words to a reader
HOST = regex.compile(r"(?:[\w-]+\.)+[a-z]{2,6}")  # www.example.org
VOWEL = regex.compile("[aeiouy']")
ENGLISH = regex.compile(r"[a-z']+")
LATIN = str.maketrans({"æ": "ae", "ø": "o", "ß": "ss", "đ": "d", "ł": "l", "œ": "oe", "þ": "th", "ð": "d", "ı": "i"})
NUMERIC: dict[str, Callable[[str, Rules], Readings | None]] = {
    "time": time_of_day,
    "ordinal": ordinal,
    "dotted": dotted,
    "number": number,
}


@cache
def piece_pattern(rules: Rules) -> regex.Pattern[str]:
    """What a word is made of, by name of the group."""
    ordinals = rules.table.get("ordinal")
    parts = [
        rf"(?P<emoji>{EMOJI})",
        r"(?P<time>(?<!\d)\d{1,2}:\d{2}(?!\d))",
        rf"(?P<ordinal>\d+(?:{ordinals})(?![\p{{L}}\p{{N}}]))" if ordinals else None,
        rf"(?P<number>{rules.number}(?![.,]\d))",
        r"(?P<dotted>\d+(?:[.,]\d+)+)",
        rf"(?P<number>{rules.number})",
        rf"(?P<letters>[{NO_SPACES}]\p{{M}}*)" if rules.unspaced else None,
        rf"(?P<letters>(?:(?![{NO_SPACES}]){LETTERS}))" if rules.unspaced else rf"(?P<letters>{LETTERS})",
        r"(?P<other>.)",
    ]
    return regex.compile("|".join(part for part in parts if part), regex.IGNORECASE | regex.DOTALL | regex.V1)


@lru_cache(maxsize=1 << 14)
def say_piece(word: str, rules: Rules) -> tuple[Readings, Flag]:
    """Ways to say one word in normal form, the likeliest first, and what is special about it."""
    kinds = set()
    parts: list[Readings] = []
    host = HOST.fullmatch(word) is not None and len(word.rpartition(".")[0]) > 2
    for match in piece_pattern(rules).finditer(word):
        kind = str(match.lastgroup)
        found = _sign(match[0], match.start(), word, host, rules) if kind == "other" else _part(kind, match[0], rules)
        if found is None:
            return (), "unknown"
        if found:
            kinds.add("symbol" if kind in ("other", "emoji") else kind)
            parts.append(found)
    if not parts:
        return (), "punctuation"
    combined = (tuple(itertools.chain.from_iterable(choice)) for choice in itertools.product(*parts))
    readings = tuple(itertools.islice(_plurals(combined), MOST_READINGS))
    if kinds == {"letters"}:
        return readings, ""
    return readings, "symbol" if kinds <= {"symbol", "letters"} else "number"


def _part(kind: str, text: str, rules: Rules) -> Readings | None:
    if kind == "letters":
        return _letters(text, rules)
    return _emoji(text, rules) if kind == "emoji" else NUMERIC[kind](text, rules)


def _letters(text: str, rules: Rules) -> Readings | None:
    plain = spelled(text, rules.language)
    if rules.language != "en":
        return ((plain,),) if plain else ()
    decomposed = unicodedata.normalize("NFKD", plain.translate(LATIN))
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    if not ENGLISH.fullmatch(plain):
        return None
    # PBX, www, tv: no vowel, so the letters are named.
    return (tuple(plain),) if len(plain) > 1 and not VOWEL.search(plain) else ((plain,),)


def _emoji(text: str, rules: Rules) -> Readings | None:
    """The name of an emoji, where CLDR's table has one in the language; its skin tone is not said."""
    if unicodedata.category(text[0])[0] == "P":
        return ()
    bare = regex.sub("[\U0001f3fb-\U0001f3ff]", "", text)
    if rules.language not in emoji.LANGUAGES or not emoji.is_emoji(bare):
        return rules.symbol(text[0])
    name = emoji.demojize(bare, delimiters=(" ", " "), language=rules.language).replace("_", " ")
    words: list[str] = []
    for found in piece_pattern(rules).finditer(name):
        kind = str(found.lastgroup)
        part = _part(kind, found[0], rules) if kind not in ("other", "emoji") else ()
        if part is None:
            return None
        words += part[0] if part else ()
    return (tuple(words),) if words else None


def _sign(sign: str, at: int, word: str, host: bool, rules: Rules) -> Readings | None:
    """Readings of one character that is no letter or digit; () for silent ones, None if nobody can say it."""
    if sign == "." and host:
        return _one(rules.words("host") or rules.words("dot") or ("dot",))
    if at == 0 and len(word) > 1 and sign in "-−+":  # before a digit, else it would not be in the word
        return _one(rules.words("plus" if sign == "+" else "minus"))
    if sign == "#" and at == 0 and word[1:2].isalpha():
        return rules.symbol("#A") or ()
    known = rules.symbol(sign)
    alone = all(character == word[0] for character in word)
    if known and (alone or sign not in "*#" or at == 0):
        return known
    if sign in SAID and not known and (alone or sign not in "*#§"):
        return _one(sign_name(sign, rules))
    return () if unicodedata.category(sign)[0] in "PMC" or known else None


def _one(reading: Reading | None) -> Readings | None:
    return (reading,) if reading else None


def _plurals(readings: Iterable[Reading]) -> Iterator[Reading]:
    """`1980s`: a lone s behind a number joins the word before it."""
    for words in readings:
        if len(words) > 1 and words[-1] == "s" and len(words[-2]) > 1:
            stem = words[-2]
            yield (*words[:-2], stem[:-1] + "ies" if stem.endswith("y") else stem + "s")
        else:
            yield words
