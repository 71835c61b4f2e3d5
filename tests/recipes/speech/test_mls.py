"""The recipe of MLS on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import MissingFileError
from manifests.reasons import Reason
from tests.recipes.speech.conftest import Prepared

TRAIN = "1_2_000000\toh my dear\n1_2_000001\tyou must see him\n1_2_000002\tnobody recorded this\nno tab here\n"


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "mls"
    english = root / "mls_english"
    write(english / "train" / "transcripts.txt", TRAIN)
    for part, transcripts in (("dev", "3_4_000000\twell\n"), ("test", "5_6_000000\tyes\n")):
        write(english / part / "transcripts.txt", transcripts)
    for part, key in (
        ("train", "1_2_000000"),
        ("train", "1_2_000001"),
        ("train", "1_2_000009"),
        ("dev", "3_4_000000"),
        ("test", "5_6_000000"),
    ):
        speaker, book, _ = key.split("_")
        tone(english / part / "audio" / speaker / book / f"{key}.flac", pitch=100.0 + int(key[-1]) + int(speaker))
    headings = "SPEAKER | GENDER | PARTITION | MINUTES | BOOK ID | TITLE | CHAPTER\n"
    write(
        english / "metainfo.txt", f"{headings}1 | F | train | 1.0 | 2 | A Book | One\n3 | M | dev | 1.0 | 4 | B | C\n"
    )
    return root


def test_parts_texts_speakers_and_rejects(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("mls", source)
    assert found.texts == {
        "1_2_000000": "oh my dear",
        "1_2_000001": "you must see him",
        "3_4_000000": "well",
        "5_6_000000": "yes",
    }
    assert found.splits == {"1_2_000000": "train", "1_2_000001": "train", "3_4_000000": "dev", "5_6_000000": "test"}
    assert found.said("1_2_000000") == ("1", "en", "female")
    assert found.said("5_6_000000") == ("5", "en", None)  # of whom metainfo.txt says nothing
    assert found.reasons == {
        "1_2_000002": Reason.audio_missing,
        "1_2_000009": Reason.text_missing,
        "mls_english/train/transcripts.txt:4": Reason.bad_row,
    }


def test_opus_is_read_where_there_is_no_flac(
    source: Path, prepared: Callable[..., Prepared], write: Callable[[Path, str], Path]
) -> None:
    import soundfile

    german = source / "mls_german_opus"
    write(german / "dev" / "transcripts.txt", "7_8_000000\tguten tag\n")
    path = german / "dev" / "audio" / "7" / "8" / "7_8_000000.opus"
    path.parent.mkdir(parents=True)
    soundfile.write(path, [0.1, -0.1] * 4000, 16_000, format="OGG", subtype="OPUS")
    write(source / "mls_english_opus" / "dev" / "transcripts.txt", "3_4_000000\tthe same again\n")
    found = prepared("mls", source)
    assert found.said("7_8_000000") == ("7", "de", None)
    assert found.texts["3_4_000000"] == "well"
    assert found.cuts["7_8_000000"]["duration"] == 0.5


def test_lhotse_reads_the_same_of_the_same_folder(source: Path, prepared: Callable[..., Prepared]) -> None:
    from lhotse.recipes import prepare_mls

    (source / "mls_english" / "train" / "transcripts.txt").write_text("1_2_000000\toh my dear\n", encoding="utf-8")
    with (source / "mls_english" / "metainfo.txt").open("a", encoding="utf-8") as file:
        file.write("5 | M | test | 1.0 | 6 | B | C\n")
    found = prepared("mls", source)
    said = [one for part in prepare_mls(source, opus=False)["english"].values() for one in part["supervisions"]]
    assert {one.id: (one.text, one.speaker, one.duration) for one in said} == {
        key: (found.texts[key], found.said(key)[0], found.span(key)[1]) for key in found.cuts
    }
    genders = {"F": "female", "M": "male"}
    assert {one.id: genders[one.gender] for one in said} == {key: found.said(key)[2] for key in found.cuts}


def test_another_folder_says_what_is_looked_for_and_what_is_there(
    tmp_path: Path, prepared: Callable[..., Prepared]
) -> None:
    (tmp_path / "other" / "LibriSpeech").mkdir(parents=True)
    with pytest.raises(MissingFileError, match=r"no language of MLS.*It holds LibriSpeech\..*openslr\.org/94"):
        prepared("mls", tmp_path / "other")
