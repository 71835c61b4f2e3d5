"""The recipe of TextrolSpeech on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import ManifestError
from manifests.reasons import Reason
from tests.recipes.labelled import about
from tests.recipes.speech.conftest import Prepared

HEADINGS = "item_name,gender,pitch,tempo,energy,emotion,style_prompt,txt\n"


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "textrolspeech"
    names = ("LibriTTS/train/1/2/1_2_3_4", "VCTK/p225/p225_001", "emotion/a/twice", "emotion/b/twice")
    for number, name in enumerate(names):
        tone(root / f"{name}.wav", pitch=200.0 + number)
    write(
        root / "caption" / "random_train.csv",
        HEADINGS + '1_2_3_4,F,high,normal,low,neutral,"She speaks, softly","So, it  was."\n'
        "gone,M,high,normal,low,sad,x,Not there.\ntwice,M,high,normal,low,sad,x,Which?\n1_2,M,high\n",
    )
    write(root / "caption" / "random_test.csv", HEADINGS + "p225_001,,low,normal,low,happy,x,Please call Stella.\n")
    return root


def test_a_file_is_transcribed_and_its_voice_asked_for(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("textrolspeech", source)
    tasks = {key: row["custom"]["task"] for key, row in found.cuts.items()}
    assert tasks == {"1_2_3_4": "asr", "1_2_3_4-gender": "gender", "p225_001": "asr"}
    assert found.target("1_2_3_4-gender") == ("female", "en")
    assert found.texts == {
        "1_2_3_4": "So, it was.",
        "1_2_3_4-gender": "So, it was.",
        "p225_001": "Please call Stella.",
    }
    assert about(found, "1_2_3_4", "pitch", "emotion") == ("high", "neutral")
    assert found.splits["p225_001"] == "test"


def test_what_cannot_be_used_is_a_reject(source: Path, prepared: Callable[..., Prepared]) -> None:
    assert prepared("textrolspeech", source).reasons == {
        "gone": Reason.audio_missing,
        "gone-gender": Reason.audio_missing,
        "twice": Reason.bad_row,
        "caption/random_train.csv:5": Reason.bad_row,
    }


def test_a_table_without_words_is_an_error(
    source: Path, prepared: Callable[..., Prepared], write: Callable[[Path, str], Path]
) -> None:
    write(source / "caption" / "random_train.csv", "item_name,gender\na,F\n")
    with pytest.raises(ManifestError, match=r"has no column txt, text, .*It has item_name, gender"):
        prepared("textrolspeech", source)
