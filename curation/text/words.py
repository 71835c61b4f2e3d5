"""A transcript's words, the ways to say each, the way back to its own characters, and the text as it is spoken."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import regex

from curation.text.forms import BREAK, JOINERS, LETTER, View, join_spoken, lower, readable
from curation.text.measures import currency, currency_pattern, date, measure, month_names, unit_pattern
from curation.text.numbers import CHINESE, fraction, number, ordinal_of, time_of_day
from curation.text.rules import SCALES, Reading, Readings, Rules, as_readings, rules_for, some
from curation.text.speak import EMOJI, HOST, MOST_READINGS, SAID, Flag, piece_pattern, say_piece

__all__ = ["Word", "normalise", "say", "spoken_text"]


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


TOKEN = re.compile(r"\S+")  # of `re`: to `regex` the control characters that part files and records are no blanks
# A word does not reach over these: "yes--no", "and/or", "wait...what". Digits keep their slash.
BREAKS = regex.compile(rf"--+|[–—…{BREAK}་༌]|\.{{2,}}|(?<!\d)/|/(?!\d)")
EMOJIS = regex.compile(rf"{EMOJI}+")
LETTER_OR_DIGIT = r"[\p{L}\p{M}\p{N}]"
# Where a word's sound can begin, and end.
FIRST = regex.compile(rf"[\p{{Sc}}#+\-−±](?=\d)|(?<![.,\d])[.,](?=\d)|[@#](?=\p{{L}})|{LETTER_OR_DIGIT}")
LAST = regex.compile(rf"(?<=\d)[%°+\p{{Sc}}]|(?<=[\p{{L}}+])\+|{LETTER_OR_DIGIT}|(?<={LETTER})[{JOINERS}]")
VULGAR = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"


def normalise(text: str, language: str = "en") -> list[Word]:
    """The words of `text` in order, with how each is said.

    language: an ISO 639 code, maybe with script and region (en-GB, zh-Hant). Where a language has no spaces between
    words, a word is one character with its marks.
    """
    rules = rules_for(language)
    view = readable(text)
    return list(_words(text, view, rules))


def say(word: str, language: str = "en") -> tuple[tuple[Reading, ...], Flag]:
    """Ways to say one word, the likeliest first, and what is special about it."""
    found = normalise(word, language)
    if len(found) == 1:
        return found[0].readings, found[0].flag
    return say_piece(readable(word).text, rules_for(language))


def spoken_text(text: str, language: str = "en") -> str:
    """A text as it is spoken, for targets and for scoring: lower-case words, numbers in words, no punctuation.

    What the rule cannot read stands as it is written: nothing that has a sound is left out.
    """
    return said(normalise(text, language), text, language)


def said(words: list[Word], text: str, language: str) -> str:
    """The words, each in its likeliest reading, as one text; `text` is where they are from."""
    unspaced = rules_for(language).unspaced
    parts: list[str] = []
    apart: list[bool] = []
    end = 0
    for word in words:
        found = word.spoken or (written(word, language) if word.flag == "unknown" else ())
        blank = not unspaced or any(sign.isspace() for sign in text[end : word.start])
        parts += found
        apart += [blank if number == 0 else not unspaced for number in range(len(found))]
        end = word.end
    return join_spoken(parts, apart)


def written(word: Word, language: str) -> Reading:
    """A word that cannot be read, as it is written: normal form, lower case."""
    return tuple(lower(readable(word.text).text, language).split())


def _words(text: str, view: View, rules: Rules) -> Iterator[Word]:
    for first, last, readings, flag in _spans(view.text, rules):
        start, end = view.span(first, last)
        yield Word(text[start:end], start, end, readings, flag)


Span = tuple[int, int, Readings, Flag]


def _spans(text: str, rules: Rules) -> Iterator[Span]:
    """(first, last, readings, flag) of each word of a text in normal form."""
    at = 0
    for found in phrase_pattern(rules).finditer(text):
        kind = next(name for name, part in found.groupdict().items() if name in PHRASES and part is not None)
        readings = PHRASES[kind](found, rules)
        if readings:
            yield from _tokens(text, at, found.start(), rules, before=at > 0, behind=True)
            short = found[0].rstrip(".")
            flag: Flag = "symbol" if kind in ("short", "title") else "number"
            yield found.start(), found.start() + len(short), readings[:MOST_READINGS], flag
            at = found.end()
    yield from _tokens(text, at, len(text), rules, before=at > 0, behind=False)


def _tokens(text: str, first: int, last: int, rules: Rules, *, before: bool, behind: bool) -> Iterator[Span]:
    """Words of the text between two phrases; punctuation that touches a phrase belongs to it."""
    for token in TOKEN.finditer(text, first, last):
        touches = (before and token.start() == first) or (behind and token.end() == last)
        found = False
        for start, end in _parts(text, token.start(), token.end()):
            for span in _unspaced(text, start, end, rules) if rules.unspaced else _spaced(text, start, end, rules):
                found = True
                yield span
        if not found and not touches:
            yield token.start(), token.end(), (), "punctuation"


def _parts(text: str, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Emoji stand for themselves; the rest of a token ends at breaks."""
    inner = text[first:last].strip(".,;:!?()[]{}'\"")
    if HOST.fullmatch(inner):
        yield first, last
        return
    at = first
    for found in EMOJIS.finditer(text, first, last):
        yield from _between_breaks(text, at, found.start())
        yield found.span()
        at = found.end()
    yield from _between_breaks(text, at, last)


