"""Signs that a recogniser wrote what nobody said: loops, phrases of subtitles, more text than fits into the time.

Models that were trained on subtitles end silence and music so. Each sign is a share or a factor, never a verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import regex

from curation.text.forms import is_unspaced, normal_form
from manifests.units import Seconds

PHRASES = Path(__file__).with_name("boilerplate.txt")
WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:'[\p{L}\p{M}]+)*")
LETTER = regex.compile(r"\p{L}\p{M}*|\p{N}")
LONGEST_LOOP = 24  # words of what is said again
AGAIN = {1: 4, 2: 3, 3: 3}  # words of a loop -> times that it is said at least (else 2): "five five five" is a number
GRAM = {True: 8, False: 4}  # words (characters of scripts without spaces) of a piece that should stand once
DIGIT = 4.0  # letters that a digit takes when it is said
# Letters a second of fluent reading, by script: a syllable of Han or Hangul is a letter, an abjad leaves vowels out.
RATES = {
    "Han": 4.5, "Hangul": 5.5, "Hiragana": 7.5, "Katakana": 7.5, "Thai": 10.0, "Lao": 10.0, "Khmer": 9.0,
    "Myanmar": 8.0, "Arabic": 10.0, "Hebrew": 9.0, "Devanagari": 8.5, "Bengali": 8.5, "Tamil": 9.0, "Telugu": 8.0,
    "Kannada": 8.0, "Malayalam": 8.5, "Gujarati": 8.0, "Gurmukhi": 8.0, "Ethiopic": 5.0, "Tibetan": 6.0,
}  # fmt: skip
OTHERS = 13.5  # alphabets
FAST, TWICE = 1.6, 3.2  # paces at which doubt begins, and is complete: auctioneers reach 1.6


@dataclass(frozen=True)
class Invented:
    """What speaks for an invented text."""

    repetition: float
    """Share of the words that only say again what was just said, or pieces of four words that stand there twice."""
    boilerplate: float
    """Share of the letters in phrases of subtitles."""
    pace: float
    """How many times as fast as fluent reading it would have to be said; 0: nothing to say."""
    reasons: tuple[str, ...]
    """In words, the strongest first."""

    @property
    def score(self) -> float:
        """The strongest sign: 0 none, 1 beyond doubt."""
        return max(self.repetition, self.boilerplate, _excess(self.pace))


def signs(text: str, duration: Seconds, language: str = "") -> Invented:
    """What speaks for a text being invented.

    Args:
        text: a transcript.
        duration: of its audio, > 0.
        language: an ISO 639 code; "": as if there were spaces between words.
    """
    plain = _plain(text)
    unspaced = bool(language) and is_unspaced(language)
    tokens = LETTER.findall(plain) if unspaced else WORD.findall(plain)
    loop, said = _loop(tokens, "" if unspaced else " ")
    twice = _said_twice(tokens, GRAM[unspaced])
    phrases, found = _boilerplate(plain)
    pace = needed_seconds(plain) / duration
    reasons = {
        said or f"{twice:.0%} of it stands there before": max(loop, twice),
        f"subtitles: {found}": phrases,
        f"{pace:.1f} times as fast as it can be read": _excess(pace),
    }
    told = sorted((reason for reason in reasons if reasons[reason] > 0), key=lambda reason: -reasons[reason])
    return Invented(max(loop, twice), phrases, pace, tuple(told))


def needed_seconds(text: str) -> Seconds:
    """How long a text takes to be read fluently, pauses left out."""
    letters = Counter(_kind(letter[0]) for letter in LETTER.findall(text))
    return sum(
        count * (DIGIT / OTHERS if kind == "0" else 1 / RATES.get(kind, OTHERS)) for kind, count in letters.items()
    )


@cache
def _kind(letter: str) -> str:
    """The letter's script as RATES has it, `0` for a digit, else ``."""
    if letter.isnumeric() and not regex.match(r"\p{Han}", letter):
        return "0"
    return next((script for script in RATES if regex.match(rf"\p{{{script}}}", letter)), "")


def _loop(tokens: Sequence[str], between: str) -> tuple[float, str]:
    """Share of words in the longest loop, its first round left out; and what is said how often."""
    best, said = 0, ""
    for size in range(1, min(LONGEST_LOOP, len(tokens) // 2) + 1):
        run = 0
        for place in range(size, len(tokens)):
            run = run + 1 if tokens[place] == tokens[place - size] else 0
            rounds = run // size + 1
            if run > best and rounds >= AGAIN.get(size, 2):
                best = run
                said = f"{rounds} times {between.join(tokens[place - size + 1 : place + 1])!r}"
    return best / max(1, len(tokens)), said


def _said_twice(tokens: Sequence[str], size: int) -> float:
    """Share of the pieces of `size` words that stand in the text before."""
    pieces = [tuple(tokens[place : place + size]) for place in range(len(tokens) - size + 1)]
    return 1 - len(set(pieces)) / len(pieces) if pieces else 0.0


def _boilerplate(plain: str) -> tuple[float, str]:
    """Share of a text's letters in known phrases, and the first of them."""
    words = f" {' '.join(WORD.findall(plain))} "
    letters = len(words.replace(" ", ""))
    left, found = words, []
    for phrase in _phrases():
        spaced = f" {phrase} " if phrase.isascii() or " " in phrase else phrase  # some scripts have no spaces
        if spaced in left:
            found.append(phrase)
            left = left.replace(spaced, "  ")
    return (1 - len(left.replace(" ", "")) / letters if letters else 0.0), ", ".join(found[:2])


@cache
def _phrases() -> tuple[str, ...]:
    """As texts are compared, the longest first."""
    lines = PHRASES.read_text(encoding="utf-8").splitlines()
    known = {" ".join(WORD.findall(_plain(line))) for line in lines if not line.startswith("#")}
    return tuple(sorted(known - {""}, key=lambda phrase: (-len(phrase), phrase)))


def _plain(text: str) -> str:
    return normal_form(text).casefold().replace("’", "'")


def _excess(pace: float) -> float:
    return min(1.0, max(0.0, (pace - FAST) / (TWICE - FAST)))
