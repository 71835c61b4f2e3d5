"""How money, units and dates are said: CLDR writes them in words (babel), our number rule reads the digits."""

from __future__ import annotations

import datetime
from functools import cache
from pathlib import Path
from typing import Any

import regex
from babel import Locale
from babel.dates import format_date, get_date_format
from babel.numbers import get_currency_name
from babel.units import format_unit

from curation.text.forms import LETTERS, spelled
from curation.text.numbers import cardinal, dotted, number, ordinal_of, spoken
from curation.text.rules import THIN, Reading, Readings, Rules, as_readings, currencies, some
from manifests.settings.core_yaml import load_yaml

SPACED_ONLY = ("s",)  # "1980s"
_NOT_SAID = regex.compile(r"[^\p{L}\p{M}\s#'’.\-–\p{Cf}]")
"""In what CLDR writes: a unit that has no name, only its sign."""


@cache
def signs() -> dict[str, str]:
    """units.yaml: as written behind a number -> CLDR's name."""
    found = load_yaml(Path(__file__).with_name("units.yaml").read_text(encoding="utf-8"))
    return {sign: name for name, written in found.items() for sign in written}


@cache
def units(rules: Rules) -> dict[str, str]:
    """As written -> CLDR's name: international signs, and the language's own of two letters or more (кг)."""
    own: dict[str, str] = {}
    if rules.locale is not None and rules.language != "en":
        for name in signs().values():
            short = regex.sub(r"[\d\s\p{Cf}]", "", format_unit(2, name, "short", locale=rules.locale))
            if len(short) > 1:
                own.setdefault(short, name)
                own.setdefault(short.rstrip("."), name)
    return {**own, **signs()}


@cache
def unit_pattern(rules: Rules) -> str:
    """Units behind a number, the longest first."""
    names = sorted(units(rules), key=len, reverse=True)
    tight = "|".join(regex.escape(name) for name in names if name not in SPACED_ONLY)
    apart = "|".join(SPACED_ONLY)
    return rf"(?:[ {THIN}]?(?:{tight})|[ {THIN}](?:{apart}))(?![\p{{L}}\p{{M}}\p{{N}}'’])"


@cache
def currency_pattern() -> str:
    """Currency signs, the longest first."""
    return "(?:" + "|".join(regex.escape(sign) for sign in sorted(currencies(), key=len, reverse=True)) + ")"


@cache
def month_names(rules: Rules) -> list[str]:
    """January to December."""
    return [] if rules.locale is None else [str(name) for name in rules.locale.months["format"]["wide"].values()]


def sign_name(sign: str, rules: Rules) -> Reading | None:
    """How CLDR calls `%` and `‰` that stand alone."""
    form = _unit_form(rules.locale, signs()[sign], "2") if sign in signs() else None
    return letters_of(form.replace("{0}", " "), rules) if form else None


def measure(amount: str, unit: str, rules: Rules) -> Readings | None:
    """Readings of `5 km`, `3,5 kg`, `20 %`: each way to say the number, with CLDR's name of the unit."""
    unit = unit.strip()
    usual = regex.fullmatch(rules.number, amount, regex.V1) is not None
    digits = rules.plain(amount) if usual else "2"
    said = number(amount, rules) if usual else dotted(amount, rules)
    if said is None:
        return None
    form = rules.table.get("percent") if unit in ("%", "٪") else None
    form = form or _unit_form(rules.locale, units(rules)[unit], digits)
    if form is None:
        known = rules.symbol(unit)
        return some(*((*one, *way) for one in said for way in known)) if known else None
    if digits == "1" and "one" in rules.table:
        said = (*as_readings(rules.table["one"]), *said)
    found = [_filled(form, one, rules) for one in said]
    if unit == "°C" and rules.language == "en":
        found += [(*one, "degrees", "c") for one in said[:1]]
    if unit.isalpha() and rules.language == "en" and len(unit) < 3:
        found.insert(min(2, len(found)), (*said[0], *unit.lower()))
    return some(*found)


@cache
def _unit_form(locale: Locale | None, unit: str, digits: str) -> str | None:
    """CLDR's words with {0} for the number, in the plural that the number needs."""
    if locale is None:
        return None
    value: float | int = float(digits) if "." in digits else int(digits or 0)
    try:
        text = format_unit(value, unit, "long", format="0.#########", locale=locale, numbering_system="latn")
    except (ValueError, KeyError):
        return None
    form = regex.sub(r"\d+(?:[.,٫]\d+)?", "#", text, count=1)
    bare = form.strip("# \u00a0\u202f")
    return None if _NOT_SAID.search(form) or "#" not in form or bare in signs() else form.replace("#", "{0}")


def _filled(form: str, said: Reading, rules: Rules) -> Reading:
    before, _, behind = form.partition("{0}")
    return (*letters_of(before, rules), *said, *letters_of(behind, rules))


def letters_of(text: str, rules: Rules) -> Reading:
    """The words of a text of letters."""
    found = (spelled(match[0], rules.language) for match in regex.finditer(LETTERS, text, regex.V1))
    return tuple(word for word in found if word)


