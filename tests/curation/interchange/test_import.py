from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from curation.catalog import build, connect
from curation.interchange.huggingface import import_dataset, import_huggingface
from curation.interchange.kaldi import import_kaldi
from curation.interchange.nemo import import_nemo
from manifests.audio import read_audio
from manifests.errors import InputError, ManifestError, MissingFileError, SettingsError
from manifests.files import read_jsonl
from manifests.items import About
from manifests.rows.validate import validate_rows

ABOUT = About("told", "CC-BY-4.0", language="en")


def tone(path: Path, seconds: float = 2.0, *, level: float = 0.1, rate: int = 16000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(round(seconds * rate), level, dtype=np.float32), rate, subtype="PCM_16")
    return path


def rows(output: Path, name: str = "cuts") -> list[dict[str, Any]]:
    return list(read_jsonl(output / "told" / f"{name}.jsonl.gz"))


def reasons(output: Path) -> dict[str, str]:
    return {row["cut_id"]: row["reason"] for row in rows(output, "rejects")}


def in_the_catalog(output: Path) -> dict[str, dict[str, Any]]:
    """What the catalog makes of the corpus: the contract is kept, and nothing is refused."""
    assert list(validate_rows(rows(output))) == []
    build(output, output / "no labels", output / "catalog")
    with connect(output / "catalog") as con:
        assert con.execute("SELECT count(*) FROM rejects WHERE pass = 'catalog'").fetchall() == [(0,)]
        table = con.sql("FROM cuts ORDER BY cut_id").to_arrow_table().to_pylist()
    return {row["cut_id"]: row for row in table}


def nemo(folder: Path, lines: list[dict[str, Any] | str], name: str = "train.json") -> Path:
    path = folder / name
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def test_nemo_manifests(tmp_path: Path) -> None:
    tone(tmp_path / "wav" / "a.wav", rate=8000)
    lines = [
        {"audio_filepath": "wav/a.wav", "duration": 2.0, "text": "turn left", "lang": "de", "speaker": 7, "snr": 20.5},
        {"audio_filepath": "wav/a.wav", "offset": 0.5, "duration": 1.25, "text": "left"},
        {"audio_filepath": str(tmp_path / "wav" / "a.wav"), "text": "links", "source_lang": "en", "target_lang": "de"},
    ]
    info = import_nemo([nemo(tmp_path, lines)], tmp_path / "out", ABOUT)
    assert (info.cuts, info.rejects) == (3, 0)
    first, second, third = in_the_catalog(tmp_path / "out").values()
    assert (first["cut_id"], first["text"], first["speaker"]) == ("told-train-000001", "turn left", "7")
    assert (first["language"], first["duration"], first["sampling_rate"]) == ("de", 2.0, 8000)
    assert json.loads(first["manifest"])["custom"]["nemo"] == {"snr": 20.5}
    assert (second["start"], second["duration"], second["language"]) == (0.5, 1.25, "en")
    assert second["recording_id"] == first["recording_id"]
    assert (third["task"], third["text"], third["target_text"]) == ("st", None, "links")
    assert (third["language"], third["target_language"]) == ("en", "de")


def test_bad_nemo_lines_are_rejects_and_the_rest_goes_on(tmp_path: Path) -> None:
    tone(tmp_path / "a.wav")
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no audio")
    lines = [
        {"audio_filepath": "a.wav", "text": "good"},
        '{"audio_filepath": "a.wav", "te',
        "[1]",
        {"text": "no path"},
        {"audio_filepath": "gone.wav", "text": "x"},
        {"audio_filepath": "empty.wav", "text": "x"},
        {"audio_filepath": "text.wav", "text": "x"},
        {"audio_filepath": "a.wav", "text": "  "},
        {"audio_filepath": "a.wav"},
        {"audio_filepath": "a.wav", "text": "x", "duration": 9.0},
        {"audio_filepath": "a.wav", "text": "x", "offset": -1.0},
        '{"audio_filepath": "a.wav", "text": "x", "duration": NaN}',
        {"audio_filepath": "a.wav", "text": "x", "duration": "2"},
        {"audio_filepath": "a.wav", "text": "x", "source_lang": "en", "target_lang": "de", "id": "same"},
        {"audio_filepath": "a.wav", "text": "x", "id": "same"},
    ]
    info = import_nemo([nemo(tmp_path, lines)], tmp_path / "out", ABOUT)
    assert (info.cuts, info.rejects) == (2, 13)
    assert Counter(reasons(tmp_path / "out").values()) == {
        "bad_row": 7, "duplicate_id": 1, "audio_missing": 1, "audio_unreadable": 2, "empty_text": 1, "text_missing": 1,
    }  # fmt: skip
    assert set(in_the_catalog(tmp_path / "out")) == {"told-train-000001", "told-same"}


def kaldi(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("wav_scp", "wav.scp")).write_text(text)
    return folder


