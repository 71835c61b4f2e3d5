"""A task of the paper's third stage and its answer, from what a manifest says of a cut.

Of its 15 tasks the recipes make rows of transcription, translation, sounds and scenes, entities, intents, chat,
instructions and synthetic voices. A builder makes rows of the others for any corpus that says what they ask.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manifests.errors import Rejected
from manifests.reasons import Reason
from manifests.rows.languages import english_name
from manifests.units import Seconds

AGES = {"fourties": "forties", "teens": "teens"}  # as Common Voice spells them -> as we do
DECADES = ("teens", "twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties")
SHORTEST = 4  # letters of a word that grounding asks for: short ones are said everywhere


@dataclass(frozen=True)
class Said:
    """One aligned word, in seconds from the start of its cut."""

    symbol: str
    start: Seconds
    end: Seconds
    sure: bool = True
    """Was it aligned as it is spelled, and not through a wildcard?"""


@dataclass(frozen=True)
class AskedCut:
    """What a builder reads of a cut."""

    cut_id: str
    language: str | None
    speaker: str | None
    facts: Mapping[str, Any]
    """`cut.custom` and the supervision's: what a recipe knows beside the contract."""
    words: Sequence[Said] = ()


@dataclass(frozen=True)
class Builder:
    """How one task is asked of cuts that were made for another."""

    task: str
    needs: str
    """What a cut must have, for messages."""
    answer: Callable[[AskedCut], str]
    """The row's target_text.

    Raises:
        Rejected: the cut does not say it.
    """


def gender(cut: AskedCut) -> str:
    """`female`, `male`, or what else the corpus says."""
    return _fact(cut, "gender")


def age(cut: AskedCut) -> str:
    """A decade: Common Voice's own word, or that of a number of years."""
    said = _fact(cut, "age")
    if said.replace(".", "", 1).isdigit():
        decade = int(float(said)) // 10
        if not 1 <= decade <= len(DECADES):
            raise Rejected(Reason.target_missing, f"age is {said!r}, expected 10 to 99 years")
        return DECADES[decade - 1]
    return AGES.get(said, said)


def emotion(cut: AskedCut) -> str:
    """A word for it, as the corpus has it."""
    return _fact(cut, "emotion")


def language(cut: AskedCut) -> str:
    """The language's English name."""
    name = english_name(cut.language) if cut.language else None
    if name is None:
        raise Rejected(Reason.target_missing, f"language is {cut.language!r}, expected the code of a known one")
    return name


def speakers(cut: AskedCut) -> str:
    """One: clips of several are made of these when they are drawn."""
    if not cut.speaker:
        raise Rejected(Reason.target_missing, "no speaker is known")
    return "one speaker"


def grounding(cut: AskedCut) -> str:
    """`WORD: 0.52 to 0.80 s` of one word that is said once; which one follows from the cut's id."""
    symbols = [bare(word.symbol) for word in cut.words]
    fitting = [
        (symbol, word)
        for symbol, word in zip(symbols, cut.words, strict=True)
        if word.sure and len(symbol) >= SHORTEST and symbols.count(symbol) == 1 and word.end > word.start
    ]
    if not fitting:
        raise Rejected(
            Reason.target_missing,
            f"of {len(cut.words)} aligned words none has {SHORTEST} letters and is said once"
            + ("" if cut.words else "; `soundwave label align` finds when words are said"),
        )
    number = int.from_bytes(hashlib.sha256(cut.cut_id.encode()).digest()[:8], "big") % len(fitting)
    symbol, word = fitting[number]
    return f"{symbol}: {word.start:.2f} to {word.end:.2f} s"


def bare(symbol: str) -> str:
    """A word without marks around it, in small letters."""
    inside = [number for number, letter in enumerate(symbol) if letter.isalnum()]
    return symbol[inside[0] : inside[-1] + 1].casefold() if inside else ""


def _fact(cut: AskedCut, name: str) -> str:
    said = str(cut.facts.get(name) or "").strip().lower().replace("_", " ")
    if not said:
        raise Rejected(Reason.target_missing, f"{name} is not known")
    return said


BUILDERS = {
    builder.task: builder
    for builder in (
        Builder("gender", "`gender` in its custom fields", gender),
        Builder("age", "`age` in its custom fields", age),
        Builder("emotion", "`emotion` in its custom fields", emotion),
        Builder("language", "a language", language),
        Builder("speakers", "a speaker", speakers),
        Builder("grounding", "aligned words", grounding),
    )
}
