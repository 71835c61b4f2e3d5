"""What classifiers of audio call languages, as ISO 639 codes: `en: English`, `eng`, `english`, `English (US)`."""

from __future__ import annotations

import re
from functools import cache

from babel import Locale

from curation.text import base_language
from manifests.rows.languages import language_doubt


@cache
def code_of(label: str) -> str | None:
    """The code of a classifier's label, two letters where there are two; None: it names no known language."""
    names = {str(name).casefold(): str(code) for code, name in Locale("en").languages.items()}
    whole = label.strip().replace("__label__", "")
    parts = [whole, *re.split(r"[:;,()/]| - ", whole)]
    for part in (part.strip() for part in parts):
        if part.casefold() in names:
            return base_language(names[part.casefold()])
        if language_doubt(part) is None and part:
            return base_language(part)
    return None