def _between_breaks(text: str, first: int, last: int) -> Iterator[tuple[int, int]]:
    gaps = [gap.span() for gap in BREAKS.finditer(text, first, last)]
    borders = [first, *itertools.chain.from_iterable(gaps), last]
    yield from zip(borders[::2], borders[1::2], strict=True)


def _spaced(text: str, start: int, end: int, rules: Rules) -> Iterator[Span]:
    first, last = _core(text, start, end, rules)
    if first < last:
        yield first, last, *say_piece(text[first:last], rules)


def _unspaced(text: str, start: int, end: int, rules: Rules) -> Iterator[Span]:
    """Character by character; numbers and words of other scripts as one."""
    first, last = _core(text, start, end, rules)
    for found in piece_pattern(rules).finditer(text, first, last):
        readings, flag = say_piece(found[0], rules)
        if rules.language in CHINESE and text[found.end() : found.end() + 1] == "年" and len(found[0]) == 4:
            readings = readings[::-1]  # years are said digit by digit
        if flag != "punctuation":
            yield *found.span(), readings, flag


def _core(text: str, start: int, end: int, rules: Rules) -> tuple[int, int]:
    """The span of a piece without the punctuation around it; symbols that stand alone are words."""
    if start < end and EMOJIS.fullmatch(text, start, end):
        return start, end
    first = FIRST.search(text, start, end)
    if first:
        return first.start(), [match.end() for match in LAST.finditer(text, first.start(), end)][-1]
    symbols = [at for at in range(start, end) if unicodedata.category(text[at])[0] == "S" or text[at] in SAID]
    return (symbols[0], symbols[-1] + 1) if symbols else (start, start)


@cache
def phrase_pattern(rules: Rules) -> regex.Pattern[str]:
    """What is read as a whole, over blanks too: dates, amounts with their units, abbreviations."""
    latin = "A-Za-zÀ-ɏ" if rules.unspaced else r"\p{L}\p{M}"
    before, behind = rf"(?<![{latin}\p{{N}}])(?<!\d[.,:/])", rf"(?![{latin}\p{{N}}])"
    sign = r"(?:(?<=^|[\s(\[“\"'])[-−+])?"
    amount, coin = rf"(?P<amount>{rules.number}(?![.,]\d)|\d+[.,]\d+)", rf"(?P<coin>{currency_pattern()})"
    scale = rf"(?:\s(?P<scale>{SCALES}))?" if rules.language == "en" else ""
    parts = [
        *_clock_patterns(rules),
        r"(?P<date>\d{4}-\d{2}-\d{2}|\d{1,2}(?P<between>[./-])\d{1,2}(?P=between)(?:\d{4}|\d{2})(?![./-]?\d))",
        rf"(?P<money>{sign}{coin}\s?{amount}{scale})",
        rf"(?P<money>{sign}{amount}\s?{coin})",
        rf"(?P<measure>{sign}{amount}(?P<unit>{unit_pattern(rules)}))",
        rf"(?P<measure>(?P<unit>[%٪])\s?{amount})",
        rf"(?P<fraction>(?:\d+ )?\d{{1,3}}[/⁄]\d{{1,3}}(?![/.]?\d)|(?:\d+[ ]?)?[{VULGAR}])",
        rf"(?P<parted>{rules.parted})",
        *_ordinal_patterns(rules),
        *_month_patterns(rules),
        *_short_patterns(rules),
    ]
    return regex.compile(f"{before}(?:{'|'.join(parts)}){behind}", regex.V1)


def _clock_patterns(rules: Rules) -> list[str]:
    """14.30 Uhr, 14 h 30."""
    behind = rules.table.get("clock", {}).get("behind")
    if behind is None:
        return []
    minutes = r"(?:\s?[0-5]\d)?" if behind == "h" else ""
    return [rf"(?P<clock>(?:[01]?\d|2[0-4])(?:[.:][0-5]\d)?\s?{behind}{minutes})"]


def _ordinal_patterns(rules: Rules) -> list[str]:
    """`3.` before a word."""
    dot = rules.table.get("ordinal_dot")
    if dot is None:
        return []
    small = "" if dot["before"] == "any" else r"(?=\s+\p{Ll})"
    return [rf"(?P<nth>\d{{1,3}}\.(?=\s+\p{{L}}){small})"]


def _month_patterns(rules: Rules) -> list[str]:
    """English: May 3 is May third, 3 May is the third of May."""
    if rules.language != "en":
        return []
    months = "|".join(month_names(rules))
    day = r"(?:[12]?\d|3[01])(?!,\d)"
    return [rf"(?P<day>(?<=\b(?:{months})\s){day})", rf"(?P<day>{day}(?=\s(?:{months})\b))"]


