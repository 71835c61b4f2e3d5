"""What audits ask of Python, and the quick look that saves asking."""

from __future__ import annotations

import random

import pytest

from curation.audit.functions import create_functions
from curation.duck import open_memory
from curation.text.readings import number_readings
from manifests.linked.same import text_keys

WORDS = [
    "This",
    "house",
    "Is",
    "sold",
    "on",
    "may",
    "mr",
    "Mr",
    "St",
    "etc",
    "saint",
    "in",
    "Iran",
    "tv",
    "www",
    "to",
    "No",
    "the",
    "ca",
    "km",
    "e.g.",
    "a.m.",
    "Dr.",
    "a",
    "I",
    "é",
    "我有",
    "ไทย",
]
NUMBERS = [
    "5",
    "1984",
    "3.",
    "$3",
    "3,5",
    "1.000",
    "5%",
    "12:30",
    "3/4",
    "½",
    "2nd",
    "5km",
    "5",
    "kg",
    "3-4",
    "2024-05-03",
    "#7",
    "No.",
    "5",
    "€2.50",
    "4x4",
    "c4ca",
    "A1",
]


@pytest.mark.parametrize("language", ["en", "de", "fr", "tr", "zh", "th", "cs", ""])
def test_the_sure_head_begins_every_key_of_a_text(language: str) -> None:
    chosen = random.Random(language)
    with open_memory() as con:
        create_functions(con)
        found = 0
        for _ in range(300):
            words = chosen.choices(WORDS[:6] * 4 + WORDS, k=chosen.randint(1, 7)) + chosen.choices(
                NUMBERS, k=chosen.randint(1, 2)
            )
            text = " ".join(words + chosen.choices(WORDS, k=chosen.randint(0, 3)))
            (head,) = con.execute("SELECT sure_head(?)", [text]).fetchall()[0]
            if head is not None:
                found += 1
                for key in text_keys(text, language, number_readings):
                    assert key.startswith(f"{head} "), (text, key)
    assert found > 20


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("this house was sold in 1984", "this house was sold"),
        ("There are more than seven words before number 8", "there are more than seven"),
        ("Mr Smith came in at 5", None),
        ("5 more", None),
        ("in 5", None),
    ],
)
def test_sure_heads(text: str, head: str | None) -> None:
    with open_memory() as con:
        create_functions(con)
        assert con.execute("SELECT sure_head(?)", [text]).fetchall() == [(head,)]
