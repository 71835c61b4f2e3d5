"""How numbers in a transcript may be said, in the transcript's language.

Whole numbers come from `num2words`, of Indian languages from `indic_numtowords`, of Chinese from `cn2an`. A number has
several readings (1984: nineteen eighty four, one thousand nine hundred eighty four, one nine eight four), and only the
audio knows which was said: the likeliest comes first. None: the language is not supported.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import num2words as european
import regex

from curation.text.forms import spelled
from curation.text.rules import Reading, Readings, Rules, as_readings, some

LONGEST = 15  # digits; longer ones are read out one by one
INDIC = frozenset({"as", "bn", "gu", "hi", "kn", "ml", "mr", "ne", "or", "pa", "ta", "te", "ur"})
CHINESE = frozenset({"gan", "hsn", "lzh", "wuu", "yue", "zh"})
OWN_CODES = {"kk": "kz", "nb": "no", "nn": "no"}  # what num2words calls them
YEARS = frozenset({"de", "nl", "da", "no", "nb", "nn"})  # years in hundreds, in num2words too
ORDINALS_LIKE_CARDINALS = frozenset({"th", "bn"})


def number(text: str, rules: Rules) -> Readings | None:
    """Readings of `1,984`, `28.8`, `007`."""
    digits = rules.plain(text)
    one_by_one = digit_by_digit(digits, rules)
    leading_zero = digits.startswith("0") and digits.isdigit() and len(digits) > 1
    if len(digits) > LONGEST or leading_zero:
        return some(one_by_one)
    if digits.startswith("."):
        return some(one_by_one, _join(cardinal(0, rules), one_by_one))
    whole = spoken(digits, rules)
    found = [_by_library(digits, rules), whole]
    if rules.language == "en" and whole:
        found = _english(text, digits, whole)
    elif rules.language in YEARS and _is_year(digits):
        found = [_call(int(digits), rules, "year"), whole]
    if digits == "1" and "one" in rules.table:
        found += as_readings(rules.table["one"])
    if whole and (also := _rewritten(" ".join(whole), rules, "also")) != " ".join(whole):
        found.append(tuple(also.split()))
    found.append(one_by_one)
    if "0" in digits and rules.language == "en" and one_by_one:
        found.append(tuple("oh" if word == "zero" else word for word in one_by_one))
    return some(*found)


def spoken(digits: str, rules: Rules) -> Reading | None:
    """The plain reading of `1984` or `28.8`: a cardinal, the decimal sign, its digits one by one."""
    whole, _, part = digits.partition(".")
    first = cardinal(int(whole or 0), rules)
    if not part:
        return first
    return _join(first, rules.point, digit_by_digit(part, rules))


def _by_library(digits: str, rules: Rules) -> Reading | None:
    """Decimals as num2words says them, where it knows how: три целых пять десятых."""
    if "." not in digits or not rules.table.get("decimals"):
        return None
    return tuple(str(european.num2words(digits, lang=rules.language)).split())


def cardinal(value: int, rules: Rules) -> Reading | None:
    """A whole number that is not negative."""
    return _call(value, rules, "cardinal")


def ordinal(text: str, rules: Rules) -> Readings | None:
    """Readings of `21st`, `3º`: the digits at the front count."""
    found = regex.match(r"\d+", text)
    return some(ordinal_of(int(found[0]), rules)) if found else None


def ordinal_of(value: int, rules: Rules) -> Reading | None:
    """The ordinal of a whole number."""
    if rules.language in INDIC | CHINESE | ORDINALS_LIKE_CARDINALS:
        return None
    return _call(value, rules, "ordinal")


def dotted(text: str, rules: Rules) -> Readings | None:
    """Readings of `192.168.1.1`, `3.5` in German: numbers with their full stops or commas between, said or not."""
    parts = [part for part in regex.split(r"([.,])", text) if part]
    signs = {".": rules.words("dot"), ",": rules.point if rules.decimal == "," else None}
    silent: list[Reading | None] = []
    said: list[Reading | None] = []
    for part in parts:
        if part in signs:
            said.append(signs[part] or ())
        else:
            words = (number(part, rules) or (None,))[0]
            silent.append(words)
            said.append(words)
    return some(_join(*said), _join(*silent)) if None not in silent else None


def fraction(text: str, rules: Rules) -> Readings | None:
    """Readings of `1/2`, `3/4`, `1 1/2`, `½`; what may be no fraction at all (`24/7`) is also read as two numbers."""
    found = regex.fullmatch(r"(?:(\d+)\s)?(\d+)/(\d+)", text)
    if not found:
        return None
    whole, above, below = (None if part is None else int(part) for part in found.groups())
    assert above is not None and below is not None
    listed = rules.table.get("fractions", {})
    said = listed.get(f"{whole} {above}/{below}") if whole is not None else listed.get(f"{above}/{below}")
    if said:
        return as_readings(said)
    if rules.language != "en":
        return None
    apart = _join(*((number(str(part), rules) or (None,))[0] for part in (above, below)))
    if whole is None and (above >= below or (below > 10 and below not in (16, 32, 64, 100))):
        return some(apart)
    ways = _english_fraction(above, below, rules)
    if whole is not None:
        before = _join(cardinal(whole, rules), ("and",))
        return some(*(_join(before, way) for way in ways))
    return some(*ways, apart)


def _english_fraction(above: int, below: int, rules: Rules) -> list[Reading | None]:
    names = {2: [("half", "halves")], 4: [("quarter", "quarters"), ("fourth", "fourths")]}
    ordinals = ordinal_of(below, rules) or ()
    pairs = names.get(below) or [(" ".join(ordinals), " ".join(ordinals) + "s")]
    upper = cardinal(above, rules)
    ways = [_join(upper, tuple((one if above == 1 else many).split())) for one, many in pairs]
    return [*ways, _join(("a",), tuple(pairs[0][0].split()))] if above == 1 else [*ways]


def time_of_day(text: str, rules: Rules) -> Readings | None:
    """Readings of `10:30`, `9:05`, `8:00`, `14h30`."""
    hour, minute = [*regex.split(r"\D+", text.strip()), "00"][:2]
    minute = minute or "00"
    first, second = cardinal(int(hour), rules), cardinal(int(minute), rules)
    if first is None or second is None:
        return None
    clock = rules.table.get("clock")
    if clock:
        first = (as_readings(rules.table["one"])[0] if rules.language == "de" and int(hour) == 1 else None) or first
        form = clock["whole"] if minute == "00" else clock["time"]
        full = form.format(h=" ".join(first), m=" ".join(second)).split()
        return some(tuple(full), first if minute == "00" else (*first, *second))
    english = rules.language == "en"
    if minute == "00":
        return some((*first, "o'clock"), first, (*first, "hundred")) if english else some(first)
    if minute.startswith("0") and english:
        return some((*first, "oh", *second), (*first, "zero", *second))
    return some((*first, *second))


def digit_by_digit(digits: str, rules: Rules) -> Reading | None:
    """Each digit, and the decimal sign."""
    words: list[str] = []
    for digit in digits:
        word = rules.point if digit == "." else cardinal(int(digit), rules)
        if word is None:
            return None
        words += word
    return tuple(words)


def _english(text: str, digits: str, whole: Reading) -> list[Reading | None]:
    pairs = _pairs(digits) if text == digits else None
    found: list[Reading | None] = [pairs, whole] if _is_year(digits) else [whole, pairs]
    return [*found, tuple(word for word in whole if word != "and")]


def _is_year(digits: str) -> bool:
    return len(digits) == 4 and ("1100" <= digits <= "1999" or "2010" <= digits <= "2099")


def _pairs(digits: str) -> Reading | None:
    """English, two digits at a time: 1984, 323, 8500."""
    if not digits.isdigit() or len(digits) not in (3, 4) or digits[:-2].startswith("0"):
        return None
    first, second = _english_words(int(digits[:-2])), int(digits[-2:])
    if second == 0:
        return (*first, "hundred")
    return (*first, "oh", *_english_words(second)) if second < 10 else (*first, *_english_words(second))


def _english_words(value: int) -> Reading:
    return _converted(value, "en", "", "cardinal") or ()


def _call(value: int, rules: Rules, to: str) -> Reading | None:
    said = _converted(value, rules.language, rules.region, to)
    return tuple(_rewritten(" ".join(said), rules, "instead").split()) if said and "instead" in rules.table else said


def _rewritten(said: str, rules: Rules, key: str) -> str:
    """What the library says, changed by the table's regular expressions."""
    for pattern, better in rules.table.get(key, {}).items():
        said = regex.sub(pattern, better, said)
    return said


