"""The recipe of TUT Acoustic Scenes 2017 on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import MissingFileError
from manifests.reasons import Reason
from tests.recipes.labelled import heard
from tests.recipes.speech.conftest import Prepared


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    development = tmp_path / "tut" / "TUT-acoustic-scenes-2017-development"
    evaluation = tmp_path / "tut" / "TUT-acoustic-scenes-2017-evaluation"
    for number, name in enumerate(("b020_90_100", "c001_0_10", "x_0_10")):
        tone(development / "audio" / f"{name}.wav", rate=44_100, channels=2, pitch=200.0 + number)
    tone(evaluation / "audio" / "1245.wav", rate=44_100, channels=2, pitch=300.0)
    write(
        development / "meta.txt",
        "audio/b020_90_100.wav\tgrocery_store\tb020\naudio/c001_0_10.wav\tcafe/restaurant\tc001\n"
        "audio/gone_0_10.wav\tbeach\tgone\naudio/nothing\n/etc/passwd\tbeach\tb\n",
    )
    write(development / "error.txt", "audio/c001_0_10.wav\t4.0\t4.5\tmobile phone\n")
    write(evaluation / "meta.txt", "audio/1245.wav\tbeach\n")
    return tmp_path / "tut"


def test_places_are_answers_and_sets_are_splits(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("tut2017", source)
    assert heard(found) == {
        "development-b020_90_100": (["Inside, public space"], "grocery_store", "Grocery store."),
        "development-c001_0_10": (["Inside, public space"], "cafe/restaurant", "Cafe or restaurant."),
        "evaluation-1245": (["Outside, rural or natural"], "beach", "Beach."),
    }
    assert found.splits == {
        "development-b020_90_100": "train",
        "development-c001_0_10": "train",
        "evaluation-1245": "test",
    }
    custom = found.cuts["development-c001_0_10"]["custom"]
    assert (custom["place"], custom["recording_error"]) == ("c001", "4.0 4.5 mobile phone")


def test_what_cannot_be_used_is_a_reject(source: Path, prepared: Callable[..., Prepared]) -> None:
    meta = "TUT-acoustic-scenes-2017-development/meta.txt"
    assert prepared("tut2017", source).reasons == {
        "development-gone_0_10": Reason.audio_missing,
        f"{meta}:4": Reason.bad_row,
        f"{meta}:5": Reason.bad_row,
        "x_0_10": Reason.text_missing,
    }


def test_a_wrong_folder_is_an_error(source: Path, prepared: Callable[..., Prepared]) -> None:
    with pytest.raises(MissingFileError, match=r"It holds audio, error.txt, meta.txt"):
        prepared("tut2017", source / "TUT-acoustic-scenes-2017-development")
