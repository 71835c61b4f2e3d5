"""How numbers in a transcript may be said, through `num2words` in the transcript's language.

A number has several readings (1984: nineteen eighty four, one thousand nine hundred eighty four, one nine
eight four), and only the audio knows which was said: the likeliest comes first. None: the language is not
supported.
"""

from __future__ import annotations

from typing import Any

from num2words import num2words

Readings = tuple[tuple[str, ...], ...]

UNITS = {"$": ("dollar", "dollars"), "€": ("euro", "euros"), "£": ("pound", "pounds"), "¥": ("yen", "yen")}
LONGEST = 15  # digits; longer ones are read out one by one


def number(text: str, language: str) -> Readings | None:
    """Readings of `1,984`, `28.8`, `007`."""
    digits = text.replace(",", "")
    one_by_one = _digit_by_digit(digits, language)
    if len(digits) > LONGEST or (digits.startswith("0") and digits.isdigit() and len(digits) > 1):
        return _some(one_by_one)
    whole = _words(digits, language)
    found = [whole]
    if language == "en" and whole:
        pairs = _pairs(digits) if "," not in text else None
        year = len(digits) == 4 and ("1100" <= digits <= "1999" or "2010" <= digits <= "2099")
        found = [pairs, whole] if year else [whole, pairs]
        found.append(tuple(word for word in whole if word != "and"))
    found.append(one_by_one)
    if "0" in digits and language == "en" and one_by_one:
        found.append(tuple("oh" if word == "zero" else word for word in one_by_one))
    return _some(*found)


def ordinal(text: str, language: str) -> Readings | None:
    """Readings of `21st`."""
    return _some(_words(text[:-2], language, to="ordinal"))


def currency(text: str, language: str) -> Readings | None:
    """Readings of `$1`, `£2.50`: the unit behind the number, with its hundredths where there are two digits."""
    one, many = UNITS[text[0]]
    amount = text[1:].replace(",", "")
    if language != "en":
        return None
    whole, _, part = amount.partition(".")
    units = _words(whole, language)
    if units is None:
        return None
    plain = (*units, one if whole == "1" else many)
    if not part:
        return (plain,)
    if len(part) == 2:
        cents = _words(part, language) or ()
        return _some((*plain, "and", *cents, "cents"), (*units, *cents), (*plain, *cents))
    return _some((*(_words(amount, language) or ()), many))


def time_of_day(text: str, language: str) -> Readings | None:
    """Readings of `10:30`, `9:05`, `8:00`."""
    hour, _, minute = text.partition(":")
    first = _words(str(int(hour)), language)
    second = _words(str(int(minute)), language)
    if first is None or second is None:
        return None
    if minute == "00":
        return _some((*first, "o'clock"), first, (*first, "hundred")) if language == "en" else _some(first)
    if minute.startswith("0") and language == "en":
        return _some((*first, "oh", *second), (*first, "zero", *second))
    return _some((*first, *second))


def _pairs(digits: str) -> tuple[str, ...] | None:
    """English, two digits at a time: 1984, 323, 8500."""
    if not digits.isdigit() or len(digits) not in (3, 4) or digits[:-2].startswith("0"):
        return None
    first, second = _words(digits[:-2], "en") or (), int(digits[-2:])
    if second == 0:
        return (*first, "hundred")
    if second < 10:
        return (*first, "oh", *(_words(str(second), "en") or ()))
    return (*first, *(_words(str(second), "en") or ()))


def _digit_by_digit(digits: str, language: str) -> tuple[str, ...] | None:
    words: list[str] = []
    for digit in digits:
        if digit == ".":
            words.append("point" if language == "en" else "")
            continue
        word = _words(digit, language)
        if word is None:
            return None
        words += word
    return tuple(word for word in words if word)


def _words(value: str, language: str, *, to: Any = "cardinal") -> tuple[str, ...] | None:
    plain = "".join(character if character == "." else str(int(character)) for character in value)  # any script
    try:
        said = num2words(plain, lang=language, to=to)
    except (NotImplementedError, OverflowError, ValueError, TypeError, KeyError, IndexError):
        return None
    return tuple(said.lower().replace("-", " ").replace(",", " ").split())


def _some(*readings: tuple[str, ...] | None) -> Readings | None:
    """The readings that exist, each once."""
    return tuple(dict.fromkeys(reading for reading in readings if reading)) or None
