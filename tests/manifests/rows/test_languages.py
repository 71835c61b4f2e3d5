"""Which codes of languages are known, and what is said of the others."""

from __future__ import annotations

import pytest

from manifests.errors import SettingsError
from manifests.items import About
from manifests.rows.languages import language_doubt


@pytest.mark.parametrize(
    "code", ["en", "EN", "en-GB", "pt_BR", "zh-Hant", "deu", "cmn", "yue", "gsw", "und", "iw", "abk"]
)
def test_known_in_any_letter_case_with_and_without_region(code: str) -> None:
    assert language_doubt(code) is None
    assert About("a", "CC0-1.0", language=code).language == code


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("english", "(nearest: en)"),
        ("German", "(nearest: de)"),
        ("xx", "'xx' is no ISO 639 code that is known"),
        ("", "'' is no"),
        ("e", "'e' is no"),
        ("en/GB", "'en/GB' is no"),
        ("日本語", "'日本語' is no"),
    ],
)
def test_unknown_ones_are_said_and_refused_as_a_setting(code: str, said: str) -> None:
    assert said in str(language_doubt(code))
    with pytest.raises(SettingsError, match=r"^language: .*expected one such as en"):
        About("a", "CC0-1.0", language=code)