def currency(amount: str, sign: str, rules: Rules, scale: str = "") -> Readings | None:
    """Readings of `$1`, `£2.50`, `3,50 €`: the unit behind the number, with its hundredths where there are two digits.

    scale: `million` in `$1.5 million`.
    """
    if not regex.fullmatch(rules.number, amount, regex.V1):
        return None
    digits = rules.plain(amount)
    whole, _, part = digits.partition(".")
    names = _currency_names(rules, sign, digits, bool(scale))
    units, full = cardinal(int(whole or 0), rules), spoken(digits, rules)
    if not names or units is None or full is None:
        return None
    ones = as_readings(rules.table["one"])[:2] if digits == "1" and "one" in rules.table else ()
    ones = (*ones, *(number(amount, rules) or (full,)))
    if scale:
        return some(*((*full, scale.lower(), *name) for name in names))
    if len(part) != 2:
        return some(*((*one, *name) for name in names for one in ones))
    if int(part) == 0:
        return some(*((*units, *name) for name in names), *((*full, *name) for name in names))
    hundredths = cardinal(int(part), rules) or ()
    cents = [("and", *hundredths, "cents")] if rules.language == "en" else [hundredths]
    cents += (
        [("and", *hundredths, "pence"), ("and", *hundredths, "p")] if rules.language == "en" and sign == "£" else []
    )
    found: list[Reading] = [(*units, *names[0], *tail) for tail in cents]
    found += [(*units, *hundredths), (*units, *names[0], *hundredths)] if rules.language == "en" else []
    return some(*found, *((*full, *name) for name in names))


def _currency_names(rules: Rules, sign: str, digits: str, many: bool) -> list[Reading]:
    """The name alone (dollars), then in full (US dollars), in the plural that the number needs."""
    if rules.locale is None:
        return []
    code = currencies()[sign]
    if sign in "¥￥" and rules.language in ("zh", "yue", "wuu"):
        code = "CNY"
    count: Any = 2 if many else float(digits) if "." in digits else int(digits or 0)
    names = [get_currency_name(code, count=each, locale=rules.locale) for each in (count, 1, 5)]
    words = letters_of(names[0].replace("-", " "), rules)
    if not words or names[0] == code:
        return []
    usual = rules.symbol(sign)
    if usual and names[1] == names[2]:  # no plural: the table's word always fits
        return list(dict.fromkeys([*usual, words]))
    alike = [word for word in words if usual and word[:3] == usual[0][0][:3]]
    short = alike[:1] or (words[-1:] if rules.table.get("currency_word") == "last" else words[:1])
    return list(dict.fromkeys([tuple(short), words]))


def date(text: str, rules: Rules) -> Readings | None:
    """Readings of `2024-05-03`, `3.5.2024`, `5/3/2024`, in the language's own order; None: no date."""
    parts = [int(part) for part in regex.findall(r"\d+", text)]
    day = _day(parts, rules, iso=len(regex.match(r"\d+", text)[0]) == 4)
    if day is None:
        return None
    numbers = [(number(part, rules) or (None,))[0] for part in regex.findall(r"\d+", text)]
    apart = None if None in numbers else tuple(word for one in numbers if one for word in one)
    if rules.locale is None:
        return some(apart)
    return some(*_long_dates(day, rules), apart)


def _day(parts: list[int], rules: Rules, *, iso: bool) -> datetime.date | None:
    if len(parts) != 3:
        return None
    order = "yMd" if iso or rules.locale is None else _order(rules.locale)
    for each in (order, "dMy", "Mdy"):
        named = dict(zip(each, parts, strict=True))
        year = named["y"] + (0 if named["y"] >= 100 else 2000 if named["y"] < 50 else 1900)
        try:
            return datetime.date(year, named["M"], named["d"])
        except ValueError:
            continue
    return None


@cache
def _order(locale: Locale) -> str:
    pattern = str(get_date_format("short", locale).pattern)
    return "".join(sorted("dMy", key=pattern.index))


def _long_dates(day: datetime.date, rules: Rules) -> list[Reading | None]:
    year = (number(str(day.year), rules) or (None,))[0]
    if rules.language == "en":
        return _english_dates(day, year or (), rules)
    text = format_date(day, "long", rules.locale)
    dot = rules.table.get("ordinal_dot")
    nth = ordinal_of(day.day, rules) if dot else None
    days = [(*nth[:-1], nth[-1] + ending) for ending in dot["endings"]] if dot and nth else [cardinal(day.day, rules)]
    return [_read_date(text, {str(day.year): year, str(day.day): said}, rules) for said in days]


def _english_dates(day: datetime.date, year: Reading, rules: Rules) -> list[Reading | None]:
    nth, month = ordinal_of(day.day, rules) or (), tuple(format_date(day, "MMMM", rules.locale).lower().split())
    return [(*month, *nth, *year), ("the", *nth, "of", *month, *year), (*month, "the", *nth, *year)]


def _read_date(text: str, known: dict[str, Reading | None], rules: Rules) -> Reading | None:
    words: list[str] = []
    for found in regex.finditer(rf"\d+|{LETTERS}", text, regex.V1):
        if not found[0].isdecimal():
            written = letters_of(found[0], rules)
            words += [rules.table.get("date_words", {}).get(word, word) for word in written]
            continue
        said = known.get(found[0]) or cardinal(int(found[0]), rules)
        if said is None:
            return None
        words += said
    return tuple(words)
