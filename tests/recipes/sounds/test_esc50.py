"""The recipe of ESC-50 on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import ManifestError, MissingFileError
from manifests.reasons import Reason
from tests.recipes.labelled import heard
from tests.recipes.speech.conftest import Prepared

HEADINGS = "filename,fold,target,category,esc10,src_file,take\n"
ROWS = (
    "1-100032-A-0.wav,1,0,dog,True,100032,A\n"
    "4-1-A-33.wav,4,33,door_wood_creaks,False,1,A\n"
    "5-2-A-40.wav,5,40,helicopter,False,2,A\n"
    "1-3-A-9.wav,1,9,dragon,False,3,A\n"
    "1-4-A-0.wav,1,0,dog,True,4,A\n"
    "../1-5-A-0.wav,1,0,dog,True,5,A\n"
    "1-6-A-0.wav,7,0,dog,True,6,A\n"
    "1-7-A-0.wav,1,0\n"
)


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "ESC-50-master"
    for number, name in enumerate(("1-100032-A-0", "4-1-A-33", "5-2-A-40", "1-3-A-9", "1-8-A-0")):
        tone(root / "audio" / f"{name}.wav", rate=44_100, pitch=200.0 + number)
    write(root / "meta" / "esc50.csv", HEADINGS + ROWS)
    return root


def test_classes_are_said_in_the_ontology_and_folds_are_splits(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("esc50", source)
    assert heard(found) == {
        "1-100032-A-0": (["Bark", "Dog"], "dog", "Bark."),
        "4-1-A-33": (["Creak", "Door"], "door_wood_creaks", "Creak."),
        "5-2-A-40": (["Helicopter"], "helicopter", "Helicopter."),
        "1-3-A-9": (["dragon"], "dragon", "dragon."),  # the audit unknown_labels names it
    }
    assert found.splits == {"1-100032-A-0": "train", "4-1-A-33": "dev", "5-2-A-40": "test", "1-3-A-9": "train"}
    licences = {key: row["custom"]["license"] for key, row in found.cuts.items()}
    assert licences["1-100032-A-0"] == "CC-BY-3.0" and licences["4-1-A-33"] == "CC-BY-NC-3.0"


def test_what_cannot_be_used_is_a_reject(source: Path, prepared: Callable[..., Prepared]) -> None:
    assert prepared("esc50", source).reasons == {
        "1-4-A-0": Reason.audio_missing,
        "meta/esc50.csv:7": Reason.bad_row,
        "meta/esc50.csv:8": Reason.bad_row,
        "meta/esc50.csv:9": Reason.bad_row,
        "1-8-A-0": Reason.text_missing,
    }


def test_another_folder_or_version_is_an_error_that_says_what_is_there(
    source: Path, prepared: Callable[..., Prepared], write: Callable[[Path, str], Path]
) -> None:
    with pytest.raises(MissingFileError, match=r"lacks meta/esc50.csv, audio"):
        prepared("esc50", source / "audio")
    write(source / "meta" / "esc50.csv", "filename,fold\na.wav,1\n")
    with pytest.raises(ManifestError, match=r"has no column category, esc10, src_file. It has filename, fold"):
        prepared("esc50", source)
