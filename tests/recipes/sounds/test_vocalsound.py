"""The recipe of VocalSound on a small folder in its layout."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import InputError, ManifestError, MissingFileError
from manifests.reasons import Reason
from tests.recipes.labelled import heard
from tests.recipes.speech.conftest import Prepared


def listed(*names: str) -> str:
    return json.dumps({"data": [{"wav": f"/data/audio_16k/{name}.wav", "labels": "/m/01b_21"} for name in names]})


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "vs_release_16k"
    names = ("f0003_0_cough", "f0003_0_throatclearing", "m0007_1_sniff", "m0009_0_sigh", "m0011_0_sneeze")
    for number, name in enumerate(names):
        tone(root / "audio_16k" / f"{name}.wav", pitch=200.0 + number)
    write(root / "datafiles" / "tr.json", listed("f0003_0_cough", "f0003_0_throatclearing", "f9_0_cough", "noise"))
    write(root / "datafiles" / "val.json", listed("m0007_1_sniff"))
    write(root / "datafiles" / "te.json", listed("m0009_0_sigh"))
    write(root / "meta" / "tr_meta.csv", "f0003,Female,28,USA,English,no\nf0004,Female\n")
    return root


def test_the_name_says_the_sound_and_the_speaker_and_lists_are_splits(
    source: Path, prepared: Callable[..., Prepared]
) -> None:
    found = prepared("vocalsound", source)
    assert heard(found) == {
        "f0003_0_cough": (["Cough"], "cough", "Cough."),
        "f0003_0_throatclearing": (["Throat clearing"], "throatclearing", "Throat clearing."),
        "m0007_1_sniff": (["Sniff"], "sniff", "Sniff."),
        "m0009_0_sigh": (["Sigh"], "sigh", "Sigh."),
    }
    assert found.splits["m0007_1_sniff"] == "dev" and found.splits["m0009_0_sigh"] == "test"
    assert found.said("f0003_0_cough") == ("f0003", None, "female")
    custom = found.cuts["f0003_0_cough"]["custom"]
    assert (custom["age"], custom["country"], custom["native_language"], custom["health"]) == (
        "28",
        "USA",
        "English",
        "no",
    )


def test_what_cannot_be_used_is_a_reject(source: Path, prepared: Callable[..., Prepared]) -> None:
    assert prepared("vocalsound", source).reasons == {
        "f9_0_cough": Reason.audio_missing,
        "datafiles/tr.json, row 3": Reason.bad_row,
        "m0011_0_sneeze": Reason.text_missing,
    }


def test_a_wrong_folder_or_list_is_an_error(
    source: Path, prepared: Callable[..., Prepared], write: Callable[[Path, str], Path]
) -> None:
    (source / "audio_16k").rename(source / "audio")
    with pytest.raises(MissingFileError, match=r"holds no datafiles/tr.json, and audio_16k/.* It holds audio"):
        prepared("vocalsound", source)
    (source / "audio").rename(source / "audio_44k")
    write(source / "datafiles" / "tr.json", '{"data": 1}')
    with pytest.raises(ManifestError, match="`data` is no list"):
        prepared("vocalsound", source)


def test_a_table_of_people_outside_the_corpus_is_not_read(
    source: Path, tmp_path: Path, prepared: Callable[..., Prepared]
) -> None:
    table = source / "meta" / "tr_meta.csv"
    table.rename(tmp_path / "others.csv")
    table.symlink_to(tmp_path / "others.csv")
    with pytest.raises(InputError, match=r"tr_meta.csv is a link to .*follow_links"):
        prepared("vocalsound", source)
