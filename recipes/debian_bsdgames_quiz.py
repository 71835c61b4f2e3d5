"""The question-answer pairs of the BSD game quiz, as questions in plain English. Text only.

The file `index` names a data file and its categories a line, data files hold a fact a line:

    /usr/share/games/bsdgames/quiz/africa:Africa{n}:cap{ital}
    Central Africa{n Rep{ublic}}:Bangui

Fields are separated by `:`, `|` separates alternatives, `{...}` is optional, `[a|b]` groups alternatives, a
backslash quotes, at the end of a line it continues it. Of alternatives the first is taken; optional parts are
kept. Questions come from the templates below, or, for a subject without any, from the index's category names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from manifests.files import has_file
from manifests.lines import lines
from manifests.reasons import Reason
from manifests.rows import Reject, TextRow
from recipes.common import NOT_BY_SPEAKER, CorpusRows, Recipe, collapse, normalise, reject, sort_out, text_split

CORPUS = "bsdgames_quiz"
LICENSE = "BSD-3-Clause"
QUIZ = "usr/share/games/bsdgames/quiz"

# Answers in symbols or jargon, jokes, or facts that have changed since: nothing to learn an answer from.
SKIPPED = {
    "areas": "telephone areas have changed",
    "ed": "commands of a text editor",
    "greek": "transliterated in symbols",
    "morse": "dots and dashes",
    "murders": "jokes",
    "spell": "sentences to correct, without the correction in place",
    "ucc": "sections of a law",
}

# Subject -> (question with the row's fields as {0}, {1}, ..., place of the answer).
CAPITAL = (("What is the capital of {0}?", 1), ("Of which country is {1} the capital?", 0))
SEQUENCE = (("What number comes next: {0}?", 1),)
ARITHMETIC = (("What number completes {0}?", 1),)
TEMPLATES: dict[str, tuple[tuple[str, int], ...]] = {
    "africa": CAPITAL,
    "america": CAPITAL,
    "asia": CAPITAL,
    "europe": CAPITAL,
    "province": (
        ("What is the capital of the Canadian province of {0}?", 1),
        ("Of which Canadian province is {1} the capital?", 0),
    ),
    "arith": ARITHMETIC,
    "mult": (("What is {0}?", 1),),
    "babies": (("What is the young of a {1} called?", 0),),
    "bard": (
        ('In which work of Shakespeare is the line "{0}"?', 2),
        ('Who says "{0}" in Shakespeare?', 3),
        ('Which words follow "{0}" in Shakespeare?', 1),
    ),
    "chinese": (("Which year follows the year of the {0} in the Chinese calendar?", 1),),
    "collectives": (("What is a group of {0} called?", 1),),
    "elements": (
        ("What is the chemical symbol of {3}?", 0),
        ("What is the atomic number of {3}?", 1),
        ("Which element has the chemical symbol {0}?", 3),
        ("Which element has the atomic number {1}?", 3),
    ),
    "flowers": (("What does this flower stand for: {0}?", 1),),
    "inca": (("Who succeeded {0} as ruler of the Incas?", 1),),
    "latin": (("What does the Latin word {0} mean?", 1),),
    "locomotive": (("What is a locomotive with the wheel arrangement {0} called?", 1),),
    "midearth": (("What is the capital of {0} in Middle-earth?", 1),),
    "poetry": (
        ('Who wrote the line "{0}"?', 3),
        ('In which poem is the line "{0}"?', 2),
        ('Which line of poetry follows "{0}"?', 1),
    ),
    "posneg": (("What is the opposite of {0}?", 1),),
    "pres": (
        ("When was {0} President of the United States?", 1),
        ("Who was Vice President under {0}?", 2),
        ("Who succeeded {0} as President of the United States?", 3),
    ),
    "seq-easy": SEQUENCE,
    "seq-hard": SEQUENCE,
    "sexes": (("What is the female counterpart of {0}?", 1), ("What is the male counterpart of {1}?", 0)),
    "sov": (
        ("In which century did {0} of England reign?", 1),
        ("Who succeeded {0} on the throne of England?", 2),
    ),
    "state": (
        ("What is the capital of the state of {0}?", 1),
        ("Of which American state is {1} the capital?", 0),
        ("What is the postal abbreviation of {0}?", 2),
        ("What is the state flower of {0}?", 3),
    ),
    "trek": (("In Star Trek, what is this: {0}?", 1),),
}
EXPANDED = {"babies": 1}  # field whose alternatives are each a question of their own
ASIDES = {"latin", "seq-easy", "seq-hard"}  # where round brackets hold remarks
TITLE_CASE = {"inca"}  # proper names that the file spells in lower case

SHOWN = 80  # characters of a line in a message
_CLEAN = re.compile(r"[\w .-]+")
_SCENE = re.compile(r" [IVX]+-[ivx]+$")  # of a play: `Hamlet V-i`
_ASIDE = re.compile(r"\([^)]*\)")


class PatternError(ValueError):
    """A field whose brackets do not pair."""


def read(source: Path, folder: Path) -> CorpusRows:
    """Questions of every subject that the index lists; `folder` stays untouched."""
    subjects, rows = read_index(source / QUIZ / "index")
    for subject, categories in subjects.items():
        if subject in SKIPPED:
            rows.append(reject(f"{CORPUS}-{subject}", CORPUS, Reason.out_of_scope, SKIPPED[subject]))
        else:
            rows.extend(_subject_rows(source / QUIZ / subject, categories))
    return sort_out(first_of_each_question(rows))


def read_index(path: Path) -> tuple[dict[str, list[str]], list[TextRow | Reject]]:
    """Subject (the data file's name) -> names of its categories, as the index lists them; and lines without them."""
    subjects: dict[str, list[str]] = {}
    refused: list[TextRow | Reject] = list(_unreadable(path))
    for number, line in enumerate(logical_lines(line.text for line in lines(path)), 1):
        file, *categories = split_fields(line)
        try:
            names = [plain(field) for field in categories]
        except PatternError as error:
            refused.append(reject(f"{CORPUS}-index-{number:03d}", CORPUS, Reason.bad_row, f"index: {error}"))
            continue
        if not names or not Path(file).name:
            said = f"index: expected FILE:CATEGORY:..., found {line[:SHOWN]!r}"
            refused.append(reject(f"{CORPUS}-index-{number:03d}", CORPUS, Reason.bad_row, said))
            continue
        subjects[Path(file).name] = names
    return subjects, refused


def _unreadable(path: Path) -> Iterator[Reject]:
    for line in lines(path):
        if line.problem:
            yield reject(f"{CORPUS}-{path.name}:{line.number}", CORPUS, Reason.bad_row, line.problem)


def logical_lines(physical: Iterable[str]) -> Iterator[str]:
    """Lines of a quiz file, a backslash at the end joined with the line after it; blank ones left out."""
    pending = ""
    for line in physical:
        pending += line
        if pending.endswith("\\"):
            pending = pending[:-1]
            continue
        if pending.strip():
            yield pending
        pending = ""
    if pending.strip():
        yield pending


def split_fields(line: str) -> list[str]:
    """The fields of a line: split at colons that no backslash quotes."""
    return re.split(r"(?<!\\):", line)


def alternatives(pattern: str) -> list[str]:
    """Top-level alternatives of a field as plain text: optional parts kept, of grouped ones the readable first.

    Raises:
        PatternError: brackets that do not pair.
    """
    try:
        found, end = _parse(pattern, 0, "")
    except RecursionError as error:
        raise PatternError("brackets are nested too deep") from error
    if end != len(pattern):
        raise PatternError(f"unpaired bracket at character {end + 1} of {pattern!r}")
    return [collapse(text) for text in found]


def plain(pattern: str) -> str:
    """The first alternative of a field (empty when the field is)."""
    return alternatives(pattern)[0]


def _parse(pattern: str, at: int, closing: str) -> tuple[list[str], int]:
    """Alternatives from `at` up to the bracket `closing` (or the end), and where it stopped."""
    found = [""]
    while at < len(pattern) and pattern[at] not in "]}":
        char = pattern[at]
        if char == "|":
            found.append("")
        elif char in "[{":
            inner, at = _parse(pattern, at + 1, "]" if char == "[" else "}")
            found[-1] += _readable(inner)
        else:
            at += char == "\\" and at + 1 < len(pattern)
            found[-1] += pattern[at]
        at += 1
    if closing and pattern[at : at + 1] != closing:
        raise PatternError(f"expected {closing!r} at character {at + 1} of {pattern!r}")
    return found, at


def _readable(choices: list[str]) -> str:
    """The first choice without accent marks typed apart (`'o`, `o^`); an empty first choice stands."""
    if not choices[0]:
        return ""
    return next((choice for choice in choices if _CLEAN.fullmatch(choice)), choices[0])


def _subject_rows(path: Path, categories: list[str]) -> Iterator[TextRow | Reject]:
    subject = path.name
    if not has_file(path):
        yield reject(f"{CORPUS}-{subject}", CORPUS, Reason.text_missing, f"the index names {subject}, which is absent")
        return
    templates = TEMPLATES.get(subject) or generic_templates(categories)
    yield from _unreadable(path)
    for number, line in enumerate(logical_lines(line.text for line in lines(path)), 1):
        key = f"{CORPUS}-{subject}-{number:03d}"
        try:
            facts = _facts(subject, line)
        except PatternError as error:
            yield reject(key, CORPUS, Reason.bad_row, f"{subject}, fact {number}: {error}")
            continue
        for version, fields in enumerate(facts):
            yield from _questions(f"{key}-{version}" if len(facts) > 1 else key, fields, templates)


def generic_templates(categories: list[str]) -> tuple[tuple[str, int], ...]:
    """Questions for a subject that has no templates, from its category names: each category asked by the first."""
    first, *_ = categories = [name.replace("{", "{{").replace("}", "}}") for name in categories]
    return tuple(
        (f"What is the {name} for this {first}: {{0}}?", place) for place, name in enumerate(categories) if place
    )


def _facts(subject: str, line: str) -> list[list[str]]:
    """The line's fields as plain text, once for every alternative where a subject is expanded."""
    choices = [alternatives(field) for field in split_fields(line)]
    fields = [choice[0] for choice in choices]
    if subject in ASIDES:
        fields = [collapse(_ASIDE.sub("", field)) for field in fields]
    if subject == "bard":
        fields = [_SCENE.sub("", field) for field in fields]
    if subject in TITLE_CASE:
        fields = [field.title() for field in fields]
    if subject.startswith("seq"):
        fields[0] = fields[0].replace(",", ", ")
    place = EXPANDED.get(subject)
    if place is None or place >= len(choices):
        return [fields]
    return [[*fields[:place], choice, *fields[place + 1 :]] for choice in choices[place]]


def _questions(key: str, fields: list[str], templates: tuple[tuple[str, int], ...]) -> Iterator[TextRow | Reject]:
    """One row a template; all of a fact are in one split, so that no question gives away another's answer."""
    for place, (template, answer_place) in enumerate(templates):
        row_id = f"{key}-{place}"
        used = [int(number) for number in re.findall(r"\{(\d)\}", template)]
        needed = [fields[index] if index < len(fields) else "" for index in [*used, answer_place]]
        if not all(any(char.isalnum() for char in field) for field in needed):
            yield reject(row_id, CORPUS, Reason.target_missing, f"{template} has an empty field in {fields}")
            continue
        question = re.sub(r"\ba (?=[aeiouAEIOU])", "an ", template.format(*fields))
        answer = fields[answer_place]
        yield TextRow(
            id=row_id,
            corpus=CORPUS,
            split=text_split(fields[0]),
            text=question,
            target_text=answer[0].upper() + answer[1:],
            license=LICENSE,
        )


def first_of_each_question(rows: list[TextRow | Reject]) -> Iterator[TextRow | Reject]:
    """The rows, a question that was asked before turned into a reject: its answer would be a matter of luck."""
    asked: dict[str, TextRow] = {}
    for row in rows:
        if isinstance(row, TextRow):
            earlier = asked.setdefault(normalise(row.text), row)
            if earlier is not row:
                detail = f"{row.text} is {earlier.id} too, answered {earlier.target_text!r}; here {row.target_text!r}"
                yield reject(row.id, CORPUS, Reason.duplicate, detail)
                continue
        yield row


RECIPE = Recipe(
    corpus=CORPUS,
    title="BSD quiz, questions and answers",
    task="qa",
    license=LICENSE,
    makers="The Regents of the University of California and contributors",
    read=read,
    parts=(f"{QUIZ}/index", QUIZ),
    packages=("bsdgames",),
    links=NOT_BY_SPEAKER,
    family=lambda row_id, _: row_id.rpartition("-")[0],  # the fact
)
