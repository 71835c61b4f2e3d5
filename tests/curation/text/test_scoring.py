"""Equal readings are equal, whatever the spelling; what is heard differently is not."""

from __future__ import annotations

import pytest

from curation.text.scoring import closest, comparable

EQUAL = [
    ("en", "Dr. Smith paid 20 euros", "doctor smith paid twenty euros"),
    ("en", "St. 1.5 km", "saint one point five kilometres"),
    ("en", "St. 1.5 km", "Street one point five kilometers."),
    ("en", "In 1984, #1", "in one thousand nine hundred eighty four number one"),
    ("en", "the colour, e.g. 3/4", "the color for example three quarters"),
    ("en", "$2.50 at 10:30 a.m.", "two fifty at ten thirty A M"),
    ("en", "AT&amp;T 日本", "at and t 日本"),
    ("de", "3,5 kg für 1.000 €", "drei Komma fünf Kilogramm für tausend Euro"),
    ("de", "z. B. die Straße am 3. Mai", "zum Beispiel die Strasse am dritten Mai"),
    ("fr", "1 000 € à 14h30", "mille euros à quatorze heures trente"),
    ("tr", "IŞIK %20", "ışık yüzde yirmi"),
    ("ru", "3,5 кг", "три запятая пять килограмма"),
    ("ar", "كِتَابٌ كـــبير", "كتاب كبير"),
    ("he", "שָׁלוֹם", "שלום"),
    ("fa", "می‌روم", "میروم"),
    ("hi", "२५ किताबें", "पच्चीस किताबें"),
    ("zh", "今天有25个。", "今天 有二十五个"),
    ("ja", "ﾊﾟﾝを5個", "パンを五個"),
    ("ko", "\u1112\u1161\u11ab국", "한국"),
]


@pytest.mark.parametrize(("language", "written", "said"), EQUAL)
def test_equal_readings_are_equal(language: str, written: str, said: str) -> None:
    for pair in ((written, said), (said, written)):
        expected, found = closest(*pair, language)
        assert expected == found != ""


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("hi", "किताब", "कताब"),
        ("th", "กิน", "กน"),
        ("ar", "كَتَبَ", "كُتِبَ"),
        ("xx", "25 foo", "foo"),
        ("en", "go 日本", "go"),
        ("de", "3,5 kg", "35 kg"),
        ("en", "5%", "5"),
    ],
)
def test_what_is_heard_differently_differs(language: str, one: str, other: str) -> None:
    expected, found = closest(one, other, language)
    assert expected != found


def test_characters_are_compared_where_a_language_has_no_spaces() -> None:
    assert comparable("今天 5个。", "zh") == "今 天 五 个"
    assert comparable("l’homme-grenouille", "fr") == "l homme grenouille"