@lru_cache(maxsize=4096)
def _converted(value: int, language: str, region: str, to: str) -> Reading | None:
    if language in INDIC or language in CHINESE:
        said = _indic(value, language) if language in INDIC else _chinese(value, language, region)
    else:
        said = _european(value, language, region, to)
    return tuple(spelled(said, language).replace("-", " ").replace(",", " ").split()) if said else None


def _european(value: int, language: str, region: str, to: Any) -> str | None:
    for code in (f"{language}_{region}", OWN_CODES.get(language, language)):
        if code in european.CONVERTER_CLASSES:
            try:
                return str(european.num2words(value, lang=code, to=to))
            except (NotImplementedError, OverflowError, ValueError, TypeError, LookupError, AttributeError):
                return None
    return None


def _indic(value: int, language: str) -> str | None:
    from indic_numtowords import num2words  # 0.1 s to import, for these languages only

    try:
        return str(num2words(str(value), lang=language))
    except (NotImplementedError, ValueError, LookupError):
        return None


def _chinese(value: int, language: str, region: str) -> str | None:
    from cn2an import an2cn  # 0.2 s to import, for Chinese only

    said = str(an2cn(str(value)))
    traditional = language == "yue" or region in ("TW", "HK", "MO")
    return said.translate(str.maketrans("万亿", "萬億")) if traditional else said


def _join(*parts: Reading | None) -> Reading | None:
    """The parts one after the other; None when one of them cannot be said."""
    if any(part is None for part in parts):
        return None
    return tuple(word for part in parts if part for word in part)
