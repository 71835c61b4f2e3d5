"""Where a chat template puts what is said: its own text around the messages.

The template never sees the words of a message. It gets a mark in their place, with the space that the words have around
them, and writes, trims and repeats that. So no word can act on the template, as `</think>` does on some.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from jinja2 import TemplateError

from manifests.errors import InputError

Parts = Sequence[str | int]
"""What a message says: texts, and numbers for what is no text."""

# Letters of both cases, space, quotes and signs: a template that changes any of them changes the mark.
MARK = "Aq{0}  \n<\"é'&>{0}qZ"
MARKS = re.compile("Aq([0-9]+)  \n<\"é'&>\\1qZ")


def in_frame(tokenizer: Any, roles: Sequence[str], contents: Sequence[Parts]) -> Iterator[tuple[str | int, bool]]:
    """All parts of a conversation up to where its answer begins, each with whether it is the template's own text.

    Raises:
        InputError: a template that refuses the messages, leaves one out, changes its text, or repeats what is no text.
    """
    outlines, words = zip(*(_outline(number, parts) for number, parts in enumerate(contents)), strict=True)
    messages = [{"role": role, "content": outline} for role, outline in zip(roles, outlines, strict=True)]
    pieces = MARKS.split(_written(tokenizer, messages))
    found = [int(number) for number in pieces[1::2]]
    for number, parts in enumerate(words):
        _check(tokenizer, roles[number], parts, found.count(number))
    for place, piece in enumerate(pieces):
        if place % 2 == 0:
            yield piece, True
        else:
            yield from ((part, False) for part in words[int(piece)])


def _outline(number: int, parts: Parts) -> tuple[str, Parts]:
    """A message's content with a mark for its words, and the words without the space around them."""
    words, before, after = list(parts), "", ""
    if words and isinstance(text := words[0], str):
        core = text.lstrip()
        before, words[0] = text[: len(text) - len(core)], core
    if words and isinstance(text := words[-1], str):
        core = text.rstrip()
        words[-1], after = core, text[len(core) :]
    said = [part for part in words if part != ""]
    return before + (MARK.format(number) if said else "") + after, said


def _written(tokenizer: Any, messages: Sequence[dict[str, str]]) -> str:
    """The conversation as the template writes it."""
    try:
        return str(tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True))
    except (TemplateError, ValueError, TypeError) as error:
        roles = ", ".join(message["role"] for message in messages)
        raise InputError(
            f"The LLM {tokenizer.name_or_path!r} has no chat template for messages of {roles}: "
            f"{' '.join(str(error).split()) or type(error).__name__}. Expected a template that takes these roles; "
            "take another LLM, or give its tokenizer such a `chat_template`."
        ) from error


def _check(tokenizer: Any, role: str, parts: Parts, times: int) -> None:
    if parts and not times:
        raise InputError(
            f"The chat template of the LLM {tokenizer.name_or_path!r} leaves out what the {role} says, or changes it. "
            "Expected the text as it is. Take another LLM, or give its tokenizer a `chat_template` that keeps it"
            + (' (or no system prompt: `system_prompt: ""`).' if role == "system" else ".")
        )
    if times > 1 and any(not isinstance(part, str) for part in parts):
        raise InputError(
            f"The chat template of the LLM {tokenizer.name_or_path!r} writes what the {role} says {times} times, and "
            "sound can stand in one place only. Take another LLM, or give its tokenizer another `chat_template`."
        )
