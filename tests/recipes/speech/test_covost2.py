"""The recipe of CoVoST 2 on a small folder: its tables beside those of Common Voice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import ManifestError, MissingFileError
from manifests.reasons import Reason
from tests.recipes.speech.conftest import Prepared

VALIDATED = (
    "client_id\tpath\tsentence\tup_votes\tdown_votes\tage\tgender\taccent\n"
    'aa\tcv_1.mp3\tHe said "no.\t2\t0\ttwenties\tmale\tus\n'
    "bb\tcv_2.mp3\tGood morning.\t2\t0\t\t\t\n"
    "bb\tcv_3.mp3\tNobody translated this.\t2\t0\t\t\t\n"
    "cc\tcv_4.mp3\tIts clip is gone.\t2\t0\t\t\t\n"
    "cc\tcv_6.mp3\n"
)
GERMAN = (
    "path\ttranslation\tsplit\n"
    "cv_1.mp3\tEr sagte nein.\ttrain\n"
    "cv_2.mp3\tGuten Morgen.\tdev\n"
    "cv_4.mp3\tSein Clip fehlt.\ttest\n"
    "cv_5.mp3\tDer Satz fehlt.\ttrain\n"
    "cv_2.mp3\tNoch einmal.\tdev\n"
)


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "covost"
    for number in (1, 2, 3):
        tone(root / "en" / "clips" / f"cv_{number}.mp3", rate=48_000, pitch=200.0 * number)
    write(root / "en" / "validated.tsv", VALIDATED)
    write(root / "en" / "covost_v2.en_de.tsv", GERMAN)
    write(root / "en" / "covost_v2.en_zh-CN.tsv", "path\ttranslation\tsplit\ncv_2.mp3\t早上好。\ttrain_covost\n")
    return root


def test_translations_meet_their_clips(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("covost2", source)
    assert found.texts == {
        "en_de-cv_1": 'He said "no.',
        "en_de-cv_2": "Good morning.",
        "en_zh-CN-cv_2": "Good morning.",
    }
    assert found.splits == {"en_de-cv_1": "train", "en_de-cv_2": "dev", "en_zh-CN-cv_2": "train"}
    assert found.target("en_de-cv_1") == ("Er sagte nein.", "de")
    assert found.target("en_zh-CN-cv_2") == ("早上好。", "zh-CN")
    assert found.said("en_de-cv_2")[:2] == ("bb", "en")
    assert {row["custom"]["task"] for row in found.cuts.values()} == {"st"}
    assert found.cuts["en_de-cv_2"]["recording"]["id"] == found.cuts["en_zh-CN-cv_2"]["recording"]["id"]
    assert found.reasons == {
        "en_de-cv_4": Reason.audio_missing,
        "en_de-cv_5": Reason.text_missing,
        "en/covost_v2.en_de.tsv:6": Reason.bad_row,
        "en/validated.tsv:6": Reason.bad_row,
    }
    assert found.info.rejects == 4  # although that table is read for each pair


def test_another_version_or_folder_says_what_is_looked_for(source: Path, prepared: Callable[..., Prepared]) -> None:
    table = source / "en" / "covost_v2.en_de.tsv"
    table.write_text(GERMAN.replace("translation", "target"), encoding="utf-8")
    with pytest.raises(ManifestError, match=r"en_de\.tsv has no column translation\. It has path, target, split"):
        prepared("covost2", source)
    table.write_text(GERMAN, encoding="utf-8")
    (source / "en" / "validated.tsv").unlink()
    with pytest.raises(MissingFileError, match=r"holds no en/validated\.tsv"):
        prepared("covost2", source)
    with pytest.raises(MissingFileError, match=r"holds no en/covost_v2\.en_de\.tsv.*It holds clips"):
        prepared("covost2", source / "en")
