"""CTC targets in the LLM's own vocabulary: letters, or its usual tokens with the rare ones spelled in letters.

A token of byte-level BPE carries the space before it, so ` p l e a s e` and ` please` decode to the same text. Letters
come first in the curriculum: on little data a CTC head over BPE tokens alone stays at all-blank.
"""

from __future__ import annotations

import bisect
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from curation.text import spoken_text
from soundwave.model.plain_text import text_ids

__all__ = ["ALPHABET", "TokenTable", "Unit", "seen_tokens", "sound_tag", "spoken_text", "written_unit"]

Unit = Literal["letters", "tokens"]
PART_OF_LETTER = "\ufffd"  # what a token that is a part of a letter decodes to
ALPHABET = "abcdefghijklmnopqrstuvwxyz'"


def sound_tag(label: str) -> str:
    """The inline tag of a sound: `Dog barking` -> `<dog_barking>` (the paper's form)."""
    first = label.split(",", maxsplit=1)[0].strip().lower()
    return "<" + "_".join(first.split()) + ">"


def written_unit(vocabulary: str, units: str) -> Unit:
    """What a trained CTC head writes: `vocabulary` is its model's `ctc_vocabulary`, `units` its stage's `ctc_units`.

    A head over letters writes letters; a later stage that trains no CTC may say otherwise.
    """
    return "letters" if "letters" in (vocabulary, units) else "tokens"


class TokenTable:
    """Text to CTC classes and back. Class c is the LLM's token `token_ids[c]`; None: classes are token ids."""

    def __init__(self, tokenizer: Any, token_ids: Sequence[int] | None) -> None:
        self.tokenizer = tokenizer
        self.token_ids = None if token_ids is None else list(token_ids)
        self._class_of = None if token_ids is None else {token: place for place, token in enumerate(token_ids)}
        self._letters: dict[str, list[int]] = {}
        self._pieces: dict[int, str] = {}

    def encode(self, text: str, unit: Unit) -> list[int]:
        """CTC classes of `text`. What the vocabulary cannot spell is left out (`seen` vocabularies only)."""
        ids = self.letters(text) if unit == "letters" else self._tokens(text)
        if self._class_of is None:
            return ids
        return [self._class_of[token] for token in ids if token in self._class_of]

    def target(self, text: str, unit: Unit) -> list[int] | None:
        """CTC classes of a text; None: the vocabulary cannot spell all of it, and letters would be missing."""
        ids = self.letters(text) if unit == "letters" else self._tokens(text)
        classes = self._class_of
        if classes is None:
            return ids
        return [classes[token] for token in ids] if all(token in classes for token in ids) else None

    def decode(self, classes: Iterable[int]) -> str:
        """Text of CTC classes (blanks removed, runs collapsed)."""
        ids = [self.token_ids[place] if self.token_ids is not None else place for place in classes]
        text: str = self.tokenizer.decode(ids, clean_up_tokenization_spaces=False)
        return " ".join(text.split())

    def regroup(self, classes: Sequence[int]) -> tuple[list[int], list[int]]:
        """The LLM's usual tokens for what the classes spell, and for each class the token that it belongs to.

        A class that ends inside one token and begins in another belongs to the first.
        """
        pieces = [self._piece(place) for place in classes]
        text = "".join(pieces)
        if PART_OF_LETTER in text:  # letters of several tokens each: the classes stand for themselves
            return [self._token(place) for place in classes], list(range(len(classes)))
        head = len(text) - len(text.lstrip())
        tokens = self._ids(text.lstrip()) if text.strip() else []
        if not tokens:
            return [self._token(place) for place in classes], list(range(len(classes)))
        ends = list(itertools.accumulate(len(self._text([token])) for token in tokens))
        groups, at = [], -head
        for piece in pieces:
            groups.append(
                min(bisect.bisect_right(ends, max(at + len(piece) - len(piece.lstrip()), 0)), len(tokens) - 1)
            )
            at += len(piece)
        # Some token may have got no class (its characters belong to a class before it): number what is left.
        used = sorted(set(groups))
        return [tokens[group] for group in used], [used.index(group) for group in groups]

    def _token(self, place: int) -> int:
        return place if self.token_ids is None else self.token_ids[place]

    def _piece(self, place: int) -> str:
        if place not in self._pieces:
            self._pieces[place] = self._text([self._token(place)])
        return self._pieces[place]

    def _text(self, ids: list[int]) -> str:
        return str(self.tokenizer.decode(ids, clean_up_tokenization_spaces=False))

    def letters(self, text: str) -> list[int]:
        """Token ids of `text` letter by letter; a word's first letter carries the space before it."""
        ids: list[int] = []
        for word in text.split():
            if word not in self._letters:
                pieces = [f" {word[0]}", *word[1:]]
                self._letters[word] = [token for piece in pieces for token in self._ids(piece)]
            ids += self._letters[word]
        return ids

    def _tokens(self, text: str) -> list[int]:
        ids = self._ids(" " + text) if text else []
        if self._class_of is None:
            return ids
        spelled: list[int] = []
        for token in ids:
            spelled += [token] if token in self._class_of else self._spell(token)
        return spelled

    def _spell(self, token: int) -> list[int]:
        """A token's letters: `zz` inside a word has no space before it, ` zz` has."""
        text: str = self.tokenizer.decode([token], clean_up_tokenization_spaces=False)
        pieces = [text[:2], *text[2:]] if text.startswith(" ") and len(text) > 1 else list(text)
        return [inner for piece in pieces for inner in self._ids(piece)]

    def _ids(self, text: str) -> list[int]:
        return text_ids(self.tokenizer, text)


def seen_tokens(tokenizer: Any, texts: Iterable[str], *, min_count: int | None = 1) -> list[int]:
    """Sorted token ids: letters of English and of `texts`, and their tokens seen `min_count` times (None: no token)."""
    table = TokenTable(tokenizer, None)
    counts: Counter[int] = Counter()
    chosen = {token for letter in ALPHABET for token in (*table.letters(letter), *table._ids(letter))}
    for text in texts:
        counts.update(table._tokens(text) if min_count is not None else ())
        chosen.update(table.letters(text))
    return sorted(chosen | {token for token, count in counts.items() if count >= (min_count or 0)})
