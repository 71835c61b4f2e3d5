"""The recipe of FLEURS on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import MissingFileError
from manifests.reasons import Reason
from tests.recipes.speech.conftest import Prepared

ENGLISH = (
    '7\t100.wav\tThe "Dr. came.\tthe doctor came\tt h e |\t8000\tFEMALE\n'
    "7\t101.wav\tThe Dr. came.\tthe doctor came\tt h e |\t9999999\tMALE\n"
    "8\t102.wav\tGone.\tgone\tg |\t8000\tMALE\n"
    "8\t103.wav\tNo number.\tno number\tn |\tmany\tMALE\n"
    "8\t104.wav\tshort\n"
)


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    data = tmp_path / "fleurs" / "data"
    write(data / "en_us" / "train.tsv", ENGLISH)
    for number in (100, 101, 109):
        tone(data / "en_us" / "audio" / "train" / f"{number}.wav", pitch=2.0 * number)
    write(data / "nb_no" / "dev.tsv", "7\t100.wav\tDoktoren kom.\tdoktoren kom\td |\t8000\tMALE\n")
    tone(data / "nb_no" / "audio" / "dev" / "100.wav", pitch=300.0)
    write(data / "cmn_hans_cn" / "test.tsv", "7\t100.wav\t医生来了。\t医生来了\td |\t8000\tFEMALE\n")
    tone(data / "cmn_hans_cn" / "audio" / "test" / "100.wav", pitch=310.0)
    return tmp_path / "fleurs"


@pytest.mark.parametrize("named", [".", "data"])
def test_sentences_languages_and_rejects(source: Path, prepared: Callable[..., Prepared], named: str) -> None:
    found = prepared("fleurs", source / named)
    assert found.texts == {
        "en_us-train-100": "the doctor came",
        "nb_no-dev-100": "doktoren kom",
        "cmn_hans_cn-test-100": "医生来了",
    }
    assert found.splits == {"en_us-train-100": "train", "nb_no-dev-100": "dev", "cmn_hans_cn-test-100": "test"}
    assert {key: found.said(key) for key in found.texts} == {
        "en_us-train-100": (None, "en", "female"),
        "nb_no-dev-100": (None, "nb", "male"),
        "cmn_hans_cn-test-100": (None, "zh", "female"),
    }
    assert {row["custom"]["sentence"] for row in found.cuts.values()} == {"7"}
    table = f"{'' if named == 'data' else 'data/'}en_us/train.tsv"
    assert found.reasons == {
        "en_us-train-101": Reason.duration_mismatch,
        "en_us-train-102": Reason.audio_missing,
        f"{table}:4": Reason.bad_row,
        f"{table}:5": Reason.bad_row,
        "109": Reason.text_missing,
    }


def test_lhotse_reads_the_same_of_its_own_layout(
    tmp_path: Path,
    prepared: Callable[..., Prepared],
    tone: Callable[..., Path],
    write: Callable[[Path, str], Path],
) -> None:
    from lhotse.recipes.fleurs import prepare_single_fleurs_language

    root = tmp_path / "lhotse"
    for number, part in enumerate(("train", "dev", "test")):
        row = f"{number}\t{number}.wav\tRaw {part}.\traw {part}\tr |\t8000\tMALE\n"
        write(root / "metadata" / "en_us" / f"{part}.tsv", row)
        tone(root / "en_us" / part / f"{number}.wav", pitch=200.0 + 50 * number)
    found = prepared("fleurs", root)
    theirs = prepare_single_fleurs_language(root / "en_us", language="en_us")
    assert {
        f"en_us-{part}-{one.recording_id}": (one.text, one.duration)
        for part, sets in theirs.items()
        for one in sets["supervisions"]
    } == {key: (found.texts[key], found.span(key)[1]) for key in found.cuts}
    assert len(found.cuts) == 3


def test_another_folder_says_what_is_looked_for(tmp_path: Path, prepared: Callable[..., Prepared]) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(MissingFileError, match=r"holds no en_us/train\.tsv or another language.*google/fleurs"):
        prepared("fleurs", tmp_path / "other")
