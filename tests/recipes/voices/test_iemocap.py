"""The recipe of IEMOCAP on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.reasons import Reason
from tests.recipes.labelled import about, answers
from tests.recipes.speech.conftest import Prepared

RATINGS = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 6.7901]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
[7.0 - 7.5]\tSes01F_impro01_M000\tfru\t[2.5000, 2.5000, 2.5000]
[8.0 - 8.5]\tSes01F_impro01_M001\txxx\t[2.5000, 2.5000, 2.5000]
[9.0 - 19.5]\tSes01F_impro01_M002\tang\t[2.5000, 2.5000, 2.5000]
[9.0 - 9.5]\tSes01F_impro01_M003\tzzz\t[2.5000, 2.5000, 2.5000]
[nine]\tSes01F_impro01_M004\tang\t[2.5000, 2.5000, 2.5000]
[9.0 - 9.5]\tSes01F_impro01_M005\thap\t[2.5000, 2.5000, 2.5000]
"""


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "IEMOCAP_full_release"
    for number, name in enumerate(("F000", "M000", "M001", "M002", "M009")):
        audio = root / "Session1" / "sentences" / "wav" / "Ses01F_impro01" / f"Ses01F_impro01_{name}.wav"
        tone(audio, pitch=200.0 + number)
    tone(root / "Session5/sentences/wav/Ses05M_script01_1/Ses05M_script01_1_M000.wav", pitch=300.0)
    write(root / "Session1" / "dialog" / "EmoEvaluation" / "Ses01F_impro01.txt", RATINGS)
    write(
        root / "Session1" / "dialog" / "transcriptions" / "Ses01F_impro01.txt",
        "Ses01F_impro01_F000 [006.2901-006.7901]: Excuse  me.\nM: (breathing)\n",
    )
    write(
        root / "Session5" / "dialog" / "EmoEvaluation" / "Ses05M_script01_1.txt",
        "[1.0 - 1.5]\tSes05M_script01_1_M000\tsad\t[2.5, 2.5, 2.5]\n",
    )
    return root


def test_ratings_give_the_answer_and_sessions_the_split(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("iemocap", source)
    assert answers(found) == {
        "Ses01F_impro01_F000": ("emotion", "neutral"),
        "Ses01F_impro01_M000": ("emotion", "frustrated"),
        "Ses05M_script01_1_M000": ("emotion", "sad"),
    }
    assert found.cuts["Ses01F_impro01_F000"]["supervisions"][0]["text"] == "Excuse me."
    assert found.said("Ses01F_impro01_M000") == ("Ses01M", "en", "male")
    assert found.splits["Ses05M_script01_1_M000"] == "test" and found.splits["Ses01F_impro01_F000"] == "train"
    assert about(found, "Ses05M_script01_1_M000", "acted") == (True,)


def test_what_cannot_be_used_is_a_reject(source: Path, prepared: Callable[..., Prepared]) -> None:
    ratings = "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    assert prepared("iemocap", source).reasons == {
        "Ses01F_impro01_M001": Reason.target_missing,
        "Ses01F_impro01_M002": Reason.duration_mismatch,
        f"{ratings}:8": Reason.bad_row,
        f"{ratings}:9": Reason.bad_row,
        "Ses01F_impro01_M005": Reason.audio_missing,
        "Ses01F_impro01_M009": Reason.text_missing,
    }
