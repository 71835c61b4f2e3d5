"""AudioSet's ontology: names, parents, and what corpora's own labels are called in it."""

from __future__ import annotations

import pytest

from manifests.errors import SettingsError
from manifests.ontology import (
    ancestors,
    is_a,
    most_specific,
    ontology,
    sound_names,
    sounds_of,
    vocabularies,
    vocabulary,
)

TOP = {
    "Animal",
    "Channel, environment and background",
    "Human sounds",
    "Music",
    "Natural sounds",
    "Sounds of things",
    "Source-ambiguous sounds",
}


def test_the_ontology_has_632_names_under_seven_at_the_top() -> None:
    assert len(ontology()) == len(sound_names()) == 632
    assert {name for name, sound in ontology().items() if not sound.parents} == TOP
    assert {parent for sound in ontology().values() for parent in sound.parents} <= set(ontology())
    assert all(TOP & {name, *ancestors(name)} for name in ontology())
    assert not [name for name in ontology() if name in ancestors(name)]


def test_a_sound_is_all_that_stands_above_it() -> None:
    assert ancestors("Bark") == ("Animal", "Dog", "Domestic animals, pets")
    assert ontology()["Bicycle bell"].parents == ("Alarm", "Bell", "Bicycle")
    assert sound_names()["/m/05tny_"] == "Bark"


@pytest.mark.parametrize(
    ("label", "kind", "found"),
    [
        ("Bark", "Animal", True),
        ("Animal", "Animal", True),
        ("Animal", "Bark", False),
        ("Bicycle bell", "Alarm", True),
        ("Bicycle bell", "Vehicle", True),
        ("Song", "Animal", False),
        ("bark", "Animal", None),
        ("", "Animal", None),
    ],
)
def test_is_a_is_true_of_all_above_and_says_nothing_of_what_it_does_not_know(
    label: str, kind: str, found: bool | None
) -> None:
    assert is_a(label, kind) is found


def test_a_kind_that_is_no_name_is_an_error_with_the_nearest_names() -> None:
    with pytest.raises(SettingsError, match="'Anmial' is no name of AudioSet's ontology; nearest: Animal"):
        is_a("Bark", "Anmial")


def test_labels_that_another_one_says_already_are_left_out() -> None:
    assert most_specific(["Animal", "Bark", "Dog", "Rain"]) == ["Bark", "Rain"]


@pytest.mark.parametrize("name", vocabularies())
def test_every_vocabulary_is_said_in_names_of_the_ontology(name: str) -> None:
    table = vocabulary(name)
    assert table
    assert {sound for sounds in table.values() for sound in sounds} <= set(ontology())
    assert all(sounds and label == label.strip() for label, sounds in table.items())


@pytest.mark.parametrize(
    ("corpus", "labels"),
    [("esc50", 50), ("urbansound8k", 10), ("vocalsound", 6), ("tut2017", 15), ("cochlscene", 13)],
)
def test_vocabularies_of_corpora_are_complete(corpus: str, labels: int) -> None:
    assert len(vocabulary(corpus)) == labels


def test_the_longest_pattern_counts_and_nothing_is_guessed() -> None:
    assert sounds_of("sonicpi", "drum_cymbal_open") == ["Hi-hat"]
    assert sounds_of("sonicpi", "drum_cymbal_hard") == ["Cymbal"]
    assert sounds_of("paper", "throat_clearing") == ["Throat clearing"]
    assert sounds_of("esc50", "Dog") == sounds_of("esc50", "dogs") == []


def test_an_unknown_vocabulary_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"No vocabulary is called 'esc-50'; known: .*esc50"):
        sounds_of("esc-50", "dog")
