"""The recipe of FoR on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import MissingFileError
from manifests.reasons import Reason
from tests.recipes.labelled import answers
from tests.recipes.speech.conftest import Prepared


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path]) -> Path:
    root = tmp_path / "for-norm"
    names = ("training/real/file1", "training/fake/file1", "validation/real/file (2)", "testing/fake/a.b.c")
    for number, name in enumerate(names):
        tone(root / f"{name}.wav", pitch=200.0 + number)
    (root / "testing" / "fake" / "broken.wav").write_bytes(b"RIFF")
    return root


def test_folders_say_what_is_genuine(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("fake_or_real", source)
    assert answers(found) == {
        "training-real-file1": ("synthetic", "real"),
        "training-fake-file1": ("synthetic", "synthetic"),
        "validation-real-file-2": ("synthetic", "real"),
        "testing-fake-a.b.c": ("synthetic", "synthetic"),
    }
    assert found.splits["validation-real-file-2"] == "dev" and found.splits["testing-fake-a.b.c"] == "test"
    assert found.reasons == {"testing-fake-broken": Reason.audio_unreadable}


def test_a_wrong_folder_is_an_error(source: Path, prepared: Callable[..., Prepared]) -> None:
    with pytest.raises(MissingFileError, match=r"holds no training/real and training/fake. It holds fake, real"):
        prepared("fake_or_real", source / "training")
