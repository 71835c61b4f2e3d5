"""The normal form of text, the one place for it, and what counts as a letter in every script.

A letter is a Unicode letter with its marks: vowel signs of Hindi, Thai or Tamil, points of Hebrew and Arabic, accents.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import regex
from babel.core import get_global

__all__ = ["UNSPACED", "View", "base_language", "is_unspaced", "join_spoken", "lower", "normal_form", "readable"]

# Written without spaces between words: errors are counted in characters. bo: spaces stand between sentences only.
UNSPACED = frozenset({"bo", "dz", "gan", "hsn", "ja", "km", "lo", "lzh", "my", "shn", "th", "wuu", "yue", "zh"})

BREAK = "\u200b"  # zero-width space: Khmer, Thai and Burmese text has it between words
APOSTROPHES = "'’ʼʻ‘`´＇"
SILENT = "ـ"  # tatweel makes an Arabic word longer on paper, not in speech
JOINERS = "\u200c\u200d"  # part of the spelling in Persian, Hindi, Malayalam, Sinhala
LETTER = rf"[\p{{L}}\p{{M}}{JOINERS}]"
# A word's letters; what stands between them and has no sound (soft hyphens, marks of direction) does not part them.
LETTERS = (
    rf"[\p{{L}}\p{{M}}]{LETTER}*"
    rf"(?:(?:[{APOSTROPHES}׳״]|(?<=\p{{Hebrew}})\"(?=\p{{Hebrew}})|[\p{{Cf}}--[{BREAK}{JOINERS}]]+)[\p{{L}}\p{{M}}]{LETTER}*)*"
)
NO_SPACES = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー々〆"
# Optional points: most Arabic and Hebrew is written without.
POINTS = regex.compile(r"[\u064B-\u0652\u0670\u06D6-\u06ED\u0591-\u05BD\u05BF\u05C1\u05C2\u05C4\u05C5\u05C7]")

# Another code point for the same letter: full and half width, ligatures, presentation forms, units in one square.
_OTHER_FORMS = regex.compile(
    r"[０-９Ａ-Ｚａ-ｚ％＄￡￥￦＋＝＠＃＆＊：／．－\uFF65-\uFFDC\uFB00-\uFDFF\uFE70-\uFEFC\u3300-\u33FF℃℉]+"
)
_CLUSTER = regex.compile(r"&(?:#\d+|#x[\da-f]+|\w+);|\X", regex.IGNORECASE)
_UNHEARD = regex.compile(rf"[\p{{Cf}}--[{JOINERS}]]|[{SILENT}]", regex.V1)
_ONE_APOSTROPHE = str.maketrans(dict.fromkeys(APOSTROPHES, "'"))
_NO_SPACE = regex.compile(rf"[{NO_SPACES}\p{{M}}]")


def normal_form(text: str) -> str:
    """NFC, and one code point for letters and digits that have several: `ｶﾞ` is `ガ`, `ﬁ` is `fi`, `５` is `5`."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _OTHER_FORMS.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text))


@cache
def base_language(language: str) -> str:
    """ISO 639 code without script and region, two letters where there are two: en-GB is en, deu is de, cmn is zh."""
    code = regex.split("[-_]", language.strip().lower())[0]
    known = get_global("language_aliases").get(code, code)
    return str(known).partition("_")[0]


def is_unspaced(language: str) -> bool:
    """Is it written without spaces between words? Then errors are counted in characters."""
    return base_language(language) in UNSPACED


def lower(text: str, language: str) -> str:
    """Lower case as the language has it: Turkish and Azerbaijani part İ i from I ı."""
    if base_language(language) in ("tr", "az"):
        text = text.replace("I\u0307", "i").replace("İ", "i").replace("I", "ı")
    return unicodedata.normalize("NFC", text.lower())


def spelled(letters: str, language: str) -> str:
    """A word's letters as its reading has them: lower case, one apostrophe, nothing without a sound."""
    found: str = _UNHEARD.sub("", lower(normal_form(letters), language).translate(_ONE_APOSTROPHE))
    return found


def join_spoken(parts: Sequence[str], apart: Sequence[bool]) -> str:
    """Spoken words as one text. apart[n]: is a blank before part n? Scripts without spaces get no other blank."""
    text = ""
    for part, blank in zip(parts, apart, strict=True):
        tight = not blank and text and (_NO_SPACE.match(text[-1]) or _NO_SPACE.match(part))
        text += part if tight or not text else f" {part}"
    return text


@dataclass(frozen=True)
class View:
    """A text in normal form, entities resolved, and where in the original each of its characters stands."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Of the original, for the characters [first, last) of `text`; first < last."""
        return self.starts[first], self.ends[last - 1]


def readable(text: str) -> View:
    """The view that words are looked for in. What is in normal form already stays character by character."""
    if "&" not in text and (text.isascii() or normal_form(text) == text):
        return View(text, range(len(text)), range(1, len(text) + 1))
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for found in _clusters(text):
        written = found[0]
        part = html.unescape(written) if written[0] == "&" else normal_form(written)
        part = BREAK if part.isspace() and part != written else part
        parts.append(part)
        same = part == written
        starts += [found.start() + at if same else found.start() for at in range(len(part))]
        ends += [found.start() + at + 1 if same else found.end() for at in range(len(part))]
    return View("".join(parts), starts, ends)


def _clusters(text: str) -> list[regex.Match[str]]:
    return list(_CLUSTER.finditer(text))
