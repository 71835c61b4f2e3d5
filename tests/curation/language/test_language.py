"""Languages of texts, and what classifiers call them."""

from __future__ import annotations

import pytest

from curation.language import code_of, guess_language

TEXTS = {
    "en": "Please enter the number of the conference, followed by the pound key.",
    "de": "Bitte geben Sie die Nummer der Konferenz ein und drücken Sie die Taste.",
    "cs": "Dobrý den, prosím zadejte číslo konference a stiskněte klávesu.",
    "fr": "Veuillez saisir le numéro de la conférence, puis appuyez sur la touche.",
    "ru": "Пожалуйста, введите номер конференции и нажмите клавишу.",
    "ja": "会議の番号を入力してください。",
    "zh": "请输入会议号码，然后按井号键。",
    "ar": "من فضلك أدخل رقم المؤتمر ثم اضغط على المفتاح",
}


@pytest.mark.assets
@pytest.mark.parametrize("language", TEXTS)
def test_a_sentence_is_known_and_other_declarations_are_doubted(language: str) -> None:
    found = guess_language(TEXTS[language].upper(), language)
    assert found.language == language and found.declared == found.chance > 0.5
    other = next(code for code in TEXTS if code != language)
    doubted = guess_language(TEXTS[language], f"{other}-XX")
    assert doubted.language == language and doubted.declared is not None and doubted.declared < 0.1


@pytest.mark.assets
def test_what_is_written_alike_and_what_is_not_known() -> None:
    croatian = "Molimo unesite broj konferencije i pritisnite tipku."
    found = guess_language(croatian, "sr")
    assert found.declared is not None and found.declared > 0.5
    assert guess_language("some words", "").declared is None
    assert guess_language("some words", "tlh").declared is None
    assert 0 <= guess_language("line\nbreaks\r\n and\ttabs", "en").chance <= 1
    assert guess_language("...", "en").chance <= 1


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("en: English", "en"),
        ("eng", "en"),
        ("English", "en"),
        ("german", "de"),
        ("cmn-Hans", "zh"),
        ("zh-CN", "zh"),
        ("fr_fr", "fr"),
        ("Swedish (Sweden)", "sv"),
        ("ceb: Cebuano", "ceb"),
        ("LABEL_0", None),
        ("dog", None),
        ("", None),
    ],
)
def test_labels_of_classifiers_are_codes(label: str, code: str | None) -> None:
    assert code_of(label) == code
