"""The recipe of UrbanSound8K on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.reasons import Reason
from tests.recipes.labelled import heard
from tests.recipes.speech.conftest import Prepared

ROWS = (
    "slice_file_name,fsID,start,end,salience,fold,classID,class\n"
    "100032-3-0-0.wav,100032,0.0,0.5,1,5,3,dog_bark\n"
    "7-1-0-0.wav,7,3.25,3.75,2,9,1,car_horn\n"
    "8-9-0-0.wav,8,0,4.0,1,10,9,street_music\n"
    "9-9-0-0.wav,9,zero,4.0,1,10,9,street_music\n"
)


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "UrbanSound8K"
    for fold, name in ((5, "100032-3-0-0"), (9, "7-1-0-0"), (10, "8-9-0-0"), (10, "9-9-0-0")):
        tone(root / "audio" / f"fold{fold}" / f"{name}.wav", rate=44_100, channels=2, pitch=200.0 + fold)
    write(root / "metadata" / "UrbanSound8K.csv", ROWS)
    return root


def test_classes_folds_and_foreground(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("urbansound8k", source)
    assert heard(found) == {
        "100032-3-0-0": (["Bark", "Dog"], "dog_bark", "Bark."),
        "7-1-0-0": (["Vehicle horn, car horn, honking"], "car_horn", "Vehicle horn, car horn, honking."),
    }
    assert found.splits == {"100032-3-0-0": "train", "7-1-0-0": "dev"}
    assert [found.cuts[key]["custom"]["foreground"] for key in ("100032-3-0-0", "7-1-0-0")] == [True, False]


def test_half_a_file_and_times_that_are_none_are_rejects(source: Path, prepared: Callable[..., Prepared]) -> None:
    assert prepared("urbansound8k", source).reasons == {
        "8-9-0-0": Reason.duration_mismatch,  # four seconds claimed, half a second there
        "metadata/UrbanSound8K.csv:5": Reason.bad_row,
    }
