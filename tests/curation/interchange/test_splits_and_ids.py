"""Imports: names of splits, ids that stand for two things, names in use, values that a manifest cannot hold."""

from __future__ import annotations

import datetime
import decimal
import json
from pathlib import Path
from typing import Any

import pytest

from curation.interchange.huggingface import import_dataset, import_huggingface
from curation.interchange.kaldi import import_kaldi
from curation.interchange.nemo import import_nemo
from manifests.errors import InputError, ManifestError, OccupiedError, SettingsError
from manifests.files import read_json
from manifests.items import About
from tests.curation.interchange.test_import import ABOUT, dataset, kaldi, nemo, reasons, rows, tone

TEXT = {"text": "sentence"}


def about(**changes: Any) -> About:
    return About(**({"corpus": "told", "license": "CC0-1.0"} | changes))


def splits(output: Path) -> list[str]:
    return [row["custom"]["split"] for row in rows(output)]


def details(output: Path) -> list[str]:
    return [row["detail"] for row in rows(output, "rejects") if row["reason"] == "duplicate_id"]


def parts(folder: Path, *names: str) -> Any:
    from datasets import DatasetDict

    return DatasetDict({name: dataset(folder / name.strip("/"), [f"said in {name}"]) for name in names})


def test_splits_of_a_dataset_by_their_names(tmp_path: Path) -> None:
    info = import_dataset(parts(tmp_path, "train.clean.100", "eval", "heldout", "VALID"), tmp_path, ABOUT, columns=TEXT)
    assert info.splits == {"train.clean.100": "train", "eval": "test", "heldout": "test", "VALID": "dev"}
    assert sorted(splits(tmp_path)) == ["dev", "test", "test", "train"]
    assert read_json(tmp_path / "told" / "corpus.json")["splits"] == info.splits


def test_unknown_splits_stop_the_import_before_anything_is_written(tmp_path: Path) -> None:
    both = parts(tmp_path, "train", "validated", "other")
    with pytest.raises(SettingsError, match=r"`split_map`, once for each: validated=train other=train"):
        import_dataset(both, tmp_path / "out", ABOUT, columns=TEXT)
    assert not (tmp_path / "out").exists()
    mapped = about(split_map={"validated": "dev", "other": "reject"})
    info = import_dataset(both, tmp_path / "out", mapped, columns=TEXT)
    assert info.splits == {"train": "train", "validated": "dev", "other": "reject"}
    assert sorted(splits(tmp_path / "out")) == ["dev", "train"]
    assert reasons(tmp_path / "out") == {"told-other-000000": "out_of_scope"}


def test_a_column_names_the_split_of_a_dataset_of_one_part(tmp_path: Path) -> None:
    from datasets import ClassLabel, DatasetDict

    table = dataset(tmp_path, ["one", "two"]).add_column("split", ["train", "testclean"])
    import_dataset(DatasetDict({"train": table}), tmp_path / "text", ABOUT, columns=TEXT)
    assert splits(tmp_path / "text") == ["train", "test"]
    classes = table.cast_column("split", ClassLabel(names=["testclean", "train"]))
    import_dataset(classes, tmp_path / "classes", ABOUT, columns=TEXT)
    assert splits(tmp_path / "classes") == ["train", "test"]
    with pytest.raises(SettingsError, match="row 1 of the dataset: split 'later'"):
        import_dataset(table.remove_columns("split").add_column("split", ["train", "later"]), tmp_path / "no", ABOUT)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["heldout"], ["test"]),  # of which `datasets` by itself makes train
        (["train", "heldout"], ["train", "test"]),  # and this it leaves out
        (["data/test-clean-00000-of-00001", "data/dev2-0"], ["dev", "test"]),
        (["validation/0000", "train/0000"], ["dev", "train"]),
    ],
)
def test_files_of_a_dataset_by_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], expected: list[str]
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    for name in names:
        path = tmp_path / "parquet" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        dataset(tmp_path / path.stem, ["one"]).to_parquet(path)
    import_huggingface(str(tmp_path / "parquet"), tmp_path / "out", ABOUT, columns=TEXT)
    assert sorted(splits(tmp_path / "out")) == sorted(expected)


def test_a_folder_that_datasets_would_take_for_train_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "heldout.jsonl").write_text('{"sentence": "x"}\n')
    with pytest.raises(InputError, match=r"heldout\.jsonl is named for test, but `datasets` loads the folder as train"):
        import_huggingface(str(tmp_path / "text"), tmp_path / "out", ABOUT)


@pytest.mark.parametrize(
    ("name", "row", "changes", "expected"),
    [
        ("dev.json", {}, {}, "dev"),
        ("test_other_manifest.json", {}, {}, "test"),
        ("manifest.json", {}, {}, "train"),
        ("dev.json", {"split": "eval"}, {}, "test"),
        ("dev.json", {}, {"split": "TRAIN"}, "train"),
        ("validated.json", {}, {"split_map": {"validated": "dev"}}, "dev"),
        ("all.json", {"split": "XL"}, {"split_map": {"xl": "train"}}, "train"),
    ],
)
def test_the_split_of_nemo_rows(
    tmp_path: Path, name: str, row: dict[str, str], changes: dict[str, Any], expected: str
) -> None:
    tone(tmp_path / "a.wav")
    path = nemo(tmp_path, [{"audio_filepath": "a.wav", "text": "x"} | row], name)
    import_nemo([path], tmp_path / "out", about(**changes))
    assert splits(tmp_path / "out") == [expected]


