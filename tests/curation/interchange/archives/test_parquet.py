from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.interchange.archives.parquet import RowLayout, import_parquet, open_parts, read_plan
from curation.interchange.huggingface import import_huggingface
from manifests.errors import InputError, ManifestError, SettingsError
from manifests.files import read_jsonl
from manifests.items import About
from tests.curation.interchange.archives.tars import tone
from tests.curation.interchange.archives.test_webdataset import cuts, rejects

ABOUT = About("web", "CC0-1.0", language="en")


def write(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, **options)
    return path


def sounds(count: int, *, first: int = 0) -> list[dict[str, Any]]:
    return [{"bytes": tone(seed=first + n), "path": f"{n}.flac"} for n in range(count)]


def taken(tmp_path: Path, *sources: Path, **layout: Any) -> dict[str, dict[str, Any]]:
    import_parquet(sources, tmp_path / "corpora", ABOUT, RowLayout(**layout))
    return cuts(tmp_path / "corpora")


AUDIO: dict[str, Callable[[Path], list[Any]]] = {
    "a file": lambda _: sounds(3),
    "bytes": lambda _: [one["bytes"] for one in sounds(3)],
    "a path": lambda folder: [f"{n}.flac" for n in range(3)],
    "a path in a struct": lambda folder: [{"bytes": None, "path": str(folder / f"{n}.flac")} for n in range(3)],
}


@pytest.mark.parametrize("kind", AUDIO)
def test_sound_in_every_form(tmp_path: Path, kind: str) -> None:
    for n in range(3):
        (tmp_path / f"{n}.flac").write_bytes(tone(seed=n))
    audio = AUDIO[kind](tmp_path)
    if kind == "a path in a struct":
        audio = pa.array(audio, pa.struct({"bytes": pa.binary(), "path": pa.string()}))
    write(tmp_path / "dev-00000-of-00001.parquet", {"audio": audio, "text": ["a", "b", "c"], "snr": [1.5, None, 2.0]})
    found = taken(tmp_path, tmp_path / "dev-00000-of-00001.parquet")
    assert {key: (row["supervisions"][0]["text"], row["custom"]["split"]) for key, row in found.items()} == {
        f"web-dev-{n:06}": (text, "dev") for n, text in enumerate("abc")
    }
    for n, row in enumerate(found.values()):
        assert Path(row["recording"]["sources"][0]["source"]).read_bytes() == tone(seed=n)
    assert found["web-dev-000000"]["custom"]["columns"] == {"snr": 1.5}


def test_columns_of_other_names_and_rows_that_name_their_split(tmp_path: Path) -> None:
    columns = {
        "wav": sounds(2),
        "say": ["a", "b"],
        "part": ["train", "validation"],
        "who": [1, 2],
        "x": [date(2020, 1, 1)] * 2,
    }
    path = write(tmp_path / "all.parquet", columns)
    names = {"text": "say", "split": "part", "speaker": "who"}
    found = taken(tmp_path, path, columns=names, without=["x"])
    told = [
        (row["custom"]["split"], row["supervisions"][0]["text"], row["supervisions"][0]["speaker"])
        for row in found.values()
    ]
    assert sorted(told) == [("dev", "b", "2"), ("train", "a", "1")]


def test_classes_are_their_names(tmp_path: Path) -> None:
    from datasets import Audio, ClassLabel, Features, Value

    features = Features({"audio": Audio(), "sound": ClassLabel(names=["Dog", "Cat"]), "text": Value("string")})
    table = pa.table({"audio": sounds(2), "sound": [1, -1], "text": ["a", "b"]}).cast(features.arrow_schema)
    pq.write_table(table, tmp_path / "train.parquet")
    found = taken(tmp_path, tmp_path / "train.parquet")
    labels = [(row["supervisions"][0].get("custom") or {}).get("sound") for row in found.values()]
    assert labels == [["Cat"], None]


CLASSES: dict[
    str, tuple[pa.DataType, list[Any], dict[int, list[str] | None]]
] = {  # -> labels of the rows that are kept
    "gaps in lists": (pa.list_(pa.int64()), [[0, 1], [0, None], [7]], {0: ["Dog", "Cat"]}),
    "names already": (pa.string(), ["Dog", None, "Bee"], {0: ["Dog"], 1: None, 2: ["Bee"]}),
}


@pytest.mark.parametrize("name", CLASSES)
def test_classes_that_are_no_numbers(tmp_path: Path, name: str) -> None:
    kind, values, labels = CLASSES[name]
    said = {"info": {"features": {"sound": {"names": ["Dog", "Cat"], "_type": "ClassLabel"}}}}
    table = pa.table({"audio": sounds(3), "sound": pa.array(values, kind), "text": ["a", "b", "c"]})
    table = table.replace_schema_metadata({b"huggingface": json.dumps(said).encode()})
    pq.write_table(table, tmp_path / "train.parquet")
    found = taken(tmp_path, tmp_path / "train.parquet")
    kept = {int(key[-6:]): (row["supervisions"][0].get("custom") or {}).get("sound") for key, row in found.items()}
    assert kept == labels
    assert [reason for reason, _ in rejects(tmp_path / "corpora").values()] == ["bad_row"] * (3 - len(labels))


