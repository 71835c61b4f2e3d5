"""The recipe of RAVDESS on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import MissingFileError
from manifests.reasons import Reason
from tests.recipes.labelled import about, answers
from tests.recipes.speech.conftest import Prepared


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path]) -> Path:
    root = tmp_path / "ravdess"
    names = ("Actor_01/03-01-05-02-01-01-01", "Actor_02/03-01-07-01-02-01-02", "Actor_02/03-02-03-01-02-01-02")
    names += ("Actor_02/03-01-09-01-02-01-02", "Actor_02/notes")
    for number, name in enumerate(names):
        tone(root / f"{name}.wav", rate=48_000, pitch=200.0 + number)
    (root / "Actor_02" / "03-01-01-01-01-02-02.wav").write_bytes(b"RIFF")
    return root


def test_names_say_emotion_sentence_and_actor(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("ravdess", source)
    angry, disgusted = "03-01-05-02-01-01-01", "03-01-07-01-02-01-02"
    assert answers(found) == {angry: ("emotion", "angry"), disgusted: ("emotion", "disgusted")}
    assert found.texts == {angry: "Kids are talking by the door.", disgusted: "Dogs are sitting by the door."}
    assert found.said(angry) == ("actor-01", "en", "male") and found.said(disgusted) == ("actor-02", "en", "female")
    assert about(found, angry, "emotion", "strong") == ("angry", True)
    assert about(found, disgusted, "emotion", "strong") == ("disgust", False)


def test_songs_and_other_files_are_rejects(source: Path, prepared: Callable[..., Prepared]) -> None:
    assert prepared("ravdess", source).reasons == {
        "03-02-03-01-02-01-02": Reason.out_of_scope,
        "03-01-09-01-02-01-02": Reason.bad_row,
        "notes": Reason.bad_row,
        "03-01-01-01-01-02-02": Reason.audio_unreadable,
    }


def test_an_actor_is_in_one_split(tmp_path: Path, tone: Callable[..., Path], prepared: Callable[..., Prepared]) -> None:
    for actor in range(1, 13):
        for emotion in (3, 4):
            name = f"Actor_{actor:02d}/03-01-{emotion:02d}-01-01-01-{actor:02d}.wav"
            tone(tmp_path / "many" / name, seconds=0.3, pitch=200.0 + 10 * actor + emotion)
    splits = prepared("ravdess", tmp_path / "many").splits
    by_actor = {key[-2:]: {split for name, split in splits.items() if name[-2:] == key[-2:]} for key in splits}
    assert len(by_actor) == 12 and all(len(found) == 1 for found in by_actor.values())
    assert len(set(splits.values())) > 1


def test_an_empty_folder_is_an_error(tmp_path: Path, prepared: Callable[..., Prepared]) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingFileError, match=r"holds no Actor_01/.*It holds nothing"):
        prepared("ravdess", tmp_path / "empty")
