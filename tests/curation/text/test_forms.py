"""Letters of every script: marks are kept, one normal form, case by language."""

from __future__ import annotations

import unicodedata

import pytest

from curation.align.ctc_model import letter_ids
from curation.ctc import WILDCARD
from curation.text import is_unspaced, normal_form, normalise, spoken_text
from curation.text.forms import UNSPACED, base_language, lower


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("cafe\u0301", "café"),
        ("ｶﾞｷﾞｸﾞ", "ガギグ"),
        ("ＡＢＣ１２３％", "ABC123%"),
        ("ﬁn", "fin"),
        ("ﻛﺘﺎﺏ", "كتاب"),
        ("\u1112\u1161\u11ab", "한"),
        ("５㎏", "5kg"),
        ("ก\u0e33", "ก\u0e33"),  # SARA AM is one letter, NFKC would make two of it
        ("x²", "x²"),
    ],
)
def test_one_normal_form(text: str, form: str) -> None:
    assert normal_form(text) == form == normal_form(form)


@pytest.mark.parametrize(
    ("language", "text", "spoken"),
    [
        ("hi", "हिन्दी की किताबें", "हिन्दी की किताबें"),
        ("ta", "தமிழ் மொழி", "தமிழ் மொழி"),
        ("bn", "বাংলা ভাষা", "বাংলা ভাষা"),
        ("fa", "می‌روم", "می‌روم"),  # ZWNJ is spelling
        ("si", "ශ්‍රී", "ශ්‍රී"),  # and so is ZWJ
        ("ar", "كـــتاب كِتَابٌ", "كتاب كِتَابٌ"),  # tatweel is not
        ("he", 'צה"ל ג׳ירפה', 'צה"ל ג׳ירפה'),
        ("tr", "İSTANBUL IŞIK", "istanbul ışık"),
        ("az", "I\u0307ş", "iş"),
        ("de", "STRAẞE Straße", "straße straße"),
        ("de", "Wörter\u00adbuch", "wörterbuch"),
        ("el", "ΟΔΟΣ", "οδος"),
        ("uk", "п’ять пʼять п'ять", "п'ять п'ять п'ять"),
        ("ko", unicodedata.normalize("NFD", "한국어"), "한국어"),
        ("vi", unicodedata.normalize("NFD", "Tiếng Việt"), "tiếng việt"),
        ("en", "don`t don’t nai\u0308ve", "don't don't naive"),
        ("km", "ភាសា\u200bខ្មែរ", "ភាសាខ្មែរ"),
    ],
)
def test_letters_are_kept_with_their_marks(language: str, text: str, spoken: str) -> None:
    assert spoken_text(text, language) == spoken
    for word in normalise(text, language):
        assert text[word.start : word.end] == word.text


def test_words_are_characters_where_a_language_has_no_spaces() -> None:
    assert [word.text for word in normalise("我有25个iPhone。", "zh-Hans")] == ["我", "有", "25", "个", "iPhone"]
    assert [word.text for word in normalise("ที่นี่", "th")] == ["ที่", "นี่"]
    assert [word.text for word in normalise("བོད་ཡིག", "bo")] == ["བོད", "ཡིག"]
    assert spoken_text("今天 天气，很好", "cmn") == "今天 天气很好"


@pytest.mark.parametrize(
    ("tag", "base"), [("en-GB", "en"), ("pt_BR", "pt"), ("zh-Hant-TW", "zh"), ("deu", "de"), ("jpn", "ja")]
)
def test_a_tag_leads_to_its_language(tag: str, base: str) -> None:
    assert base_language(tag) == base
    assert is_unspaced(tag) == (base in UNSPACED)


def test_only_turkic_languages_have_a_dotless_i() -> None:
    assert [lower("Iİ", code) for code in ("tr", "az", "en")] == ["ıi", "ıi", unicodedata.normalize("NFC", "ii\u0307")]


def test_a_vocabulary_of_parts_spells_whole_letters() -> None:
    jamo = {letter: number for number, letter in enumerate("\u1112\u1161\u11ab\u1100\u116e\u11a8", 1)}
    assert letter_ids(jamo, where="x")("한국") == [1, 2, 3, 4, 5, 6]
    accents = letter_ids({letter: number for number, letter in enumerate("abcde\u0301", 1)}, where="x")
    assert accents("dé") == [4, 5, 6]
    arabic = letter_ids({letter: number for number, letter in enumerate("كتابدر", 1)}, where="x")
    assert arabic("كِتَاب") == [1, 2, 3, 4]  # points that the vocabulary lacks are not spoken apart
    hindi = letter_ids({letter: number for number, letter in enumerate("कखगघच", 1)}, where="x")
    assert hindi("कि") == [1, WILDCARD]  # a vowel sign is
