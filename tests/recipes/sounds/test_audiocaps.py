"""The recipe of AudioCaps on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.reasons import Reason
from tests.recipes.labelled import answers
from tests.recipes.speech.conftest import Prepared

HEADINGS = "audiocap_id,youtube_id,start_time,caption\n"


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "audiocaps"
    tone(root / "audio" / "r1nicOVtvkQ_130.flac")
    tone(root / "audio" / "-ab_0.wav", pitch=300.0)
    write(
        root / "dataset" / "train.csv",
        HEADINGS + '91139,r1nicOVtvkQ,130,"A woman talks, as  water pours"\n2,gone,0,A dog\n3,r1nicOVtvkQ,x,A\n'
        "4,r1nicOVtvkQ,130,\n",
    )
    write(root / "dataset" / "val.csv", HEADINGS + "97151,-ab,0,Rain\n97152,-ab,0,It rains\n")
    return root


def test_a_row_is_a_caption(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("audiocaps", source)
    assert answers(found) == {
        "91139": ("sound", "A woman talks, as water pours"),
        "97151": ("sound", "Rain"),
        "97152": ("sound", "It rains"),
    }
    assert found.splits == {"91139": "train", "97151": "dev", "97152": "dev"}
    assert found.cuts["97151"]["recording"]["id"] == found.cuts["97152"]["recording"]["id"]


def test_what_cannot_be_used_is_a_reject(source: Path, prepared: Callable[..., Prepared]) -> None:
    assert prepared("audiocaps", source).reasons == {
        "2": Reason.audio_missing,
        "dataset/train.csv:4": Reason.bad_row,
        "dataset/train.csv:5": Reason.bad_row,
    }
