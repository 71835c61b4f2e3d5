"""When two texts, or two speakers' ids, count as the same: for splits and for the audits of leakage alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

Readings = Callable[[str, str | None], Iterable[str]]  # text, language -> the text with its numbers as words

_ASCII = re.compile(r"[^a-z0-9]+")
# Scripts that write no spaces between words: Thai, Lao, Burmese, Khmer, kana and Han.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
_NO_SPACE = re.compile(f" (?=[{_UNSPACED}])|(?<=[{_UNSPACED}]) ")
_PARTS = re.compile(r"[^\W_]+")
_GENERIC = {"speaker", "spk", "spkr", "reader", "narrator", "id", "sp"}
# Corpora whose speaker ids are one list, by what stands in the corpus's name: LibriVox's readers.
_FAMILIES = {"libri": "librivox", "mls": "librivox"}
_FAMILY_LETTERS = 5  # corpora whose names begin alike (voxceleb1, voxceleb2) are one family
_DIGITS, _LETTERS, _ALONE = 3, 6, 12  # what an id needs to say anything; the last without a family


class _Folding(dict[int, str | None]):
    """For `str.translate`: letters and marks as they are, digits as 0-9, the rest a space; made as it is needed."""

    def __missing__(self, code: int) -> str | None:
        char = chr(code)
        kind = unicodedata.category(char)
        value: str | None = char
        if kind == "Cf":  # soft hyphens, joiners and direction marks stand inside words
            value = None
        elif kind == "Nd":
            value = str(unicodedata.digit(char))
        elif kind[0] in "PSZC":
            value = " "
        self[code] = value
        return value


_FOLDING = _Folding()


def same_text(text: str) -> str:
    """Words of letters, marks and digits with one space between them, casefolded, in NFKC; "" if there are none.

    Texts that differ in case, punctuation, width, digits' script or composition (NFC, NFD) give the same. Scripts
    without spaces between words lose those that are there.
    """
    if text.isascii():
        return _ASCII.sub(" ", text.lower()).strip()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _NO_SPACE.sub("", " ".join(folded.translate(_FOLDING).split()))


def text_keys(text: str | None, language: str | None = None, readings: Readings | None = None) -> list[str]:
    """What texts that are the same share at least one of: `same_text`, and the same of the text with numbers read out.

    readings: ways to say a text that has digits; none, if numbers and words are to stay different.
    """
    plain = same_text(text or "")
    if readings is None or text is None or not any(char.isdigit() for char in plain):
        return [plain] if plain else []
    return list(dict.fromkeys(filter(None, (plain, *(same_text(said) for said in readings(text, language))))))


def speaker_keys(corpus: str, speaker: str | None) -> list[str]:
    """What ids of one speaker share at least one of: the id within its corpus, and `same_speaker`."""
    if not speaker or not speaker.strip():
        return []
    own = f"{corpus}/{unicodedata.normalize('NFC', speaker.strip())}"
    return [own, *filter(None, (same_speaker(corpus, speaker),))]


def same_speaker(corpus: str, speaker: str) -> str | None:
    """FAMILY/ID of a speaker's id that says who it is in other corpora too; None if it does not say.

    `librispeech-1089`, `libritts_1089` and 1089 of a corpus named librilight are librivox/1089. Ids of fewer than 3
    digits and 6 characters (`2`, `anna`) say nothing outside their corpus.
    """
    parts = _PARTS.findall(unicodedata.normalize("NFKC", speaker).casefold())
    named = _PARTS.findall(corpus.casefold())
    if len(parts) > len(named) and parts[: len(named)] == named:
        parts = parts[len(named) :]
    family = _family("".join(named))
    if len(parts) > 1 and parts[0].isalpha() and len(parts[0]) > 2:
        family = family if parts[0] in _GENERIC else _family(parts[0])
        parts = parts[1:]
    core = "-".join(part.lstrip("0") or "0" if part.isdigit() else part for part in parts)
    digits = sum(char.isdigit() for char in core)
    if len(core) >= _ALONE and digits:
        return f"/{core}"
    return f"{family}/{core}" if family and (digits >= _DIGITS or (digits and len(core) >= _LETTERS)) else None


def _family(name: str) -> str:
    """What corpora with one list of speakers share; "" for a name without letters."""
    letters = "".join(char for char in name if char.isalpha())
    known = (family for stem, family in _FAMILIES.items() if stem in letters)
    return next(known, letters[:_FAMILY_LETTERS])
