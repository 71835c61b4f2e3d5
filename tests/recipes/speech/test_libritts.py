"""The recipe of LibriTTS on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import MissingFileError
from manifests.reasons import Reason
from tests.recipes.speech.conftest import Prepared

LINES = (
    '84_1_000000_000000\tNo. 5 said "yes.\tNumber five said "yes.\n'
    "84_1_000001_000000\tGone.\tGone.\n"
    "84_1_000002_000000\tBroken.\tBroken.\n"
    "84_1_000003_000000\tone column less\n"
    "../../x\tA\tA\n"
)


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "LibriTTS"
    chapter = root / "dev-clean" / "84" / "1"
    write(chapter / "84_1.trans.tsv", LINES)
    write(chapter / "84_1.book.tsv", "84_1_000000_000000\tNo. 5\tNumber five\t1\t2\t30.5\n")
    tone(chapter / "84_1_000000_000000.wav", rate=24_000)
    tone(chapter / "84_1_000009_000000.wav", rate=24_000)
    (chapter / "84_1_000002_000000.wav").write_bytes(b"RIFF")
    (chapter / "._84_1_000000_000000.wav").write_bytes(b"what a Mac leaves")
    other = root / "train-other-500" / "20" / "7"
    write(other / "20_7.trans.tsv", "20_7_000000_000000\tHello.\tHello.\n")
    write(other / "20_7.book.tsv", "20_7_000000_000000\tHello.\tHello.\t1\t2\t20.5\n")
    tone(other / "20_7_000000_000000.wav", rate=24_000, pitch=330.0)
    write(root / "SPEAKERS.txt", ";ID  |SEX| SUBSET |MINUTES| NAME\n84   | F | dev-clean | 8.0 | Jane | Doe\n")
    return root


def test_parts_texts_speakers_and_rejects(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("libritts", source)
    assert found.texts == {"84_1_000000_000000": 'Number five said "yes.', "20_7_000000_000000": "Hello."}
    assert found.splits == {"84_1_000000_000000": "dev", "20_7_000000_000000": "train"}
    assert found.said("84_1_000000_000000") == ("84", "en", "female")
    assert found.said("20_7_000000_000000") == ("20", "en", None)
    assert found.cuts["84_1_000000_000000"]["custom"]["original_text"] == 'No. 5 said "yes.'
    assert found.reasons == {
        "84_1_000001_000000": Reason.audio_missing,
        "84_1_000002_000000": Reason.audio_unreadable,
        "dev-clean/84/1/84_1.trans.tsv:4": Reason.bad_row,
        "dev-clean/84/1/84_1.trans.tsv:5": Reason.bad_row,
        "84_1_000009_000000": Reason.text_missing,
    }
    assert "2 values, expected 3" in found.rejects["dev-clean/84/1/84_1.trans.tsv:4"]["detail"]


def test_lhotse_reads_the_same_of_the_same_folder(source: Path, prepared: Callable[..., Prepared]) -> None:
    from lhotse.recipes import prepare_libritts

    chapter = source / "dev-clean" / "84" / "1"
    (chapter / "84_1.trans.tsv").write_text(LINES.splitlines(keepends=True)[0], encoding="utf-8")
    (chapter / "84_1_000002_000000.wav").unlink()
    found = prepared("libritts", source)
    theirs = prepare_libritts(source, dataset_parts=("dev-clean", "train-other-500"))
    said = [one for part in theirs.values() for one in part["supervisions"]]
    assert {one.id: (one.text, one.speaker, one.duration) for one in said} == {
        key: (found.texts[key], found.said(key)[0], found.span(key)[1]) for key in found.cuts
    }


def test_another_folder_says_what_is_looked_for(tmp_path: Path, prepared: Callable[..., Prepared]) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(MissingFileError, match=r"holds no part of LibriTTS.*openslr\.org/60"):
        prepared("libritts", tmp_path / "other")
