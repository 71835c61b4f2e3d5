"""The recipe of Clotho on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.reasons import Reason
from tests.recipes.labelled import answers
from tests.recipes.speech.conftest import Prepared

HEADINGS = "file_name,caption_1,caption_2,caption_3,caption_4,caption_5\n"


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "clotho"
    tone(root / "development" / "Distorted AM Radio noise.wav", rate=44_100)
    tone(root / "development" / "spare.wav", rate=44_100, pitch=300.0)
    tone(root / "clotho_audio_evaluation" / "rain (2).wav", rate=44_100, pitch=400.0)
    write(
        root / "clotho_captions_development.csv",
        HEADINGS + 'Distorted AM Radio noise.wav,"A muddled noise, of a radio",b,c,d,e\n'
        "gone.wav,a,b,c,d,e\nempty.wav,,,,,\nshort.wav,a\n",
    )
    write(root / "clotho_captions_evaluation.csv", HEADINGS + "rain (2).wav,Rain falls.,b,,d,e\n")
    return root


def test_the_first_caption_is_the_answer(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("clotho", source)
    assert answers(found) == {
        "development-Distorted-AM-Radio-noise": ("sound", "A muddled noise, of a radio"),
        "evaluation-rain-2": ("sound", "Rain falls."),
    }
    assert found.splits == {"development-Distorted-AM-Radio-noise": "train", "evaluation-rain-2": "test"}
    custom = found.cuts["evaluation-rain-2"]["custom"]
    assert (custom["domain"], custom["captions"]) == ("captions", ["b", "d", "e"])


def test_what_cannot_be_used_is_a_reject(source: Path, prepared: Callable[..., Prepared]) -> None:
    assert prepared("clotho", source).reasons == {
        "development-gone": Reason.audio_missing,
        "clotho_captions_development.csv:4": Reason.bad_row,
        "clotho_captions_development.csv:5": Reason.bad_row,
        "spare": Reason.text_missing,
    }
