"""What a question and its answer are, in the shapes in which text for language models is passed on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

ASKS = ("user", "human", "prompter")
ANSWERS = ("assistant", "gpt", "anygpt", "bot", "model")
LISTS = ("conversations", "messages", "chat", "conversation")
PAIRS = (
    ("instruction", ("output", "response", "answer", "completion")),
    ("question", ("answer", "response", "output")),
    ("prompt", ("completion", "response", "output", "answer")),
)


def turns(row: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str, str]]:
    """Each question with its answer: the question's turn (the row itself where it has none), question, answer.

    Raises:
        ValueError: the row has no shape that is known, or a turn that is not text.
    """
    for name in LISTS:
        if isinstance(row.get(name), list):
            yield from _talk(row[name])
            return
    for ask, answers in PAIRS:
        answer = next((name for name in answers if name in row), None)
        if ask in row and answer is not None:
            more = _text(row.get("input") or "", "input")
            yield row, "\n".join(part for part in (_text(row[ask], ask), more) if part), _text(row[answer], answer)
            return
    raise ValueError(
        f"the row has {', '.join(map(str, row))[:120]}, expected {', '.join(LISTS[:2])} or a pair such as question and "
        "answer"
    )


def _talk(talk: list[Any]) -> Iterator[tuple[Mapping[str, Any], str, str]]:
    before: Mapping[str, Any] | None = None
    for turn in talk:
        if not isinstance(turn, Mapping):
            raise ValueError("a turn is no object")
        who = str(turn.get("role") or turn.get("from") or "").casefold()
        if who in ANSWERS and before is not None:
            yield before, _said(before), _said(turn)
        elif who not in (*ASKS, *ANSWERS, "system"):
            raise ValueError(f"a turn is by {who[:40]!r}, expected user and assistant")
        before = turn if who in ASKS else None


def _said(turn: Mapping[str, Any]) -> str:
    name = next((name for name in ("content", "value", "message", "text") if name in turn), "content")
    return _text(turn.get(name), name)


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    return value.strip()
