"""Instructions and the answers that they ask for, from the files under templates/.

A set is a folder there; its files hold tasks, a task groups of lines:

    sound:
      - form: choice              # direct | choice | sentence | steps
        ask: ["{audio}\\nWhich of these can be heard?\\n{options}"]
        answer: ["{letter}"]      # default: "{answer}"

An `ask` may use {audio} (where the sound goes), {text} (a text-only row's question), {language} (of the translation),
{word} (that grounding looks for) and {options} (lettered lines). An `answer` may use {answer}, {label} (the same inside
a sentence), {letter} (the right option's), {transcript}, {spoken} (the transcript as heard), {language}, {word} and
{count} (of speakers, in words).
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from manifests.errors import SettingsError
from manifests.settings import check_settings, read_yaml

TEMPLATES = Path(__file__).parents[1] / "templates"
ASK = frozenset({"audio", "text", "language", "options", "word"})
ANSWER = frozenset({"answer", "label", "letter", "transcript", "spoken", "language", "count", "word"})
TEXT_TASKS = ("qa",)  # rows without audio
LETTERS = "ABCD"  # one for each option
CANDIDATES = 12  # of the domain's answers, from which the wrong options are taken

Form = Literal["direct", "choice", "sentence", "steps"]
"""Just the answer | one of lettered options | a full sentence | transcribe, then answer."""


class Wording(string.Template):
    """Text with names in braces, such as {audio}; all other braces stay as they are."""

    # Template compiles it.
    pattern = r"\{(?:(?P<named>\w+)\}|(?P<braced>(?!))|(?P<escaped>(?!))|(?P<invalid>(?!)))"  # type: ignore[assignment]


class Group(BaseModel):
    """Instructions that share a form and its answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: Form
    """What kind of answer is asked for."""
    ask: tuple[str, ...] = Field(min_length=1)
    """Instructions, one of which is drawn."""
    answer: tuple[str, ...] = Field(default=("{answer}",), min_length=1)
    """Wordings of the answer, one of which is drawn."""


@dataclass(frozen=True)
class Template:
    """One instruction and the ways to answer it."""

    form: Form
    ask: str
    answers: tuple[str, ...]

    @cached_property
    def places(self) -> frozenset[str]:
        """Names in braces of the instruction and its answers."""
        return frozenset(places(self.ask).union(*(places(answer) for answer in self.answers)))

    def fits(self, facts: Facts) -> bool:
        """Can it be asked? Choices need another option, steps a transcript that differs from the answer."""
        if self.form == "choice" and (len(facts.others) < 2 or not facts.answer):
            return False
        if "word" in self.places and not facts.word:
            return False
        if "transcript" in self.places and not facts.transcript:
            return False
        return "spoken" not in self.places or facts.spoken not in ("", facts.answer)


@dataclass(frozen=True)
class Facts:
    """What a draw's instruction and answer are made of."""

    answer: str
    transcript: str = ""
    spoken: str = ""
    language: str = ""
    label: str = ""
    """The answer inside a sentence; empty: made from the answer."""
    count: str = ""
    word: str = ""
    """What grounding asks for."""
    others: Sequence[str] = ()
    """Different answers of the domain, from which options are drawn."""
    also_right: Collection[str] = ()
    """Labels that would be right as well: never an option."""
    style: Callable[[str], str] = str
    """How one of `others` is written: as the answer is, so that its spelling does not show that it is wrong."""


@dataclass(frozen=True)
class Turn:
    """An instruction whose {options} are known, and its answer."""

    ask: str
    options: str
    answer: str
    word: str = ""


def make_turn(template: Template, facts: Facts, rng: random.Random) -> Turn:
    """Draw options and wording. Where there is nothing to draw, `rng` is not touched."""
    values = {name: getattr(facts, name) for name in ("answer", "transcript", "spoken", "language", "count", "word")}
    values["label"] = facts.label or inside(facts.answer)
    options = ""
    if template.form == "choice":
        lines, values["letter"] = draw_options(facts, rng)
        options, values["label"] = "\n".join(lines), inside(facts.answer)
    wording = template.answers[0] if len(template.answers) == 1 else rng.choice(template.answers)
    return Turn(template.ask, options, fill_in(wording, values), facts.word)


def draw_options(facts: Facts, rng: random.Random) -> tuple[list[str], str]:
    """Lines `A. ...` in random order, the right answer among them, and its letter."""
    seen = {_plain(text) for text in (facts.answer, *facts.also_right)}
    options = [inside(facts.answer)]
    for other in rng.sample(facts.others, min(CANDIDATES, len(facts.others))):
        text = facts.style(other)
        if len(options) < len(LETTERS) and _plain(text) not in seen:
            seen.add(_plain(text))
            options.append(inside(text))
    right = options[0]
    rng.shuffle(options)
    lines = [f"{letter}. {text}" for letter, text in zip(LETTERS, options, strict=False)]
    return lines, LETTERS[options.index(right)]


def inside(answer: str) -> str:
    """An answer as part of a sentence: without the full stop at its end."""
    return answer[:-1] if answer.endswith(".") and not answer.endswith("..") else answer


def _plain(text: str) -> str:
    return inside(text).casefold()


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Put values in their places, all at once: braces inside a value stay as they are."""
    return Wording(text).safe_substitute(values)


def places(text: str) -> set[str]:
    """Names in braces."""
    return set(Wording(text).get_identifiers())


@cache
def load_set(name: str) -> dict[str, tuple[Template, ...]]:
    """The instructions of one set, by task.

    Raises:
        SettingsError: no such set (the message lists the names), or a line that breaks the rules above.
    """
    folder = TEMPLATES / name
    if not name or not folder.is_dir():
        known = sorted(path.name for path in TEMPLATES.iterdir() if path.is_dir())
        raise SettingsError(f"No set of templates {name!r}. Expected one of: {', '.join(known)}.")
    found: dict[str, tuple[Template, ...]] = {}
    for path in sorted(folder.glob("*.yaml")):
        for task, groups in read_yaml(path).items():
            if task in found:
                raise SettingsError(f"{path}: the task {task!r} is in another file of the set, too.")
            found[task] = tuple(_templates(task, groups, f"{path}: {task}"))
    return found


def _templates(task: str, groups: object, where: str) -> list[Template]:
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise SettingsError(f"{where} holds {groups!r:.60}, expected a list of groups with form, ask, answer.")
    checked = [check_settings(Group, group, where=where) for group in groups]
    found = [Template(group.form, ask, group.answer) for group in checked for ask in group.ask]
    for template in found:
        if problem := _problem(task, template):
            raise SettingsError(f"{where}: {problem}")
    return found


def _problem(task: str, template: Template) -> str | None:
    """What is wrong with a template; None when nothing is."""
    used = places(template.ask)
    spoken_of = {name for answer in template.answers for name in places(answer)}
    if unknown := sorted((used - ASK) | (spoken_of - ANSWER)):
        return f"unknown place {{{unknown[0]}}} in {template.ask!r} or its answers"
    marks = 0 if task in TEXT_TASKS else 1
    if template.ask.count("{audio}") != marks:
        return f"{template.ask!r} has {template.ask.count('{audio}')} {{audio}}, expected {marks}"
    if (template.form == "choice") != ("options" in used):
        return f"{template.ask!r} is of form {template.form}; {{options}} belong to the form choice, and only there"
    if "letter" in spoken_of and template.form != "choice":
        return f"{template.ask!r} has no options, so its answer has no {{letter}}"
    return None
