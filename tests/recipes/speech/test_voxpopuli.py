"""The recipe of VoxPopuli on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import ManifestError, MissingFileError
from manifests.reasons import Reason
from tests.recipes.speech.conftest import Prepared

HEADINGS = "id\traw_text\tnormalized_text\tspeaker_id\tsplit\tgender\tis_gold_transcript\taccent\n"
FIRST, SECOND, THIRD, FOURTH = (f"20090112-0900-PLENARY-3-en_2009011{n}" for n in (2, 3, 4, 5))
TRAIN = (
    f'{FIRST}\tMr "President, 20 years.\tmr president twenty years\t1234\ttrain\tmale\tTrue\tNone\n'
    f"{SECOND}\t\tno raw text\tNone\ttrain\tfemale\tFalse\tNone\n"
    f"{THIRD}\tx\tno audio\t1\ttrain\tmale\tTrue\tNone\n"
    "../x\tx\tpath\t1\ttrain\tmale\tTrue\tNone\n"
    f"{FOURTH}\tx\t\t1\ttrain\tmale\tTrue\tNone\n"
)


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "voxpopuli"
    folder = root / "transcribed_data" / "en"
    write(folder / "asr_train.tsv", HEADINGS + TRAIN)
    for number, key in enumerate((FIRST, SECOND, FOURTH, "20100101-unknown")):
        tone(folder / key[:4] / f"{key}.ogg", pitch=200.0 + 50 * number)
    german = root / "transcribed_data" / "de"
    write(german / "asr_test.tsv", f"{HEADINGS}2012-x\tJa.\tja\t7\ttest\tfemale\tTrue\tNone\n")
    tone(german / "2012" / "2012-x.ogg", pitch=500.0)
    return root


def test_segments_texts_speakers_and_rejects(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("voxpopuli", source)
    assert found.texts == {FIRST: "mr president twenty years", SECOND: "no raw text", "2012-x": "ja"}
    assert found.splits == {FIRST: "train", SECOND: "train", "2012-x": "test"}
    assert found.said(FIRST) == ("1234", "en", "male")
    assert found.said(SECOND) == (None, "en", "female")
    assert found.said("2012-x") == ("7", "de", "female")
    assert found.cuts[FIRST]["custom"]["original_text"] == 'Mr "President, 20 years.'
    assert "original_text" not in found.cuts[SECOND]["custom"]
    assert found.reasons == {
        THIRD: Reason.audio_missing,
        FOURTH: Reason.empty_text,
        "transcribed_data/en/asr_train.tsv:5": Reason.bad_row,
        "20100101-unknown": Reason.text_missing,
    }


def test_a_table_without_a_line_is_half_a_download(source: Path, prepared: Callable[..., Prepared]) -> None:
    (source / "transcribed_data" / "de" / "asr_test.tsv").write_bytes(b"")
    with pytest.raises(ManifestError, match=r"asr_test\.tsv has no line of headings .*cut short"):
        prepared("voxpopuli", source)


def test_raw_audio_alone_says_what_is_looked_for(tmp_path: Path, prepared: Callable[..., Prepared]) -> None:
    (tmp_path / "other" / "raw_audios").mkdir(parents=True)
    with pytest.raises(MissingFileError, match=r"holds no transcribed_data/en.*It holds raw_audios\..*get_asr_data"):
        prepared("voxpopuli", tmp_path / "other")
