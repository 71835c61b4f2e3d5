"""The recipe of MTG-Jamendo on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.reasons import Reason
from tests.recipes.labelled import heard
from tests.recipes.speech.conftest import Prepared

HEADINGS = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS\n"


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "mtg-jamendo-dataset"
    tone(root / "audio" / "48" / "948.mp3", rate=44_100)
    tone(root / "audio" / "49" / "949.low.mp3", rate=44_100, pitch=300.0)
    splits = root / "data" / "splits" / "split-0"
    write(
        splits / "autotagging-train.tsv",
        HEADINGS + "track_1\tartist_1\talbum_1\t48/948.mp3\t0.5\tgenre---rock\tgenre---vaporwave\tmood/theme---happy\n"
        "track_2\tartist_1\talbum_1\t48/948.mp3\t99.5\tgenre---rock\n"
        "track_3\tartist_1\talbum_1\t../../x.mp3\t0.5\tgenre---rock\n"
        "track_4\tartist_1\n",
    )
    write(
        splits / "autotagging-test.tsv",
        HEADINGS + "track_9\tartist_2\talbum_2\t49/949.mp3\t0.5\tinstrument---piano\tgenre---jazz\n",
    )
    return root


def test_tags_give_the_sounds(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("mtg_jamendo", source)
    assert heard(found) == {
        "track_1": (["Rock music", "Music"], "genre---rock genre---vaporwave mood/theme---happy", "Rock music."),
        "track_9": (["Piano", "Jazz", "Music"], "instrument---piano genre---jazz", "Piano."),
    }
    assert found.splits == {"track_1": "train", "track_9": "test"}
    assert found.said("track_9")[0] == "artist_2"


def test_what_cannot_be_used_is_a_reject(source: Path, prepared: Callable[..., Prepared]) -> None:
    table = "data/splits/split-0/autotagging-train.tsv"
    assert prepared("mtg_jamendo", source).reasons == {
        "track_2": Reason.duration_mismatch,
        f"{table}:4": Reason.bad_row,
        f"{table}:5": Reason.bad_row,
    }
