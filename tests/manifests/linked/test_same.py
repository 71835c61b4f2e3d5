"""What counts as the same text, and the same speaker."""

from __future__ import annotations

import pytest

from manifests.linked import same_speaker, same_text, speaker_keys, text_keys


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("café", "cafe\u0301"),
        ("ｈｅｌｌｏ　ｗｏｒｌｄ", "Hello, world!"),
        ("Straße", "STRASSE"),
        ("ὈΔΥΣΣΕΎΣ", "ὀδυσσεύς"),
        ("ﬁn", "FIN"),
        ("it’s", "It's"),
        ("٣ и ३", "3 и 3"),
        ("soft\u00adhyphen", "softhyphen"),
        ("\ufeffone", "one"),
        ("今天，天气。", "今天 天气"),
        ("カﾞス", "ガス"),
        ("สวัสดี ครับ", "สวัสดีครับ"),
        ("हिन्दी, है", "हिन्दी है"),
        ("e.g. this…", "E G this"),
    ],
)
def test_texts_in_other_clothes_are_the_same(one: str, other: str) -> None:
    assert same_text(one) == same_text(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [("George Town", "Georgetown"), ("पानी", "पीना"), ("кот", "код"), ("3", "2"), ("resume", "résumé"), ("มา", "ม้า")],
)
def test_other_texts_are_others(one: str, other: str) -> None:
    assert same_text(one) != same_text(other)


@pytest.mark.parametrize("text", ["", " \n", "...", "—", "🙂"])
def test_a_text_without_words_is_like_no_other(text: str) -> None:
    assert same_text(text) == ""
    assert text_keys(text) == []


def test_numbers_are_read_out_in_every_way_that_is_given() -> None:
    said = {"I am 20.": ["I am twenty", "I am two zero"]}
    assert text_keys("I am 20.", "en", lambda text, _: said[text]) == ["i am 20", "i am twenty", "i am two zero"]
    assert text_keys("I am.", "en", lambda text, _: said[text]) == ["i am"]


@pytest.mark.parametrize(
    ("corpus", "speaker", "key"),
    [
        ("any", "librispeech-1089", "librivox/1089"),
        ("any", "libritts_1089", "librivox/1089"),
        ("librispeech", "1089", "librivox/1089"),
        ("libri-light", "01089", "librivox/1089"),
        ("mls_english", "speaker_1089", "librivox/1089"),
        ("voxceleb1", "id10270", "voxce/id10270"),
        ("voxceleb2", "id10270", "voxce/id10270"),
        ("common_voice_17", "0a1b2c3d4e5f6789", "/0a1b2c3d4e5f6789"),
        ("one", "anna", None),
        ("one", "21", None),
        ("librispeech", "s2", None),
        ("one", "anna-maria", None),
    ],
)
def test_an_id_says_who_it_is_elsewhere_only_if_it_is_long_enough(corpus: str, speaker: str, key: str | None) -> None:
    assert same_speaker(corpus, speaker) == key


def test_within_a_corpus_every_id_counts() -> None:
    assert speaker_keys("one", "Zoe\u0308") == speaker_keys("one", "Zoë")
    assert speaker_keys("one", "anna") != speaker_keys("two", "anna")
    assert speaker_keys("one", " ") == speaker_keys("one", None) == []
