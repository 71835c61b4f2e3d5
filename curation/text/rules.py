"""What is special about reading a language: its table (languages.yaml) and its number symbols (CLDR, by babel)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import regex
from babel import Locale, UnknownLocaleError

from curation.text.forms import base_language, is_unspaced
from manifests.settings.core_yaml import load_yaml

Reading = tuple[str, ...]  # spoken words: lower-case letters and apostrophes
Readings = tuple[Reading, ...]

THIN = "\u00a0\u202f\u2009"  # no-break and thin spaces part thousands in any language
ARABIC_POINT, ARABIC_GROUP = "٫", "٬"
SCALES = "hundred|thousand|million|billion|trillion"


def some(*readings: Reading | None) -> Readings | None:
    """The readings that exist, each once; None: there is none."""
    return tuple(dict.fromkeys(reading for reading in readings if reading)) or None


def as_readings(said: Any) -> Readings:
    """From a table: one way to say it, or a list of ways."""
    return tuple(tuple(str(one).split()) for one in (said if isinstance(said, list) else [said]))


@dataclass(frozen=True, eq=False)
class Rules:
    """Of one language, maybe of one region of it. There is one object for each: see `rules_for`."""

    language: str
    """ISO 639, two letters where there are two."""
    region: str
    """ISO 3166, or empty."""
    locale: Locale | None
    """None: CLDR does not know the language."""
    table: Mapping[str, Any]
    """Its block of languages.yaml."""

    @cached_property
    def unspaced(self) -> bool:
        """See `is_unspaced`."""
        return is_unspaced(self.language)

    @cached_property
    def decimal(self) -> str:
        """The decimal sign."""
        return self._symbol("decimal", ".")

    @cached_property
    def group(self) -> str:
        """What parts thousands: characters."""
        found = self._symbol("group", ",")
        return {"'": "'’", "’": "'’"}.get(found, " " if found in THIN else found)

    @cached_property
    def number(self) -> str:
        """Pattern of a number without its sign: parted into thousands, or plain; a decimal part."""
        mark = f"[{regex.escape(self.decimal)}{ARABIC_POINT}]"
        group = f"[{regex.escape(self.group)}{THIN}{ARABIC_GROUP}]"
        parted = rf"(?!0)\d{{1,3}}(?:{group}\d{{2}})*(?:{group}\d{{3}})+(?!\d)"
        return rf"(?:(?:{parted}|\d+)(?:{mark}\d+)?|(?<![\d\p{{L}}.,]){mark}\d+)"

    @cached_property
    def parted(self) -> str:
        """Pattern of a number with blanks between its thousands: `1 000`, with a plain space where that is usual."""
        blank = f"[{THIN} ]" if self.group.isspace() else f"[{THIN}]"
        return rf"(?!0)\d{{1,3}}(?:{blank}\d{{3}})+(?:[{regex.escape(self.decimal)}]\d+)?"

    def plain(self, number: str) -> str:
        """A number in its ASCII form: digits, and a point before the decimal part."""
        whole, _, part = number.replace(ARABIC_POINT, self.decimal).partition(self.decimal)
        digits = "".join(str(int(sign)) for sign in whole if sign.isdecimal())
        return digits + ("." + "".join(str(int(sign)) for sign in part) if part else "")

    def words(self, key: str) -> Reading | None:
        """The spoken words of one entry of the table."""
        said = self.table.get(key)
        return tuple(str(said).split()) if said else None

    @cached_property
    def point(self) -> Reading | None:
        """How the decimal sign is said: in Mexico it is a full stop, in Spain a comma."""
        usual = rules_for(self.language).decimal
        return self.words("point") if self.decimal == usual else self.words("dot" if self.decimal == "." else "point")

    def symbol(self, sign: str) -> Readings | None:
        """How a symbol is said."""
        said = self.table.get("symbols", {}).get(sign)
        return as_readings(said) if said else None

    def _symbol(self, name: str, default: str) -> str:
        if self.locale is None:
            return default
        systems = self.locale.number_symbols
        symbols = systems.get("latn") or next(iter(systems.values()))
        return str(symbols.get(name) or default)


@cache
def rules_for(language: str) -> Rules:
    """The rules of an ISO 639 code with or without script and region: en, en-GB, pt_BR, zh-Hant, deu."""
    code = base_language(language)
    parts = regex.split("[-_]", language.strip())[1:]
    region = next((part.upper() for part in parts if regex.fullmatch("[A-Za-z]{2}", part)), "")
    script = next((part.title() for part in parts if regex.fullmatch("[A-Za-z]{4}", part)), "")
    locale = None
    for name in ("_".join(filter(None, chosen)) for chosen in ((code, script, region), (code, region), (code,))):
        try:
            locale = Locale.parse(name)
            break
        except (UnknownLocaleError, ValueError):
            continue
    known = tables()
    return Rules(code, region, locale, known.get(code) or known.get({"nb": "no", "nn": "no"}.get(code, ""), {}))


@cache
def tables() -> dict[str, dict[str, Any]]:
    """languages.yaml: ISO 639 code -> its block."""
    found: dict[str, dict[str, Any]] = load_yaml(Path(__file__).with_name("languages.yaml").read_text(encoding="utf-8"))
    return found


DOLLARS = {"US$": "USD", "A$": "AUD", "C$": "CAD", "CA$": "CAD", "HK$": "HKD", "NT$": "TWD", "NZ$": "NZD", "R$": "BRL"}


@cache
def currencies() -> dict[str, str]:
    """Currency sign -> ISO 4217 code, for signs of one character, and a few that are letters."""
    narrow = {
        "$": "USD",
        "€": "EUR",
        "£": "GBP",
        "¥": "JPY",
        "₹": "INR",
        "₽": "RUB",
        "₩": "KRW",
        "₺": "TRY",
        "₴": "UAH",
    }
    more = {"₪": "ILS", "฿": "THB", "₫": "VND", "₦": "NGN", "₱": "PHP", "₸": "KZT", "₼": "AZN", "₾": "GEL", "₡": "CRC"}
    return {
        **narrow,
        **more,
        "₲": "PYG",
        "₵": "GHS",
        "₮": "MNT",
        "৳": "BDT",
        "₭": "LAK",
        "៛": "KHR",
        **DOLLARS,
        "Kč": "CZK",
        "zł": "PLN",
    }
