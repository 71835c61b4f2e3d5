"""Normalisation: nothing of a transcript is lost, and every word leads back to its characters."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.text import MOST_READINGS, normalise, say


@settings(deadline=None)  # the first number loads num2words
@given(st.text(max_size=60), st.sampled_from(["en", "en-GB", "cs", "xx"]))
def test_every_run_of_characters_has_its_words(text: str, language: str) -> None:
    words = normalise(text, language)
    for word in words:
        assert text[word.start : word.end] == word.text != ""
        assert len(word.readings) <= MOST_READINGS
        assert bool(word.readings) == (word.flag not in ("punctuation", "unknown"))
        assert all(part and part == part.strip() for reading in word.readings for part in reading)
    assert all(before.end <= after.start for before, after in itertools.pairwise(words))
    for token in re.finditer(r"\S+", text):
        assert any(token.start() <= word.start and word.end <= token.end() for word in words)


@settings(deadline=None)
@given(st.text(st.sampled_from("abz '-.,059$%#*@/:€é日"), max_size=30))
def test_english_readings_are_letters_and_apostrophes(text: str) -> None:
    spoken = [part for word in normalise(text) for reading in word.readings for part in reading]
    assert all(re.fullmatch(r"[a-z']+", part) for part in spoken)


@settings(deadline=None)
@given(st.text(st.sampled_from("abz 059$%*@日"), max_size=30))
def test_letters_and_digits_are_never_silent(text: str) -> None:
    for word in normalise(text):
        if any(character.isalnum() for character in word.text):
            assert word.readings or word.flag == "unknown"


@pytest.mark.parametrize(
    ("spelled", "spoken"),
    [
        ("Don't", "don't"),
        ("it’s", "it's"),
        ("café", "cafe"),
        ("PBX", "p b x"),
        ("www.asterisk.org", "w w w dot asterisk dot org"),
        ("U.S.A", "u s a"),
        ("Call-Forward", "call forward"),
        ("3D", "three d"),
        ("1", "one"),
        ("1,984", "one thousand nine hundred and eighty four"),
        ("1984", "nineteen eighty four"),
        ("1980s", "nineteen eighties"),
        ("28.8", "twenty eight point eight"),
        ("007", "zero zero seven"),
        ("21st", "twenty first"),
        ("10:30", "ten thirty"),
        ("9:05", "nine oh five"),
        ("8:00", "eight o'clock"),
        ("$1", "one dollar"),
        ("$5", "five dollars"),
        ("£2.50", "two pounds and fifty cents"),
        ("50%", "fifty percent"),
        ("-5", "minus five"),
        ("#1", "pound one"),
        ("*", "star"),
        ("user@host", "user at host"),
        ("٣", "three"),
    ],
)
def test_say(spelled: str, spoken: str) -> None:
    readings, _ = say(spelled)
    assert " ".join(readings[0]) == spoken


def test_numbers_have_the_readings_that_people_use() -> None:
    readings = {" ".join(reading) for reading in say("8500")[0]}
    assert readings >= {"eight thousand five hundred", "eighty five hundred", "eight five zero zero"}
    assert [" ".join(reading) for reading in say("#")[0]] == ["pound", "hash", "number"]


@pytest.mark.parametrize(
    ("text", "flag"), [("—", "punctuation"), ("...", "punctuation"), ("日本", "unknown"), ("⍟", "unknown")]
)
def test_what_cannot_be_said_is_flagged(text: str, flag: str) -> None:
    assert [(word.text, word.flag, word.readings) for word in normalise(text)] == [(text, flag, ())]


def test_words_lose_the_punctuation_around_them_and_split_at_dashes() -> None:
    words = normalise('"Yes--no," he said; and/or (maybe)...')
    assert [word.text for word in words] == ["Yes", "no", "he", "said", "and", "or", "maybe"]


def test_other_languages_keep_their_letters() -> None:
    assert [word.spoken for word in normalise("Žluťoučký kůň, 25", "cs")] == [
        ("žluťoučký",),
        ("kůň",),
        ("dvacet", "pět"),
    ]
    assert normalise("25", "xx")[0].flag == "unknown"


def test_an_empty_transcript_has_no_words() -> None:
    assert normalise("") == normalise(" \n") == []
