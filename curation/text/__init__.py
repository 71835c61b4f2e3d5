"""What an aligner hears for a transcript, and the way back to the transcript's own words and characters.

    normalise("Press #1: it's $5.")     text     span      readings
                                        Press    0:5       press
                                        #1       6:8       pound one | hash one | number one
                                        it's     10:14     it's
                                        $5       15:17     five dollars

Numbers go through `num2words` in the transcript's language. Nothing is dropped silently: each run of
non-blank characters gives at least one word; a word with nothing to say is flagged `punctuation`, one
that holds what cannot be said is flagged `unknown`.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from curation.text.numbers import currency, number, ordinal, time_of_day

__all__ = ["Word", "normalise"]

Flag = Literal["", "number", "symbol", "punctuation", "unknown"]
Reading = tuple[str, ...]  # spoken words: lower-case letters and apostrophes

MOST_READINGS = 6  # of one word; parts with several readings multiply


@dataclass(frozen=True)
class Word:
    """One word of a transcript; `text` is transcript[start:end]."""

    text: str
    start: int  # in characters
    end: int
    readings: tuple[Reading, ...]  # ways to say it, the likeliest first; () when there is nothing to say
    flag: Flag = ""

    @property
    def spoken(self) -> Reading:
        """The likeliest reading."""
        return self.readings[0] if self.readings else ()


# A word does not reach over these: "yes--no", "and/or", "wait...what". Digits keep their slash.
BREAKS = re.compile(r"--+|[–—…]|\.{2,}|(?<!\d)/|/(?!\d)")
HOST = re.compile(r"(?:[\w-]+\.)+[a-z]{2,6}")  # www.example.org
FIRST = re.compile(r"[$€£¥#+-](?=\d)|[^\W_]")  # where a word's sound can begin
LAST = re.compile(r"(?<=\d)[%°]|[^\W_]")
SYMBOLS: dict[str, tuple[Reading, ...]] = {
    "&": (("and",),),
    "%": (("percent",),),
    "@": (("at",),),
    "#": (("pound",), ("hash",), ("number",)),
    "*": (("star",), ("asterisk",)),
    "+": (("plus",),),
    "=": (("equals",),),
    "°": (("degrees",),),
}
PIECE = re.compile(
    r"(?P<money>[$€£¥]\d[\d,]*(?:\.\d+)?)"
    r"|(?P<time>(?<!\d)\d{1,2}:\d{2}(?!\d))"
    r"|(?P<ordinal>\d+(?:st|nd|rd|th)(?![^\W_]))"
    r"|(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"|(?P<letters>[^\W\d_]+(?:['’][^\W\d_]+)*)"
    r"|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
ENGLISH = re.compile(r"[a-z']+")
LATIN = str.maketrans({"æ": "ae", "ø": "o", "ß": "ss", "đ": "d", "ł": "l", "œ": "oe", "þ": "th", "ð": "d", "ı": "i"})


def normalise(text: str, language: str = "en") -> list[Word]:
    """The words of `text` in order, with how each is said. `language` is an ISO 639-1 code (en-GB is en)."""
    language = language.partition("-")[0].lower()
    return [word for token in re.finditer(r"\S+", text) for word in _token_words(token, language)]


def say(spelled: str, language: str = "en") -> tuple[tuple[Reading, ...], Flag]:
    """Ways to say one word, the likeliest first, and what is special about it."""
    kinds = set()
    parts: list[tuple[Reading, ...]] = []
    host = HOST.fullmatch(spelled) is not None and len(spelled.rpartition(".")[0]) > 2
    for match in PIECE.finditer(spelled):
        kind = str(match.lastgroup)
        found = _sign(match[0], match.start(), spelled, host) if kind == "other" else _part(kind, match[0], language)
        if found is None:
            return (), "unknown"
        if found:
            kinds.add("symbol" if kind == "other" else kind)
            parts.append(found)
    if not parts:
        return (), "punctuation"
    combined = (tuple(itertools.chain.from_iterable(choice)) for choice in itertools.product(*parts))
    readings = tuple(itertools.islice(_plurals(combined), MOST_READINGS))
    if kinds == {"letters"}:
        return readings, ""
    return readings, "symbol" if kinds <= {"symbol", "letters"} else "number"


def _token_words(token: re.Match[str], language: str) -> Iterator[Word]:
    inner = token[0].strip(".,;:!?()[]{}'\"")
    gaps = [] if HOST.fullmatch(inner) else [gap.span() for gap in BREAKS.finditer(token[0])]
    borders = [0, *itertools.chain.from_iterable(gaps), len(token[0])]
    found = False
    for start, end in zip(borders[::2], borders[1::2], strict=True):
        first, last = _core(token[0], start, end)
        if first < last:
            found = True
            spelled = token[0][first:last]
            yield Word(spelled, token.start() + first, token.start() + last, *say(spelled, language))
    if not found:
        yield Word(token[0], token.start(), token.end(), (), "punctuation")


def _core(token: str, start: int, end: int) -> tuple[int, int]:
    """The span of a piece without the punctuation around it; symbols that stand alone are words."""
    first = FIRST.search(token, start, end)
    if first:
        return first.start(), [match.end() for match in LAST.finditer(token, first.start(), end)][-1]
    symbols = [at for at in range(start, end) if unicodedata.category(token[at])[0] == "S" or token[at] in SYMBOLS]
    return (symbols[0], symbols[-1] + 1) if symbols else (start, start)


def _part(kind: str, text: str, language: str) -> tuple[Reading, ...] | None:
    if kind == "letters":
        return _letters(text, language)
    speak = {"money": currency, "time": time_of_day, "ordinal": ordinal, "number": number}[kind]
    return speak(text, language)


def _letters(text: str, language: str) -> tuple[Reading, ...] | None:
    lower = unicodedata.normalize("NFC", text).lower().replace("’", "'")
    if language != "en":
        return ((lower,),)
    decomposed = unicodedata.normalize("NFKD", lower.translate(LATIN))
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    if not ENGLISH.fullmatch(plain):
        return None
    # PBX, www, tv: no vowel, so the letters are named.
    return (tuple(plain),) if len(plain) > 1 and not re.search("[aeiouy']", plain) else ((plain,),)


def _sign(sign: str, at: int, spelled: str, host: bool) -> tuple[Reading, ...] | None:
    """Readings of one character that is no letter or digit; () for silent ones, None if nobody can say it."""
    if sign == "." and host:
        return (("dot",),)
    if sign == "-" and at == 0:  # before a digit, else it would not be in the word
        return (("minus",),)
    alone = all(character == spelled[0] for character in spelled)
    if sign in SYMBOLS and (alone or sign not in "*#" or at == 0):
        return SYMBOLS[sign]
    return () if unicodedata.category(sign)[0] in "PMC" or sign in SYMBOLS else None


def _plurals(readings: Iterable[Reading]) -> Iterator[Reading]:
    """`1980s`: a lone s behind a number joins the word before it."""
    for words in readings:
        if len(words) > 1 and words[-1] == "s" and len(words[-2]) > 1:
            stem = words[-2]
            yield (*words[:-2], stem[:-1] + "ies" if stem.endswith("y") else stem + "s")
        else:
            yield words
