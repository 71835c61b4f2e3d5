"""Text as token ids: nothing that a text spells can end a turn or stand for sound.

A tokenizer finds its control tokens, such as `<|im_end|>`, wherever their letters stand. In a chat template's frame
they are meant; in a transcript, a question or a label they are letters like any others. Text that spells one is cut
inside that spelling, and the parts are tokenised one by one. All other text gets the ids that the tokenizer gives it,
together with the frame around it: at their border a tokenizer may join letters of both.

transformers' own `split_special_tokens` is not enough: it spares tokens that were added without being called special,
such as `<tool_call>`, and it reads the frame's tokens as letters, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from weakref import WeakKeyDictionary

from manifests.errors import InputError

Span = tuple[int, int]  # [start, end) in letters of a text

# Of the tokens that were added without being called special, `<tool_call>` controls; `covid` and a run of spaces are
# words of the vocabulary.
MARKUP = re.compile(r"[<\[{(|｜].*[>\]})|｜]", re.DOTALL)
ANCHOR = "\n"  # stands before a text that goes on, where a tokenizer writes a space before a text's first word


def text_ids(tokenizer: Any, text: str) -> list[int]:
    """Token ids of a text, with no control token among them.

    Raises:
        InputError: a letter that the tokenizer knows as a control token only.
    """
    return _Reader.of(tokenizer).ids(text, ())


def framed_ids(tokenizer: Any, pieces: Sequence[tuple[str, bool]]) -> list[int]:
    """Token ids of pieces (text, is it the frame's?), read as one text. Control tokens are the frame's alone.

    Raises:
        InputError: as `text_ids`.
    """
    frame: list[Span] = []
    at = 0
    for text, of_frame in pieces:
        if of_frame:
            joins = bool(frame) and frame[-1][1] == at
            frame.append((frame.pop()[0] if joins else at, at + len(text)))
        at += len(text)
    return _Reader.of(tokenizer).ids("".join(text for text, _ in pieces), frame)


@dataclass(frozen=True)
class _Facts:
    """What a tokenizer's control tokens are."""

    size: int
    """Of the whole vocabulary: grows when a token is added."""
    controls: dict[int, str]
    """Token id -> how it is spelled."""
    writes_space: bool
    """Whether it writes a space before the first word of a text, as SentencePiece does."""


_KNOWN: WeakKeyDictionary[Any, _Facts] = WeakKeyDictionary()


def _facts(tokenizer: Any) -> _Facts:
    """Facts of a tokenizer, found once."""
    known = _KNOWN.get(tokenizer)
    if known is not None and known.size == len(tokenizer):
        return known
    added = {number: token.content for number, token in tokenizer.added_tokens_decoder.items() if _controls(token)}
    special = zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True)
    apart = _encode(tokenizer, ANCHOR) + _encode(tokenizer, "x")
    writes_space = apart != _encode(tokenizer, f"{ANCHOR}x")
    found = _Facts(len(tokenizer), {**added, **dict(special)}, writes_space)
    _KNOWN[tokenizer] = found
    return found


def _controls(token: Any) -> bool:
    return bool(token.special or MARKUP.fullmatch(token.content.strip()))


def _encode(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False))


@dataclass(frozen=True)
class _Reader:
    """Reads texts with one tokenizer."""

    tokenizer: Any
    facts: _Facts

    @classmethod
    def of(cls, tokenizer: Any) -> _Reader:
        return cls(tokenizer, _facts(tokenizer))

    def ids(self, text: str, frame: Sequence[Span], *, goes_on: bool = False) -> list[int]:
        """Token ids of a text of which `frame` may hold control tokens; goes_on: other text stands before it."""
        ids = self._read(text, goes_on=goes_on)
        if self.facts.controls.keys().isdisjoint(ids):
            return ids
        strange = [span for span in self._spelled(text) if not any(a <= span[0] and span[1] <= b for a, b in frame)]
        if not strange:
            return ids
        if len(text) == 1:
            return self._letter(text)
        found: list[int] = []
        for start, end in pairwise(_edges(strange, len(text))):
            inside = [(max(a, start) - start, min(b, end) - start) for a, b in frame if a < end and b > start]
            found += self.ids(text[start:end], inside, goes_on=goes_on or start > 0)
        return found

    def _read(self, text: str, *, goes_on: bool) -> list[int]:
        """The tokenizer's own ids, control tokens among them."""
        if goes_on and self.facts.writes_space:
            before, whole = _encode(self.tokenizer, ANCHOR), _encode(self.tokenizer, ANCHOR + text)
            if whole[: len(before)] == before:
                return whole[len(before) :]
        return _encode(self.tokenizer, text)

    def _spelled(self, text: str) -> Iterator[Span]:
        """Where control tokens are spelled, without the space beside them that some of them take."""
        controls = self.facts.controls
        if not self.tokenizer.is_fast:
            spellings = sorted(filter(None, controls.values()), key=len, reverse=True)
            yield from (found.span() for found in re.finditer("|".join(map(re.escape, spellings)), text))
            return
        read = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        for token, (start, end) in zip(read["input_ids"], read["offset_mapping"], strict=True):
            if token not in controls or start == end:
                continue
            core = text[start:end].strip() or text[start:end]
            # The unknown token stands for any letter that the vocabulary lacks; it controls where it is spelled.
            if token != self.tokenizer.unk_token_id or core == controls[token]:
                first = text.index(core, start)
                yield first, first + len(core)

    def _letter(self, letter: str) -> list[int]:
        """A letter that is also a control token, read as a letter."""
        ids = list(self.tokenizer.encode(letter, add_special_tokens=False, split_special_tokens=True))
        if self.facts.controls.keys().isdisjoint(ids):
            return ids
        raise InputError(
            f"The tokenizer of {self.tokenizer.name_or_path!r} knows {letter!r} as a control token only, and a text "
            "has that letter. Leave the rows with it out of the mixture's query, or take another LLM."
        )


def _edges(spans: Sequence[Span], length: int) -> list[int]:
    """Where parts of a text begin and end. Each span is cut after its first letter; a span of one letter is a part."""
    cuts = {0, length}
    for start, end in spans:
        cuts |= {start + 1} if end - start > 1 else {start, end}
    return sorted(cuts)
