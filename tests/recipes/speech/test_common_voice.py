"""The recipe of Common Voice on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import ManifestError, MissingFileError
from manifests.reasons import Reason
from tests.recipes.speech.conftest import Prepared

HEADINGS = (
    "client_id\tpath\tsentence\tup_votes\tdown_votes\tage\tgender\taccents\tvariant\tlocale\tsegment\n"  # of 13.0
)
OLD = "client_id\tpath\tsentence\tup_votes\tdown_votes\tage\tgender\taccent\n"  # of 4
TRAIN = (
    'aa\tcommon_voice_en_1.mp3\tHe said "no.\t2\t0\ttwenties\tmale\tUnited States English\t\ten\t\n'
    "bb\tcommon_voice_en_2.mp3\tGood morning.\t2\t0\t\tfemale_feminine\t\t\ten\t\n"
    "bb\tcommon_voice_en_3.mp3\t\t2\t0\t\t\t\t\ten\t\n"
    "bb\tcommon_voice_en_9.mp3\tNot there.\t2\t0\t\t\t\t\ten\t\n"
    "bb\t../../etc/passwd\tA path.\t2\t0\t\t\t\t\ten\t\n"
    "bb\tcut short\n"
)


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "cv-corpus-13.0-2023-03-09"
    for number in (1, 2, 3):
        tone(root / "en" / "clips" / f"common_voice_en_{number}.mp3", rate=48_000, pitch=200.0 * number)
    tone(root / "de" / "clips" / "common_voice_de_7.mp3", rate=48_000)
    write(root / "en" / "train.tsv", HEADINGS + TRAIN)
    write(root / "de" / "test.tsv", f"{OLD}cc\tcommon_voice_de_7\tGuten Morgen.\t2\t0\tsixties\tother\taustria\n")
    write(root / "de" / "validated.tsv", f"{OLD}cc\tcommon_voice_de_8.mp3\tNicht hier.\t2\t0\t\t\t\n")
    return root


def test_clips_with_age_gender_and_accent(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("common_voice", source)
    assert found.texts == {
        "common_voice_en_1": 'He said "no.',
        "common_voice_en_2": "Good morning.",
        "common_voice_de_7": "Guten Morgen.",
    }
    assert found.splits == {"common_voice_en_1": "train", "common_voice_en_2": "train", "common_voice_de_7": "test"}
    assert found.said("common_voice_en_1") == ("aa", "en", "male")
    assert found.said("common_voice_en_2") == ("bb", "en", "female")
    assert found.said("common_voice_de_7") == ("cc", "de", "other")
    about = {key: (row["custom"].get("age"), row["custom"].get("accent")) for key, row in found.cuts.items()}
    assert about == {
        "common_voice_en_1": ("twenties", "United States English"),
        "common_voice_en_2": (None, None),
        "common_voice_de_7": ("sixties", "austria"),
    }
    assert found.reasons == {
        "common_voice_en_3": Reason.empty_text,
        "common_voice_en_9": Reason.audio_missing,
        "en/train.tsv:6": Reason.bad_row,
        "en/train.tsv:7": Reason.bad_row,
    }


def test_the_folder_of_one_language_is_read_too(source: Path, prepared: Callable[..., Prepared]) -> None:
    assert prepared("common_voice", source / "de").said("common_voice_de_7")[1] == "de"


def test_lhotse_reads_the_same_of_a_row(source: Path, prepared: Callable[..., Prepared]) -> None:
    from lhotse.recipes.commonvoice import _parse_utterance  # prepare_commonvoice starts processes

    found = prepared("common_voice", source)
    rows = [dict(zip(HEADINGS.split(), line.split("\t"), strict=False)) for line in TRAIN.splitlines()[:2]]
    for key, row in zip(("common_voice_en_1", "common_voice_en_2"), rows, strict=True):
        parsed = _parse_utterance(source / "en", "en", row)
        assert parsed is not None
        one = parsed[1]
        assert (one.id, one.text, one.speaker, one.duration) == (
            key,
            found.texts[key],
            found.said(key)[0],
            found.span(key)[1],
        )


def test_another_table_or_folder_says_what_is_looked_for(source: Path, prepared: Callable[..., Prepared]) -> None:
    (source / "de" / "test.tsv").write_text("path\ttext\n", encoding="utf-8")
    with pytest.raises(ManifestError, match=r"has no column client_id, sentence\. It has path, text"):
        prepared("common_voice", source)
    with pytest.raises(MissingFileError, match=r"holds no en/train\.tsv.*It holds common_voice_en_1\.mp3"):
        prepared("common_voice", source / "en" / "clips")