def test_unknown_names_of_nemo_rows_and_files_are_asked_for(tmp_path: Path) -> None:
    lines = [{"audio_filepath": "a.wav", "text": "x", "split": "extra"}, {"audio_filepath": "a.wav", "text": "y"}]
    with pytest.raises(SettingsError) as error:
        import_nemo([nemo(tmp_path, lines, "unsupervised.json")], tmp_path / "out", ABOUT)
    for said in (
        "unsupervised.json:1: split 'extra'",
        "unsupervised.json:2: split 'unsupervised' (audio without labels)",
    ):
        assert said in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "expected"), [("test_clean", "test"), ("eval2000", "test"), ("cv", "dev"), ("x", "train")]
)
def test_a_kaldi_folder_is_the_split_that_its_name_says(tmp_path: Path, name: str, expected: str) -> None:
    tone(tmp_path / name / "a.wav")
    folder = kaldi(tmp_path / name, wav_scp="a a.wav\n", text="a words\n")
    assert import_kaldi(folder, tmp_path / "out", ABOUT).splits == {name if name != "x" else "": expected}
    assert splits(tmp_path / "out") == [expected]


def test_ids_on_two_lines_of_a_kaldi_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        tone(tmp_path / "data" / f"{name}.wav", level=0.1 if name == "a" else 0.2)
    folder = kaldi(
        tmp_path / "data",
        wav_scp="r1 a.wav\nr1 b.wav\n",
        segments="u1 r1 0 1\nu2 r1 1 2\nu1 r1 0.5 1.5\n",
        text="u1 first\nu2 words\nu2 other words\n",
        utt2spk="u1 s1\nu2 s1\nu1 s2\n",
    )
    assert import_kaldi(folder, tmp_path / "out", ABOUT).cuts == 2
    found = {row["id"]: row for row in rows(tmp_path / "out")}
    assert [found[f"told-{key}"]["supervisions"][0]["text"] for key in ("u1", "u2")] == ["first", "words"]
    assert found["told-u1"]["recording"]["sources"][0]["source"].endswith("a.wav")
    assert sorted(details(tmp_path / "out")) == [
        "segments:3: the id 'u1' is that of segments:1, which was kept",
        "text:3: the id 'u2' is that of text:2, which was kept",
        "utt2spk:3: the id 'u1' is that of utt2spk:1, which was kept",
        "wav.scp:2: the id 'r1' is that of wav.scp:1, which was kept",
    ]


def test_nemo_manifests_of_one_name(tmp_path: Path) -> None:
    """Ids come from the manifest's name and line; recordings with the same relative path are told apart."""
    paths = []
    for number, folder in enumerate(("one", "two"), 1):
        tone(tmp_path / folder / "wav" / "a.wav", level=number / 10)
        paths.append(nemo(tmp_path / folder, [{"audio_filepath": "wav/a.wav", "text": "x"}], "train.json"))
    assert import_nemo(paths, tmp_path / "out", ABOUT).cuts == 1
    (found,) = details(tmp_path / "out")
    assert "two/train.json:1: the id 'train-000001' is that of" in found
    assert "one/train.json:1, which was kept" in found
    paths[1] = paths[1].rename(tmp_path / "two" / "train2.json")
    import_nemo(paths, tmp_path / "both", ABOUT)
    assert [row["recording"]["id"] for row in rows(tmp_path / "both")] == ["told-one/wav/a", "told-two/wav/a"]


def test_one_recording_id_for_two_files_of_nemo(tmp_path: Path) -> None:
    tone(tmp_path / "a.wav", level=0.1)
    tone(tmp_path / "a.flac", level=0.2)
    lines = [{"audio_filepath": name, "text": "x"} for name in ("a.wav", "a.flac")]
    assert import_nemo([nemo(tmp_path, lines)], tmp_path / "out", ABOUT).cuts == 1
    (found,) = details(tmp_path / "out")
    assert "train.json:2: the recording id 'a' is that of other audio in" in found
    assert "train.json:1, which was kept" in found


def test_a_column_of_ids_that_are_not_unique(tmp_path: Path) -> None:
    table = dataset(tmp_path, ["one", "two", "three"]).add_column("id", [7, 0, 7])
    assert import_dataset(table, tmp_path / "out", ABOUT, columns=TEXT).cuts == 2
    assert [row["id"] for row in rows(tmp_path / "out")] == ["told-0", "told-7"]
    assert details(tmp_path / "out") == [
        "row 2 of the dataset: the id '7' is that of row 0 of the dataset, which was kept"
    ]