def _short_patterns(rules: Rules) -> list[str]:
    """Abbreviations, the longest first; titles before names."""
    parts = []
    for short in sorted(rules.table.get("abbreviations", {}), key=len, reverse=True):
        word, _, _ = short.partition(" #")
        word, _, name = word.partition(" A") if short.endswith(" A") else (word, "", None)
        pattern = r"[ \u00a0\u202f]?".join(regex.escape(part) for part in word.split(" "))
        context = r"(?=\s?\d)" if short.endswith(" #") else r"(?=\s+\p{Lu})" if name is not None else ""
        parts.append(f"{pattern}{context}" if name is not None else f"(?i:{pattern}){context}")
    found = [rf"(?P<short>{'|'.join(parts)})"] if parts else []
    if titles := rules.table.get("titles"):
        names = "|".join(sorted({each for title in titles for each in _spellings(title)}, key=len, reverse=True))
        found.append(rf"(?P<title>(?:{names})(?:\.|(?=\s|$)))")
    return found


def _spellings(title: str) -> list[str]:
    """`Mr` and `mr`; a word with a vowel only as it is listed (`me` is French for more than `maître`)."""
    return [title, title.lower()] if len(title) > 1 and not regex.search("[aeiouy]", title.lower()) else [title]


def _clock(found: regex.Match[str], rules: Rules) -> Readings | None:
    return time_of_day(regex.sub(r"\D+$", "", found[0]), rules)


def _date(found: regex.Match[str], rules: Rules) -> Readings | None:
    return date(found[0], rules)


def _money(found: regex.Match[str], rules: Rules) -> Readings | None:
    scale = found["scale"] if rules.language == "en" else ""
    return _signed(found, currency(found["amount"], found["coin"], rules, scale or ""), rules)


def _measure(found: regex.Match[str], rules: Rules) -> Readings | None:
    return _signed(found, measure(found["amount"], found["unit"], rules), rules)


def _signed(found: regex.Match[str], readings: Readings | None, rules: Rules) -> Readings | None:
    """Put the sign that the match begins with before each reading."""
    if readings is None or found[0][0] not in "-−+":
        return readings
    sign = rules.words("plus" if found[0][0] == "+" else "minus")
    return tuple((*sign, *reading) for reading in readings) if sign else None


def _fraction(found: regex.Match[str], rules: Rules) -> Readings | None:
    text = unicodedata.normalize("NFKC", regex.sub(rf"(?<=\d)(?=[{VULGAR}])", " ", found[0])).replace("⁄", "/")
    return fraction(text, rules)


def _parted(found: regex.Match[str], rules: Rules) -> Readings | None:
    return number(found[0], rules)


def _nth(found: regex.Match[str], rules: Rules) -> Readings | None:
    """The ordinal in its endings, then the number: a sentence may end there."""
    digits = found[0].rstrip(".")
    nth = ordinal_of(int(digits), rules)
    if nth is None:
        return None
    endings = [(*nth[:-1], nth[-1] + ending) for ending in rules.table["ordinal_dot"]["endings"]]
    return some(*endings, *(number(digits, rules) or ()))


def _day(found: regex.Match[str], rules: Rules) -> Readings | None:
    """The day of a month: as an ordinal, or as a number."""
    nth, plain = ordinal_of(int(found[0]), rules) or (), number(found[0], rules) or ()
    before, behind = found.string[: found.start()], found.string[found.end() :]
    if regex.match(rf"\s(?:{'|'.join(month_names(rules))})\b", behind) and not regex.search(r"\p{L}\s$", before):
        return some((*nth, "of"), ("the", *nth, "of"), *plain)
    return some(nth, ("the", *nth), *plain)


def _short(found: regex.Match[str], rules: Rules) -> Readings | None:
    return _short_table(rules).get(_key(found[0]))


def _title(found: regex.Match[str], rules: Rules) -> Readings | None:
    title = found[0].rstrip(".")
    table = rules.table["titles"]
    said = as_readings(table[title] if title in table else {key.lower(): way for key, way in table.items()}[title])
    before_name = regex.match(r"\s+\p{Lu}", found.string, pos=found.end()) is not None
    return said if before_name else said[::-1]


@cache
def _short_table(rules: Rules) -> dict[str, Readings]:
    table = rules.table.get("abbreviations", {})
    return {_key(regex.sub(" [#A]$", "", short)): as_readings(said) for short, said in table.items()}


def _key(short: str) -> str:
    return "".join(short.split()).casefold()


PHRASES: dict[str, Callable[[regex.Match[str], Rules], Readings | None]] = {
    "clock": _clock,
    "date": _date,
    "money": _money,
    "measure": _measure,
    "fraction": _fraction,
    "parted": _parted,
    "nth": _nth,
    "day": _day,
    "short": _short,
    "title": _title,
}
