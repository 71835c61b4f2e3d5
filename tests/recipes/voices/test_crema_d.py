"""The recipe of CREMA-D on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.reasons import Reason
from tests.recipes.labelled import about, answers
from tests.recipes.speech.conftest import Prepared


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "CREMA-D"
    for number, name in enumerate(("1001_DFA_ANG_XX", "1002_IEO_SAD_HI", "1002_ZZZ_SAD_HI", "1002_IEO_ZZZ_HI", "a")):
        tone(root / "AudioWAV" / f"{name}.wav", pitch=200.0 + number)
    (root / "AudioWAV" / "1076_MTI_SAD_XX.wav").touch()
    write(root / "VideoDemographics.csv", "ActorID,Age,Sex,Race,Ethnicity\n1001,51,Male,Caucasian,Not Hispanic\n1002\n")
    return root


def test_names_say_emotion_sentence_and_actor(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("crema_d", source)
    assert answers(found) == {"1001_DFA_ANG_XX": ("emotion", "angry"), "1002_IEO_SAD_HI": ("emotion", "sad")}
    assert found.texts == {"1001_DFA_ANG_XX": "Don't forget a jacket.", "1002_IEO_SAD_HI": "It's eleven o'clock."}
    assert found.said("1001_DFA_ANG_XX") == ("1001", "en", "male")
    assert about(found, "1001_DFA_ANG_XX", "age", "strength") == ("51", "XX")
    assert about(found, "1002_IEO_SAD_HI", "age", "strength") == (None, "HI")


def test_what_cannot_be_used_is_a_reject(source: Path, prepared: Callable[..., Prepared]) -> None:
    assert prepared("crema_d", source).reasons == {
        "1002_ZZZ_SAD_HI": Reason.bad_row,
        "1002_IEO_ZZZ_HI": Reason.bad_row,
        "a": Reason.bad_row,
        "1076_MTI_SAD_XX": Reason.audio_unreadable,
    }