def test_another_corpus_under_a_name_in_use_is_refused(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        tone(tmp_path / folder / "a.wav")
        nemo(tmp_path / folder, [{"audio_filepath": "a.wav", "text": f"words of {folder}"}])
    one, two = (tmp_path / folder / "train.json" for folder in ("one", "two"))
    import_nemo([one], tmp_path / "out", ABOUT)
    before = (tmp_path / "out" / "told" / "cuts.jsonl.gz").read_bytes()
    with pytest.raises(OccupiedError, match=r"holds another corpus \(imported from .*one/train.json; asked: .*two"):
        import_nemo([two], tmp_path / "out", ABOUT)
    with pytest.raises(OccupiedError, match="holds another corpus"):
        import_dataset(dataset(tmp_path, ["one"]), tmp_path / "out", ABOUT, columns=TEXT)
    assert (tmp_path / "out" / "told" / "cuts.jsonl.gz").read_bytes() == before


def test_a_corpus_is_imported_again_from_its_place_or_with_its_content(tmp_path: Path) -> None:
    tone(tmp_path / "a.wav")
    path = nemo(tmp_path, [{"audio_filepath": "a.wav", "text": "x"}])
    import_nemo([path], tmp_path / "out", ABOUT)
    nemo(tmp_path, [{"audio_filepath": "a.wav", "text": "corrected"}])
    import_nemo([path], tmp_path / "out", ABOUT)
    assert rows(tmp_path / "out")[0]["supervisions"][0]["text"] == "corrected"
    import_nemo([path.rename(tmp_path / "moved.json")], tmp_path / "out", ABOUT)
    assert rows(tmp_path / "out")[0]["id"] == "told-moved-000001"
    for texts in (["one"], ["two"]):
        loaded = dataset(tmp_path / "hf", texts)
        import_dataset(loaded, tmp_path / texts[0], ABOUT, columns=TEXT)
        import_dataset(loaded, tmp_path / texts[0], ABOUT, columns=TEXT)
    with pytest.raises(OccupiedError, match="imported from dataset"):
        import_dataset(loaded, tmp_path / "one", ABOUT, columns=TEXT)


@pytest.mark.parametrize(
    "value",
    [
        decimal.Decimal("1.5"),
        datetime.datetime(2026, 1, 2),
        datetime.date(2026, 1, 2),
        datetime.time(1),
        datetime.timedelta(1),
        b"\x00",
        [b"a"],
        {"when": datetime.date(2026, 1, 2)},
    ],
)
@pytest.mark.parametrize("column", ["extra", "speaker"])
def test_columns_of_what_a_manifest_cannot_hold(tmp_path: Path, value: Any, column: str) -> None:
    from datasets import Dataset

    table = dataset(tmp_path, ["one"]).remove_columns([column] if column == "speaker" else [])
    import pyarrow as pa

    with_it = table.data.table.append_column(column, pa.array([value]))
    wide = Dataset(with_it)
    wide = wide.cast_column("audio", table.features["audio"])
    with pytest.raises(ManifestError, match=f"column '{column}' holds"):
        import_dataset(wide, tmp_path / "out", ABOUT, columns=TEXT)
    assert not (tmp_path / "out").exists()
    assert import_dataset(wide, tmp_path / "out", ABOUT, columns=TEXT, without=[column]).cuts == 1


def test_a_second_column_of_audio_and_ids_that_are_paths(tmp_path: Path) -> None:
    table = dataset(tmp_path, ["one"])
    both = table.add_column("id", ["clips/a.mp3"])
    import_dataset(both, tmp_path / "out", ABOUT, columns=TEXT)
    (found,) = rows(tmp_path / "out", "cuts")
    assert found["id"] == "told-clips/a.mp3"
    with pytest.raises(SettingsError, match="without names nothing, which is no column"):
        import_dataset(table, tmp_path / "out", ABOUT, columns=TEXT, without=["nothing"])


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_has_no_word_for_are_rejects_with_the_field(tmp_path: Path, number: str) -> None:
    tone(tmp_path / "a.wav")
    line = '{"audio_filepath": "a.wav", "text": "x", "measured": {"snr": [1.5, NUMBER]}}'.replace("NUMBER", number)
    import_nemo([nemo(tmp_path, [line])], tmp_path / "out", ABOUT)
    (found,) = rows(tmp_path / "out", "rejects")
    assert found["reason"] == "bad_row"
    assert "nemo.measured.snr[1] is" in found["detail"]
    assert json.loads((tmp_path / "out" / "told" / "corpus.json").read_text())["cuts"] == 0


def test_rows_of_a_tarred_manifest_say_so(tmp_path: Path) -> None:
    lines = [{"audio_filepath": "a.wav", "duration": 1.0, "text": "x", "shard_id": 0}]
    assert import_nemo([nemo(tmp_path, lines)], tmp_path / "out", ABOUT).cuts == 0
    (found,) = rows(tmp_path / "out", "rejects")
    assert (found["reason"], "tarred" in found["detail"]) == ("audio_missing", True)
