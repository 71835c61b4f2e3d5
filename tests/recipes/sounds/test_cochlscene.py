"""The recipe of CochlScene on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import MissingFileError
from manifests.reasons import Reason
from tests.recipes.labelled import heard
from tests.recipes.speech.conftest import Prepared


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path]) -> Path:
    root = tmp_path / "CochlScene"
    names = (
        "Train/Bus/Bus_user0018_1_000",
        "Val/SubwayStation/SubwayStation_user2_1_000",
        "Test/ResidentialArea/R_1",
        "Train/Moon/Moon_user0018_2_000",
    )
    for number, name in enumerate(names):
        tone(root / f"{name}.wav", rate=44_100, pitch=200.0 + number)
    (root / "Train" / "Bus" / "Bus_user0018_1_001.wav").write_bytes(b"RIFF")
    return root


def test_folders_are_scenes_and_parts(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("cochlscene", source)
    assert heard(found) == {
        "Bus_user0018_1_000": (["Bus"], "Bus", "Bus."),
        "SubwayStation_user2_1_000": (["Inside, public space"], "SubwayStation", "Subway station."),
        "R_1": (["Outside, urban or manmade"], "ResidentialArea", "Residential area."),
        "Moon_user0018_2_000": (["Moon"], "Moon", "Moon."),
    }
    assert found.splits["SubwayStation_user2_1_000"] == "dev" and found.splits["R_1"] == "test"
    assert found.cuts["Bus_user0018_1_000"]["custom"]["recorded_by"] == "user0018"
    assert found.reasons == {"Bus_user0018_1_001": Reason.audio_unreadable}


def test_a_wrong_folder_is_an_error(source: Path, prepared: Callable[..., Prepared]) -> None:
    with pytest.raises(MissingFileError, match=r"holds no Train/, Val/ or Test/. It holds Bus"):
        prepared("cochlscene", source / "Train")