REFUSED = {
    "no sound": ({"text": ["a"]}, {}, "no column of audio"),
    "samples": ({"audio": [[0.1, 0.2]], "text": ["a"]}, {}, "expected the bytes of a file"),
    "a date": ({"audio": sounds(1), "text": ["a"], "when": [date(2020, 1, 1)]}, {}, "column 'when' holds date32"),
    "a list": ({"audio": sounds(1), "text": [["a", "b"]]}, {}, "column 'text' holds list"),
    "no column": ({"audio": sounds(1), "text": ["a"]}, {"columns": {"text": "say"}}, "text=say"),
    "nothing left out": ({"audio": sounds(1), "text": ["a"]}, {"without": ["say"]}, "without names say"),
    "a split": ({"audio": sounds(1), "text": ["a"], "split": ["sideways"]}, {}, "sideways"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    columns, layout, said = REFUSED[name]
    path = write(tmp_path / "train.parquet", columns)
    with pytest.raises((ManifestError, SettingsError), match=said):
        taken(tmp_path, path, **layout)
    assert not (tmp_path / "corpora").exists()


def test_bad_rows_are_rejects(tmp_path: Path) -> None:
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    audio = pa.array([*sounds(2), None, {"bytes": b"", "path": None}, {"bytes": b"xyz", "path": "x.wav"},
                      {"bytes": None, "path": "../gone.wav"}, {"bytes": None, "path": "a\0b"}], kind)  # fmt: skip
    columns = {"audio": audio, "text": ["a", None, "c", "d", "e", "f", "g"], "duration": [0.5] * 7}
    found = taken(tmp_path, write(tmp_path / "train.parquet", columns))
    assert list(found) == ["web-train-000000"]
    reasons = [reason for _, (reason, _) in sorted(rejects(tmp_path / "corpora").items())]
    assert reasons == [
        "text_missing",
        "audio_missing",
        "audio_missing",
        "audio_unreadable",
        "audio_missing",
        "audio_missing",
    ]


@pytest.mark.parametrize("how", ["head", "tail", "middle", "none"])
def test_a_damaged_file_is_an_error_and_leaves_no_corpus(tmp_path: Path, how: str) -> None:
    path = write(tmp_path / "train.parquet", {"audio": sounds(20), "text": ["a"] * 20}, row_group_size=5)
    data = path.read_bytes()
    half = len(data) // 2
    bad = {"head": b"\0" * 4 + data[4:], "tail": data[:-20], "none": b"no Parquet" * 9}.get(how)
    path.write_bytes(bad or data[: half - 30000] + b"\xff" * 60000 + data[half + 30000 :])
    if how == "head":  # its magic number alone: every reader of it goes by the end
        assert len(taken(tmp_path, path)) == 20
        return
    with pytest.raises(InputError, match=r"train\.parquet"):
        taken(tmp_path, path)
    assert not (tmp_path / "corpora" / "web" / "cuts.jsonl.gz").exists()


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        columns = {
            "audio": [b"\0" * 20_000] * count,
            "text": ["a"] * count,
        }  # no sound: what is measured is the reading
        path = write(tmp_path / f"{count}.parquet", columns, use_dictionary=False, row_group_size=50)
        parts, most, before = open_parts([path]), 0, pa.total_allocated_bytes()
        ((read,),) = read_plan(parts, RowLayout())
        for _ in parts[0].tables[0].rows(read.names):
            most = max(most, pa.total_allocated_bytes() - before)
        return most

    assert peak(400) < 1.5 * peak(100) < 3e6


@pytest.mark.parametrize("layout", ["plain", "saved", "described"])
def test_a_stream_gives_the_corpus_that_the_dataset_gives(
    tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datasets import Audio, ClassLabel, Dataset, DatasetDict, Features, Value

    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    kinds = Features({"audio": Audio(), "text": Value("string"), "sound": ClassLabel(names=["Dog", "Cat"]),
                      "n": Value("int64")})  # fmt: skip
    parts = {}
    for place, name in enumerate(("train", "validation")):
        rows = {"audio": sounds(20, first=20 * place), "text": [f"{name} {n}" for n in range(20)], "sound": [0, 1] * 10}
        table = pa.table(rows | {"n": list(range(20))}).cast(kinds.arrow_schema)
        parts[name] = Dataset(table)
    if layout == "saved":
        DatasetDict(parts).save_to_disk(tmp_path / "data")
    else:
        for name, part in parts.items():
            (tmp_path / "data" / "data").mkdir(parents=True, exist_ok=True)
            pq.write_table(part.data.table, tmp_path / "data" / "data" / f"{name}-00000-of-00001.parquet")
    if layout == "described":
        (tmp_path / "data" / "README.md").write_text(
            "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/train-*\n"
            "  - split: validation\n    path: data/validation-*\n---\n"
        )
    for streaming in (False, True):
        import_huggingface(str(tmp_path / "data"), tmp_path / f"{streaming}", ABOUT, streaming=streaming)
    whole, streamed = ([row | {"recording": None} for row in read_jsonl(tmp_path / name / "web" / "cuts.jsonl.gz")]
                       for name in ("False", "True"))  # fmt: skip
    assert streamed == whole
    assert len(whole) == 40
    assert json.loads((tmp_path / "True" / "web" / "corpus.json").read_text())["splits"]["validation"] == "dev"


@pytest.mark.parametrize("streaming", [False, True])
def test_a_folder_of_numbered_files_is_the_split_that_it_is_named_for(
    tmp_path: Path, streaming: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    for n in range(2):
        write(tmp_path / "dev" / f"000{n}.parquet", {"audio": sounds(1, first=n), "text": [f"{n}"]})
    write(tmp_path / "dev" / ".cache" / "0002.parquet", {"audio": sounds(1, first=2), "text": ["hidden"]})
    import_huggingface(str(tmp_path / "dev"), tmp_path / "hub", ABOUT, streaming=streaming)
    told = {key: row["custom"]["split"] for key, row in cuts(tmp_path / "hub").items()}
    assert told == {"web-row-000000": "dev", "web-row-000001": "dev"}
    if streaming:
        assert {key: row["custom"]["split"] for key, row in taken(tmp_path, tmp_path / "dev").items()} == told
