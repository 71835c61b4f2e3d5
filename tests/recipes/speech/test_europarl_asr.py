"""The recipe of Europarl-ASR on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import MissingFileError
from manifests.reasons import Reason
from tests.recipes.speech.conftest import Prepared

SPEECHES = "term;session_date;speech_id;speaker_type;speaker_id;raw_dur;path\n8;2015-01-12;3-017;mep;28115;3.0;x\n"
SPEAKERS = "type;id;name;gender;url\nmep;28115;Jane Doe;F;x\n"
SUBTITLES = """1
00:00:00,000 --> 00:00:01,250
Mr President,
I have the floor.

2
00:00:01,250 --> 00:00:02,5
thank you.

3
00:00:02 -> 00:00:03
it has no time

4
00:00:02,500 --> 00:00:09,000
past the end
"""


@pytest.fixture
def source(tmp_path: Path, m4a: Callable[[Path], Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "Europarl-ASR"
    train = root / "en" / "train" / "original_audio"
    write(train / "metadata" / "speeches.csv", SPEECHES)
    write(train / "metadata" / "speakers.csv", SPEAKERS)
    for place, key, transcripts in (
        (train, "8.2015-01-12.3-017", {"verb": SUBTITLES, "orig": "1\n00:00:00,000 --> 00:00:01,000\nofficial\n"}),
        (train, "8.2015-01-12.3-018", {"orig": "1\n00:00:00,000 --> 00:00:01,000\nofficial only\n"}),
        (train, "8.2015-01-12.3-019", {}),
        (
            root / "en" / "dev" / "original_audio" / "spk-indep",
            "8.2016-02-01.1-002",
            {"rev": "1\n00:00:00,500 --> 00:00:01,000\nrevised\n"},
        ),
    ):
        folder = place / "speeches" / key.replace(".", "/")
        m4a(folder / f"ep-asr.en.orig.{key}.m4a")
        for kind, text in transcripts.items():
            write(folder / f"ep-asr.en.orig.{key}.tr.{kind}.srt", text)
    return root


def test_subtitles_become_cuts_of_the_best_transcript(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("europarl_asr", source)
    assert found.texts == {
        "8.2015-01-12.3-017-0000000": "Mr President, I have the floor.",
        "8.2015-01-12.3-017-0001250": "thank you.",
        "8.2015-01-12.3-018-0000000": "official only",
        "8.2016-02-01.1-002-0000500": "revised",
    }
    assert found.splits["8.2016-02-01.1-002-0000500"] == "dev"
    assert found.span("8.2015-01-12.3-017-0001250") == (1.25, 1.25)
    assert found.said("8.2015-01-12.3-017-0000000") == ("28115", "en", "female")
    assert found.said("8.2015-01-12.3-018-0000000") == (None, "en", None)
    assert {row["custom"]["transcript"] for row in found.cuts.values()} == {"verb", "orig", "rev"}
    assert found.reasons == {
        "8.2015-01-12.3-017-10": Reason.bad_row,
        "8.2015-01-12.3-017-0002500": Reason.bad_row,
        "8.2015-01-12.3-019": Reason.text_missing,
    }
    assert "-->" in found.rejects["8.2015-01-12.3-017-10"]["detail"]


def test_another_folder_says_what_is_looked_for(tmp_path: Path, prepared: Callable[..., Prepared]) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingFileError, match=r"holds no en/train/original_audio/speeches.*It holds nothing"):
        prepared("europarl_asr", tmp_path / "empty")