def test_kaldi_folders_with_segments(tmp_path: Path) -> None:
    tone(tmp_path / "r1.wav", 4.0)
    tone(tmp_path / "r2.flac", 3.0)
    folder = kaldi(
        tmp_path / "data",
        wav_scp=f"r1 {tmp_path}/r1.wav\nr2 flac -c -d -s {tmp_path}/r2.flac |\n",
        segments="u1 r1 0.5 1.75\nu2 r1 2 -1\nu3 r2 0 3\n",
        text="u1 TURN LEFT\nu2\tNOW\nu3 YES\n",
        utt2spk="u1 s1\nu2 s1\nu3 s2\n",
        spk2gender="s1 f\n",
        utt2lang="u3 de\n",
    )
    info = import_kaldi(folder, tmp_path / "out", ABOUT)
    assert (info.cuts, info.rejects) == (3, 0)
    found = in_the_catalog(tmp_path / "out")
    spans = {row["cut_id"]: (row["recording_id"], row["start"], row["duration"]) for row in found.values()}
    assert spans == {
        "told-u1": ("told-r1", 0.5, 1.25),
        "told-u2": ("told-r1", 2.0, 2.0),
        "told-u3": ("told-r2", 0.0, 3.0),
    }
    assert [row["text"] for row in found.values()] == ["TURN LEFT", "NOW", "YES"]
    assert [row["speaker"] for row in found.values()] == ["s1", "s1", "s2"]
    assert [row["language"] for row in found.values()] == ["en", "en", "de"]
    assert json.loads(found["told-u1"]["manifest"])["custom"]["gender"] == "f"


def test_kaldi_folders_agree_with_lhotses_reader(tmp_path: Path) -> None:
    from lhotse import CutSet
    from lhotse.kaldi import load_kaldi_data_dir

    for number in range(3):
        tone(tmp_path / f"r{number}.wav", 3.0 + number)
    folder = kaldi(
        tmp_path / "data",
        wav_scp="".join(f"r{n} {tmp_path}/r{n}.wav\n" for n in range(3)),
        segments="".join(f"u{n}{m} r{n} {m * 1.5} {m * 1.5 + 1.25}\n" for n in range(3) for m in range(2)),
        text="".join(f"u{n}{m} words {n} {m}\n" for n in range(3) for m in range(2)),
        utt2spk="".join(f"u{n}{m} s{n}\n" for n in range(3) for m in range(2)),
    )
    import_kaldi(folder, tmp_path / "out", ABOUT)
    recordings, supervisions, _ = load_kaldi_data_dir(folder, 16000)
    theirs = CutSet.from_manifests(recordings=recordings, supervisions=supervisions).trim_to_supervisions()
    expected = {(c.supervisions[0].id, c.start, c.duration, c.supervisions[0].text) for c in theirs}
    ours = in_the_catalog(tmp_path / "out").values()
    assert {(c["cut_id"].removeprefix("told-"), c["start"], c["duration"], c["text"]) for c in ours} == expected


def test_kaldi_folders_without_segments_and_with_faults(tmp_path: Path) -> None:
    tone(tmp_path / "data" / "r1.wav")
    folder = kaldi(
        tmp_path / "data",
        wav_scp="r1 r1.wav\nr2 gone.wav\nr3 sox in.wav -t wav - |\nr4 raw.ark:120\nr5 r1.wav\n",
        text="r1 one\nr2 two\nr3 three\nr4 four\nr9 nine\n",
    )
    info = import_kaldi(folder, tmp_path / "out", ABOUT)
    assert info.cuts == 1
    assert reasons(tmp_path / "out") == {
        "told-r2": "audio_missing",
        "told-r3": "audio_unreadable",
        "told-r4": "audio_unreadable",
        "told-r5": "text_missing",
        "told-r9": "audio_missing",
    }


def test_broken_segments_are_rejects(tmp_path: Path) -> None:
    tone(tmp_path / "data" / "r1.wav")
    text = "".join(f"u{n} x\n" for n in range(5))
    segments = "u0 r1 0 1\nu1 r1 0\nu2 r9 0 1\nu3 r1 1.5 1.0\nu4 r1 a b\n"
    folder = kaldi(tmp_path / "data", wav_scp="r1 r1.wav\n", segments=segments, text=text)
    assert import_kaldi(folder, tmp_path / "out", ABOUT).cuts == 1
    expected = {"told-u1": "bad_row", "told-u2": "audio_missing", "told-u3": "bad_row", "told-u4": "bad_row"}
    assert reasons(tmp_path / "out") == expected


def test_a_folder_that_is_no_kaldi_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="Kaldi data folder"):
        import_kaldi(tmp_path / "none", tmp_path, ABOUT)
    with pytest.raises(MissingFileError, match=r"wav\.scp"):
        import_kaldi(tmp_path, tmp_path, ABOUT)
    kaldi(tmp_path / "data", wav_scp="r1 r1.wav\n")
    with pytest.raises(MissingFileError, match="text"):
        import_kaldi(tmp_path / "data", tmp_path, ABOUT)


