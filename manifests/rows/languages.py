"""Codes of languages: which ones are known, in any letter case, and what is said of those that are not.

There is no closed list: rows keep the code that they have. A code is known if CLDR knows its language (ISO 639, two
letters or three, about 7,500 of them), with script and region or without: en, EN, en-GB, pt_BR, zh-Hant, deu.
"""

from __future__ import annotations

import re
from functools import cache

from babel import Locale
from babel.core import get_global

from manifests.errors import SettingsError
from manifests.names import nearest

_CODE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*")


@cache
def language_doubt(code: str) -> str | None:
    """Why a code is no known language, and what is like it; None for those that are known."""
    said = code.strip()
    if _CODE.fullmatch(said) and re.split("[-_]", said.lower())[0] in _codes():
        return None
    named = _names().get(said.casefold())
    close = [named] if named else nearest(said, sorted(code for code in _names().values() if "_" not in code))
    return f"{code!r} is no ISO 639 code that is known" + (f" (nearest: {', '.join(close)})" if close else "")


def english_name(code: str) -> str | None:
    """`German` for de, de-AT, deu; None for what is no known language. Regions and scripts are left out."""
    first = re.split("[-_]", code.strip().lower())[0]
    name: str | None = Locale("en").languages.get(get_global("language_aliases").get(first, first))
    return name


def need_language(code: str, *, setting: str) -> str:
    """The code, where it is that of a known language.

    Raises:
        SettingsError: it is none.
    """
    if said := language_doubt(code):
        raise SettingsError(f"{setting}: {said}, expected one such as en, de or pt-BR.")
    return code


@cache
def _codes() -> frozenset[str]:
    likely = (key.split("_")[0] for key in get_global("likely_subtags"))
    return frozenset((*_names().values(), *get_global("language_aliases"), *likely)) - {"root"}


@cache
def _names() -> dict[str, str]:
    """English names -> codes."""
    return {str(name).casefold(): str(code) for code, name in Locale("en").languages.items()}
