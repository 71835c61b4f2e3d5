"""What error rates compare: the spoken form of both texts, without differences that nobody hears.

English goes through Whisper's English normaliser (contractions, fillers, British and American spelling), any other
language through case folding; apostrophes part words. A text that can be read in several ways counts as the reading
that is nearest to the other text: `1984` equals `nineteen eighty four` and `one thousand nine hundred eighty four`.
Where a language has no spaces between words, what is counted is characters.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import jiwer
import regex
from whisper_normalizer.english import EnglishTextNormalizer

from curation.text.forms import JOINERS, POINTS, base_language, is_unspaced
from curation.text.words import Word, normalise, said, written

__all__ = ["closest", "comparable"]

_APART = regex.compile(r"['\-_]")
_MOST_TRIES = 200  # readings of one text that are tried against the other


def comparable(text: str, language: str = "en") -> str:
    """What is compared of a text: words, or characters with a blank between them (see `is_unspaced`)."""
    return _form(normalise(text, language), text, language)


def closest(reference: str, hypothesis: str, language: str = "en") -> tuple[str, str]:
    """`comparable` of both, each in the reading that is nearest to the other's.

    Arabic and Hebrew points, which most writers leave out, count only where both texts have them.
    """
    if not (POINTS.search(reference) and POINTS.search(hypothesis)):
        reference, hypothesis = POINTS.sub("", reference), POINTS.sub("", hypothesis)
    words, heard = normalise(reference, language), normalise(hypothesis, language)
    expected, found = _form(words, reference, language), _form(heard, hypothesis, language)
    if expected != found:
        found = _nearest(heard, hypothesis, expected, language)
    if expected != found:
        expected = _nearest(words, reference, found, language)
    if expected != found:
        found = _nearest(heard, hypothesis, expected, language)
    return expected, found


def _nearest(words: list[Word], text: str, other: str, language: str) -> str:
    """Word by word from the left, the reading with the fewest edits to the other text."""
    best = _form(words, text, language)
    least = _edits(best, other)
    tries = itertools.count()
    for number, word in enumerate(words):
        for reading in word.readings[1:]:
            if least == 0 or next(tries) >= _MOST_TRIES:
                return best
            changed = [*words[:number], replace(word, readings=(reading,)), *words[number + 1 :]]
            form = _form(changed, text, language)
            if (edits := _edits(form, other)) < least:
                words, best, least = changed, form, edits
    return best


def _edits(one: str, other: str) -> int:
    if not one or not other:
        return len(one.split()) + len(other.split())
    edits = jiwer.process_words(one, other)
    return int(edits.substitutions + edits.deletions + edits.insertions)


def _form(words: list[Word], text: str, language: str) -> str:
    if base_language(language) == "en":
        return _english(words, language)
    spoken = _fold(said(words, text, language))
    return " ".join(spoken.replace(" ", "")) if is_unspaced(language) else " ".join(spoken.split())


def _fold(spoken: str) -> str:
    return str(_APART.sub(" ", spoken.casefold())).translate(dict.fromkeys(map(ord, JOINERS)))


def _english(words: Sequence[Word], language: str) -> str:
    """Whisper's normaliser drops marks and scripts' signs: what cannot be read stays out of it."""
    parts = []
    for unread, group in itertools.groupby(words, key=lambda word: word.flag == "unknown"):
        if unread:
            parts += [_fold(part) for word in group for part in written(word, language)]
        else:
            parts.append(_whisper()(" ".join(part for word in group for part in word.spoken)).strip())
    return " ".join(part for part in parts if part)


@cache
def _whisper() -> EnglishTextNormalizer:
    return EnglishTextNormalizer()