def dataset(tmp_path: Path, texts: list[str], *, inside: bool = True, without_audio: int = 0) -> Any:
    import pyarrow as pa
    from datasets import Audio, Dataset, Features, Value

    paths = [tone(tmp_path / "hf" / f"{n}.flac", 1.0 + n, level=(n + 1) / 10) for n in range(len(texts))]
    audio: list[Any] = [{"bytes": path.read_bytes() if inside else None, "path": str(path)} for path in paths]
    texts, audio = texts + ["lost"] * without_audio, audio + [None] * without_audio
    features = Features(
        {"audio": Audio(), "sentence": Value("string"), "speaker": Value("int64"), "accent": Value("string")}
    )
    columns = {"audio": audio, "sentence": texts, "speaker": list(range(len(texts))), "accent": ["x"] * len(texts)}
    return Dataset(pa.table(columns, schema=features.arrow_schema))


@pytest.mark.parametrize("saved", [True, False])
def test_hugging_face_datasets_with_their_own_splits(tmp_path: Path, saved: bool) -> None:
    from datasets import DatasetDict

    both = DatasetDict({"train": dataset(tmp_path, ["one", "two"], inside=saved)})
    both["validation"] = dataset(tmp_path, ["three"], inside=saved)
    if saved:
        both.save_to_disk(str(tmp_path / "saved"))
        info = import_huggingface(str(tmp_path / "saved"), tmp_path / "out", ABOUT, columns={"text": "sentence"})
    else:
        info = import_dataset(both, tmp_path / "out", ABOUT, columns={"text": "sentence"})
    assert (info.cuts, info.rejects) == (3, 0)
    found = in_the_catalog(tmp_path / "out")
    split_and_text = {key: (row["split"], row["text"], row["speaker"]) for key, row in found.items()}
    assert split_and_text == {
        "told-train-000000": ("train", "one", "0"),
        "told-train-000001": ("train", "two", "1"),
        "told-validation-000000": ("dev", "three", "0"),
    }
    second = found["told-train-000001"]
    assert json.loads(second["manifest"])["custom"]["columns"] == {"accent": "x"}
    assert np.allclose(read_audio(Path(second["source_path"])), 0.2, atol=1 / 32768)  # a step of 16 bits
    assert (tmp_path / "out" / "told" / "audio").is_dir() == saved  # files beside the dataset stay where they are


def test_a_folder_of_parquet_files_is_a_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "parquet").mkdir()
    dataset(tmp_path, ["one"]).to_parquet(tmp_path / "parquet" / "test-00000-of-00001.parquet")
    import_huggingface(str(tmp_path / "parquet"), tmp_path / "out", ABOUT, columns={"text": "sentence"})
    assert [row["split"] for row in in_the_catalog(tmp_path / "out").values()] == ["test"]


def test_rows_without_audio_or_words_are_rejects(tmp_path: Path) -> None:
    table = dataset(tmp_path, ["good", ""], without_audio=1)
    info = import_dataset(table, tmp_path / "out", ABOUT, columns={"text": "sentence"})
    assert info.cuts == 1
    assert reasons(tmp_path / "out") == {"told-row-000001": "empty_text", "told-row-000002": "audio_missing"}


def test_columns_that_cannot_be_are_refused(tmp_path: Path) -> None:
    table = dataset(tmp_path, ["one"])
    with pytest.raises(SettingsError, match="words=sentence"):
        import_dataset(table, tmp_path / "out", ABOUT, columns={"words": "sentence"})
    with pytest.raises(SettingsError, match="text=transcript"):
        import_dataset(table, tmp_path / "out", ABOUT, columns={"text": "transcript"})
    with pytest.raises(ManifestError, match="no column of audio"):
        import_dataset(table.remove_columns("audio"), tmp_path / "out", ABOUT)


def test_what_is_no_dataset_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="is no dataset that can be loaded"):
        import_huggingface(str(tmp_path / "nothing"), tmp_path / "out", ABOUT)


def test_splits_by_hash_keep_a_speaker_together(tmp_path: Path) -> None:
    lines = [{"audio_filepath": f"{n}.wav", "text": f"t{n}", "speaker": f"s{n % 30}"} for n in range(60)]
    for n in range(60):
        tone(tmp_path / f"{n}.wav", seconds=0.1 + n / 1000)
    import_nemo([nemo(tmp_path, lines)], tmp_path / "out", About("told", "CC0-1.0", split="hash"))
    by_speaker: dict[str, set[str]] = {}
    for row in in_the_catalog(tmp_path / "out").values():
        by_speaker.setdefault(row["speaker"], set()).add(row["split"])
    assert all(len(splits) == 1 for splits in by_speaker.values())
    assert len(set.union(*by_speaker.values())) > 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"corpus": "a/b"}, "name of a folder"),
        ({"corpus": ""}, "name of a folder"),
        ({"license": ""}, "license is empty"),
        ({"split": "validated"}, "split is 'validated', expected train, dev, test or hash"),
        ({"split_map": {"x": "eva"}}, "split_map of 'x' is 'eva'"),
        ({"task": "tts"}, "task is 'tts'"),
        ({"links": ("text", "room")}, "links name room, expected some of recording, speaker, text, audio"),
    ],
)
def test_a_corpus_must_be_described(wrong: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        About(**({"corpus": "c", "license": "CC0-1.0"} | wrong))
