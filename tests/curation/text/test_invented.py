"""Texts that nobody said: loops, phrases of subtitles, too much for the time; and texts that somebody did."""

from __future__ import annotations

import pytest

from curation.text.invented import PHRASES, needed_seconds, signs

SPOKEN = [
    ("Please enter the conference pin number, followed by the pound key.", 4.0, "en"),
    ("No, no, I did not say that!", 2.0, "en"),
    ("ha ha", 0.8, "en"),
    ("Five five five, one two three four.", 3.0, "en"),
    ("Der Wind, der Wind, das himmlische Kind.", 3.0, "de"),
    ("今日はいい天気ですね。", 2.0, "ja"),
    ("我今天去学校上课。", 2.0, "zh"),
    ("Dobrý den, jak se dnes máte?", 2.0, "cs"),
    ("555-1234", 2.5, "en"),
    ("Thank you.", 1.0, "en"),
    ("He subscribed to the newspaper for watching the market.", 4.0, "en"),
    ("!?", 1.0, "en"),
    ("नमस्ते आप कैसे हैं", 2.0, "hi"),
]
LOOPS = [
    ("thank you thank you thank you thank you thank you", 8.0, "en", "5 times 'thank you'"),
    ("okay okay okay okay okay okay okay okay", 4.0, "en", "8 times 'okay'"),
    ("so it was that we went home so it was that we went home", 6.0, "en", "2 times 'so it was that we went home'"),
    ("はいはいはいはいはいはい", 4.0, "ja", "6 times 'はい'"),
    ("我们我们我们我们我们", 4.0, "zh", "5 times '我们'"),
    ("да да да да да да", 4.0, "ru", "6 times 'да'"),
]
SUBTITLES = [
    ("Thanks for watching!", "en"),
    ("Subtitles by the Amara.org community", "en"),
    ("ご視聴ありがとうございました。", "ja"),
    ("谢谢观看", "zh"),
    ("Untertitel im Auftrag des ZDF", "de"),
    ("Субтитры сделал", "ru"),
    ("Sous-titres réalisés par la communauté d'Amara.org", "fr"),
    ("시청해주셔서 감사합니다.", "ko"),
    ("Don’t forget to like and subscribe", "en"),
]


@pytest.mark.parametrize(("text", "seconds", "language"), SPOKEN)
def test_what_people_say_is_not_told(text: str, seconds: float, language: str) -> None:
    found = signs(text, seconds, language)
    assert found.score == 0 and found.reasons == ()


@pytest.mark.parametrize(("text", "seconds", "language", "reason"), LOOPS)
def test_a_loop_is_told_with_what_is_said_again(text: str, seconds: float, language: str, reason: str) -> None:
    found = signs(text, seconds, language)
    assert found.score == found.repetition >= 0.5 and found.reasons[0] == reason


@pytest.mark.parametrize(("text", "language"), SUBTITLES)
def test_phrases_of_subtitles_are_told(text: str, language: str) -> None:
    found = signs(text, 6.0, language)
    assert found.score == found.boilerplate >= 0.7 and found.reasons[0].startswith("subtitles: ")
    assert signs(f"Let us go home now, it is late in the night. {text}", 9.0, language).boilerplate < 0.6


@pytest.mark.parametrize(("text", "seconds", "language", "_reason"), LOOPS)
def test_pace_is_of_time(text: str, seconds: float, language: str, _reason: str) -> None:
    usual = needed_seconds(text)
    assert signs(text, usual, language).pace == pytest.approx(1)
    assert signs(text, usual / 4, language).score == 1
    assert any(reason.startswith("4.0 times as fast") for reason in signs(text, usual / 4, language).reasons)


def test_digits_are_said_longer_than_letters() -> None:
    assert needed_seconds("1984") > 2 * needed_seconds("abcd")
    assert needed_seconds("") == needed_seconds("...") == 0


def test_pieces_that_stand_there_twice_are_told_without_a_loop() -> None:
    text = "we went to the house and then we slept but later we went to the house and then we slept"
    found = signs(text, 9.0, "en")
    assert found.repetition > 0.25 and found.reasons == (f"{found.repetition:.0%} of it stands there before",)


def test_every_known_phrase_is_found() -> None:
    lines = [line for line in PHRASES.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert len(lines) > 80
    assert [line for line in lines if signs(line, 9.0).boilerplate < 0.5] == []
