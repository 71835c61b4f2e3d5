"""AudioSet's ontology: 632 names of sounds with their parents, and what corpora's own labels are called in it.

    audioset.csv   name, id, parents: `Bark`, `/m/05tny_`, `Dog`. Several parents are joined by ` | `, as the next
    labels.csv     vocabulary, label, sounds: `esc50`, `dog`, `Dog | Bark`

A vocabulary is the list of labels of one corpus, or one that several share (`music_genres`); `paper` holds the inline
tags that the paper shows. A label may be a pattern: `*` stands for anything, and the longest that matches counts.
A label that is not in the table has no name here: nothing is guessed from its spelling.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from manifests.errors import SettingsError
from manifests.names import hint

AUDIOSET = Path(__file__).with_name("audioset.csv")
LABELS = Path(__file__).with_name("labels.csv")
BETWEEN = " | "  # names in one field; a comma is part of a name


@dataclass(frozen=True)
class Sound:
    """One name of the ontology."""

    name: str
    id: str  # as in AudioSet's own files: /m/05tny_
    parents: tuple[str, ...]  # none: one of the seven that stand at the top


@cache
def ontology() -> dict[str, Sound]:
    """Name -> sound, by name."""
    return {row["name"]: Sound(row["name"], row["id"], _names(row["parents"])) for row in _rows(AUDIOSET)}


@cache
def sound_names() -> dict[str, str]:
    """AudioSet's id -> name."""
    return {sound.id: sound.name for sound in ontology().values()}


@cache
def ancestors(name: str) -> tuple[str, ...]:
    """All that a sound is a kind of, by name, without itself; () for a name that is not known."""
    sound = ontology().get(name)
    parents = sound.parents if sound else ()
    return tuple(sorted({*parents, *(above for parent in parents for above in ancestors(parent))}))


def is_a(label: str, kind: str) -> bool | None:
    """Whether a label is `kind` or something below it; None for a label that is no name of the ontology.

    Raises:
        SettingsError: `kind` is no name of the ontology; says which are nearest.
    """
    if kind not in ontology():
        raise SettingsError(f"{kind!r} is no name of AudioSet's ontology; {hint(kind, list(ontology()))}.")
    return None if label not in ontology() else label == kind or kind in ancestors(label)


def most_specific(labels: list[str]) -> list[str]:
    """Labels without those that another one is a kind of, in their order: `Dog | Animal` is `Dog`."""
    above = {name for label in labels for name in ancestors(label)}
    return [label for label in labels if label not in above]


@cache
def vocabulary(name: str) -> dict[str, list[str]]:
    """Label (or pattern) of a vocabulary -> names of the ontology.

    Raises:
        SettingsError: no such vocabulary.
    """
    found = {row["label"]: list(_names(row["sounds"])) for row in _rows(LABELS) if row["vocabulary"] == name}
    if not found:
        raise SettingsError(f"No vocabulary is called {name!r}; known: {', '.join(vocabularies())}.")
    return found


@cache
def vocabularies() -> tuple[str, ...]:
    """Names of all vocabularies."""
    return tuple(sorted({row["vocabulary"] for row in _rows(LABELS)}))


def sounds_of(name: str, label: str) -> list[str]:
    """What a label of a vocabulary is called in the ontology; [] for a label that the table does not have.

    Raises:
        SettingsError: no such vocabulary.
    """
    table = vocabulary(name)
    matches = [pattern for pattern in table if pattern == label or ("*" in pattern and fnmatchcase(label, pattern))]
    return list(table[max(matches, key=len)]) if matches else []


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _names(field: str) -> tuple[str, ...]:
    return tuple(field.split(BETWEEN)) if field else ()
