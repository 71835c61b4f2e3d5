"""What the recipes of labelled sounds share: an own label becomes names of AudioSet's ontology, and an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from manifests.ontology import most_specific, sounds_of


class SoundLabels(TypedDict):
    """Columns of a sound; see `manifests.items.Item`."""

    sound: list[str]
    sound_original: str
    target_text: str
    target_language: str


def labelled(vocabulary: str, label: str) -> SoundLabels:
    """A sound with one label of a vocabulary of `manifests/ontology`.

    A label that the vocabulary lacks stays as it is: the audit `unknown_labels` names it.
    """
    return heard(sounds_of(vocabulary, label) or [label], label)


def scene(vocabulary: str, label: str) -> SoundLabels:
    """A place with one label, whose answer is the label itself: the ontology has few names of places."""
    spaced = "".join(f" {char.lower()}" if char.isupper() else char for char in label)
    words = " ".join(spaced.replace("_", " ").replace("/", " or ").split())
    return heard(sounds_of(vocabulary, label) or [label], label) | {"target_text": f"{words.capitalize()}."}


def heard(sounds: Sequence[str], own: str) -> SoundLabels:
    """A sound with names of the ontology, the ones that say most first; the answer is the first of them."""
    most = most_specific(list(sounds))
    order = sorted(dict.fromkeys(sounds), key=lambda name: name not in most)
    return {"sound": order, "sound_original": own, "target_text": f"{order[0]}.", "target_language": "en"}
