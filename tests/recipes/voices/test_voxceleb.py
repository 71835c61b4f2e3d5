"""The recipe of VoxCeleb on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.reasons import Reason
from tests.recipes.labelled import about, answers
from tests.recipes.speech.conftest import Prepared

VOX1 = (
    "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\nid10001\tA.J._Buckley\tm\tIreland\tdev\n"
    "id10270\tEartha_Kitt\tf\tUSA\ttest\n"
)


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "voxceleb1"
    names = ("id10001/1zcIwhmdeo4/00001", "id10270/x6uYqmx31kE/00001", "id99999/x/00001")
    for number, name in enumerate(names):
        tone(root / "wav" / f"{name}.wav", pitch=200.0 + number)
    (root / "wav" / "id10001" / "1zcIwhmdeo4" / "00002.wav").touch()
    write(root / "vox1_meta.csv", VOX1)
    return root


def test_one_person_speaks_and_the_table_says_who(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("voxceleb", source)
    one, other = "id10001-1zcIwhmdeo4-00001", "id10270-x6uYqmx31kE-00001"
    assert answers(found) == {one: ("speakers", "one speaker"), other: ("speakers", "one speaker")}
    assert found.splits == {one: "train", other: "test"}
    assert found.said(one) == ("id10001", None, "male") and found.said(other) == ("id10270", None, "female")
    assert about(found, one, "nationality") == ("Ireland",)


def test_what_cannot_be_used_is_a_reject(source: Path, prepared: Callable[..., Prepared]) -> None:
    assert prepared("voxceleb", source).reasons == {
        "wav/id99999/x/00001.wav": Reason.text_missing,
        "id10001-1zcIwhmdeo4-00002": Reason.audio_unreadable,
    }


def test_both_versions_are_read_below_one_folder(
    source: Path,
    prepared: Callable[..., Prepared],
    write: Callable[[Path, str], Path],
    m4a: Callable[[Path], Path],
) -> None:
    second = source.parent / "voxceleb2"
    m4a(second / "dev" / "aac" / "id00012" / "21Uxsk56VDQ" / "00001.m4a")
    write(second / "vox2_meta.csv", "VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set\nid00012 ,n000012 ,m ,dev\n")
    found = prepared("voxceleb", source.parent)
    assert found.splits["id00012-21Uxsk56VDQ-00001"] == "train"
    assert len(found.cuts) == 3


def test_lhotse_reads_the_same_of_a_clip(source: Path, prepared: Callable[..., Prepared]) -> None:
    from lhotse.recipes.voxceleb import SpeakerMetadata, _process_file

    found = prepared("voxceleb", source)
    facts = {"id10001": SpeakerMetadata("id10001", "A.J._Buckley", "m", "Ireland", "dev")}
    recording, one = _process_file(source / "wav" / "id10001" / "1zcIwhmdeo4" / "00001.wav", facts)
    cut = found.cuts[recording.id]
    assert (cut["supervisions"][0]["speaker"], cut["duration"]) == (one.speaker, one.duration)
    assert cut["custom"]["nationality"] == one.custom["nationality"]
