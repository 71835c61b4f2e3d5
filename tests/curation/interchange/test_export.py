from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from curation.catalog import build
from curation.interchange.export import export_huggingface, export_shar, export_webdataset
from curation.interchange.huggingface import import_huggingface
from curation.interchange.kaldi import import_kaldi
from manifests.audio import decode
from manifests.errors import AudioError, InputError, ManifestError, QueryError
from manifests.files import read_jsonl, write_jsonl
from manifests.items import About
from tests.curation.labelling import cut as made_cut
from tests.curation.labelling import write_made
from tests.manifests.audio.written_audio import libav

STEP = 2.0**-24  # half a step of FLAC's 24 bits: what the mixture of two such signals is rounded by
EXPORTS = [export_huggingface, export_shar, export_webdataset]


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """Three utterances of one 16-bit recording of noise and one of 24 bits in stereo; a text-only row."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (16000 * 4, 2)).astype(np.float32)
    soundfile.write(tmp_path / "r1.wav", noise[:, 0], 16000, subtype="PCM_16")
    soundfile.write(tmp_path / "r2.flac", noise[:24000], 8000, subtype="PCM_24")
    data = tmp_path / "data"
    data.mkdir()
    (data / "wav.scp").write_text(f"r1 {tmp_path}/r1.wav\nr2 {tmp_path}/r2.flac\n")
    (data / "segments").write_text("u1 r1 0.5 1.75\nu2 r1 2 -1\nu3 r2 0 3\n")
    (data / "text").write_text("u1 TURN LEFT\nu2 NOW\nu3 YES\n")
    (data / "utt2spk").write_text("u1 s1\nu2 s1\nu3 s2\n")
    import_kaldi(data, tmp_path / "corpora", About("told", "CC-BY-4.0", language="en", channels="mix"))
    build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    return tmp_path / "catalog"


def samples(tmp_path: Path) -> dict[str, Any]:
    """What each cut sounds like, (frames, 1)."""
    r1, _ = decode(tmp_path / "r1.wav")
    r2, _ = decode(tmp_path / "r2.flac")
    return {"told-u1": r1[8000:28000], "told-u2": r1[32000:], "told-u3": r2.mean(axis=1, keepdims=True)}


def with_text_row(catalog: Path) -> None:
    folder = catalog.parent / "corpora" / "asked"
    folder.mkdir()
    row = {"id": "asked-1", "corpus": "asked", "split": "dev", "text": "Why?", "target_text": "So.", "task": "qa"}
    (folder / "texts.jsonl").write_text(json.dumps(row | {"license": "CC0-1.0", "language": "en", "type": "Text"}))
    (folder / "corpus.json").write_text("{}")
    build(catalog.parent / "corpora", catalog.parent / "labels", catalog)


def test_hugging_face_datasets_are_read_by_datasets(catalog: Path, tmp_path: Path) -> None:
    from datasets import Audio, load_dataset

    with_text_row(catalog)
    assert export_huggingface(catalog, tmp_path / "hf") == 4
    found = load_dataset(str(tmp_path / "hf"), cache_dir=str(tmp_path / "cache"))
    assert {name: len(part) for name, part in found.items()} == {"train": 3, "validation": 1}
    assert isinstance(found["train"].features["audio"], Audio)
    for row in found["train"].cast_column("audio", Audio(decode=False)):
        heard, rate = soundfile.read(io.BytesIO(row["audio"]["bytes"]), dtype="float32", always_2d=True)
        assert rate == row["sampling_rate"]
        assert np.abs(heard - samples(tmp_path)[row["id"]]).max() <= STEP
        assert json.loads(row["manifest"])["id"] == row["id"]
    (text,) = found["validation"].cast_column("audio", Audio(decode=False))
    assert (text["audio"], text["text"], text["target_text"]) == (None, "Why?", "So.")


def test_what_goes_out_comes_back_in(catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    export_huggingface(catalog, tmp_path / "hf")
    import_huggingface(str(tmp_path / "hf"), tmp_path / "back", About("again", "CC0-1.0"))
    before = list(read_jsonl(tmp_path / "corpora" / "told" / "cuts.jsonl.gz"))
    after = list(read_jsonl(tmp_path / "back" / "again" / "cuts.jsonl.gz"))

    def told(row: dict[str, Any]) -> tuple[Any, ...]:
        said = row["supervisions"][0]
        key = row["id"].removeprefix("again-").removeprefix("told-")
        return key, row["duration"], said["text"], said["speaker"], said["language"], row["custom"]["license"]

    assert [told(row) for row in after] == [told(row) for row in before]


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # of Lhotse's reader
def test_shar_is_read_by_lhotse(catalog: Path, tmp_path: Path) -> None:
    from lhotse import CutSet

    assert export_shar(catalog, tmp_path / "shar", shard_rows=2) == 3
    assert len(list((tmp_path / "shar").glob("recording.*.tar"))) == 2
    before = {row["id"]: row for row in read_jsonl(tmp_path / "corpora" / "told" / "cuts.jsonl.gz")}
    found = list(CutSet.from_shar(in_dir=str(tmp_path / "shar")))
    assert [cut.id for cut in found] == ["told-u1", "told-u2", "told-u3"]
    for cut in found:
        heard = cut.load_audio()
        assert np.abs(heard - samples(tmp_path)[cut.id].T).max() <= STEP
        said = before[cut.id]["supervisions"][0]
        assert (cut.supervisions[0].text, cut.supervisions[0].speaker) == (said["text"], said["speaker"])
        assert {name: cut.custom[name] for name in before[cut.id]["custom"]} == before[cut.id]["custom"]


def test_webdataset_tars(catalog: Path, tmp_path: Path) -> None:
    with_text_row(catalog)
    assert export_webdataset(catalog, tmp_path / "wds", shard_rows=3) == 4
    assert sorted(path.name for path in (tmp_path / "wds").iterdir()) == ["shard-000000.tar", "shard-000001.tar"]
    found: dict[str, dict[str, bytes]] = {}
    for path in sorted((tmp_path / "wds").iterdir()):
        with tarfile.open(path) as tar:
            for member in tar:
                key, _, kind = member.name.partition(".")
                stream = tar.extractfile(member)
                assert stream is not None
                found.setdefault(key, {})[kind] = stream.read()
    facts = [json.loads(parts["json"]) for parts in found.values()]
    assert [row["cut_id"] for row in facts] == ["asked-1", "told-u1", "told-u2", "told-u3"]
    for row, parts in zip(facts[1:], list(found.values())[1:], strict=True):
        heard, _ = soundfile.read(io.BytesIO(parts["flac"]), dtype="float32", always_2d=True)
        assert np.abs(heard - samples(tmp_path)[row["cut_id"]]).max() <= STEP
    assert "flac" not in found["000000000"]


@pytest.mark.parametrize("export", EXPORTS)
def test_a_condition_chooses(catalog: Path, tmp_path: Path, export: Any) -> None:
    assert export(catalog, tmp_path / "out", where="speaker = 's2'") == 1


def test_the_same_cuts_give_the_same_tars(catalog: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export_webdataset(catalog, tmp_path / name)
    assert (tmp_path / "one" / "shard-000000.tar").read_bytes() == (tmp_path / "two" / "shard-000000.tar").read_bytes()


def test_small_batches_of_the_catalog_do_not_show(
    catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_huggingface(catalog, tmp_path / "whole")
    monkeypatch.setattr("curation.interchange.export.BATCH", 1)
    export_huggingface(catalog, tmp_path / "small")
    tables = [pq.read_table(tmp_path / name / "data" / "train-00000.parquet") for name in ("whole", "small")]
    assert tables[0].equals(tables[1])


@pytest.mark.parametrize("export", EXPORTS)
@pytest.mark.parametrize("where", ["false", "no_such_column = 1", "1 = 1) ; DROP VIEW cuts; --"])
def test_conditions_that_cannot_be_are_refused(catalog: Path, tmp_path: Path, export: Any, where: str) -> None:
    with pytest.raises(QueryError, match="where"):
        export(catalog, tmp_path / "out", where=where)


@pytest.mark.parametrize("export", EXPORTS)
def test_what_is_there_is_not_written_over(catalog: Path, tmp_path: Path, export: Any) -> None:
    with pytest.raises(InputError, match="not empty"):
        export(catalog, tmp_path / "corpora")


@pytest.mark.parametrize("export", EXPORTS)
def test_audio_that_is_gone_names_its_cut(catalog: Path, tmp_path: Path, export: Any) -> None:
    (tmp_path / "r2.flac").unlink()
    with pytest.raises(AudioError, match="cut 'told-u3'"):
        export(catalog, tmp_path / "out")
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]  # nothing half done is left


def test_kinds_that_a_format_cannot_hold_are_refused_beforehand(catalog: Path, tmp_path: Path) -> None:
    from lhotse import MonoCut
    from lhotse.utils import fastcopy

    with_text_row(catalog)
    with pytest.raises(ManifestError, match=r"type Text, e\.g\. 'asked-1'"):
        export_shar(catalog, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    path = tmp_path / "corpora" / "told" / "cuts.jsonl.gz"
    rows = list(read_jsonl(path))
    cut = MonoCut.from_dict({name: value for name, value in rows[0].items() if name != "type"})
    mixed = fastcopy(cut.pad(duration=9.0), id="told-mixed")
    write_jsonl(path, [*rows, mixed.to_dict()])
    build(tmp_path / "corpora", tmp_path / "labels", catalog)
    for export in EXPORTS[::2]:
        with pytest.raises(ManifestError, match=r"MixedCut, e\.g\. 'told-mixed'"):
            export(catalog, tmp_path / "out", where="corpus = 'told'")


@pytest.mark.parametrize("write", EXPORTS)
def test_audio_under_a_name_that_lies_is_exported(write: Any, tmp_path: Path) -> None:
    (tmp_path / "call.wav").write_bytes(libav("ipod", "aac"))  # an M4A
    data = tmp_path / "data"
    data.mkdir()
    (data / "wav.scp").write_text(f"r1 {tmp_path}/call.wav\n")
    (data / "text").write_text("r1 YES\n")
    import_kaldi(data, tmp_path / "corpora", About("told", "CC-BY-4.0", language="en"))
    build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    assert write(tmp_path / "catalog", tmp_path / "out") == 1


def test_ids_that_are_paths_become_names_and_the_audio_stays_theirs(tmp_path: Path) -> None:
    from lhotse import CutSet

    keys = ["../../../x", "/abs", "a/b", "a_b", "A_B", "plain", "n" * 300, "con", "tail."]
    rng = np.random.default_rng(1)
    rows = []
    for number, key in enumerate(keys):
        soundfile.write(
            tmp_path / f"{number}.wav", rng.uniform(-0.5, 0.5, 1600 * (number + 1)), 16000, subtype="PCM_16"
        )
        rows.append(made_cut(f"made-{key}" if key == "plain" else key, audio=tmp_path / f"{number}.wav"))
        rows[-1] = row_of_length(rows[-1], 0.1 * (number + 1))
    write_made(tmp_path / "corpora" / "made", rows)
    build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    assert export_shar(tmp_path / "catalog", tmp_path / "out" / "shar") == len(keys)
    with tarfile.open(tmp_path / "out" / "shar" / "recording.000000.tar") as tar:
        names = tar.getnames()
        tar.extractall(tmp_path / "unpacked", filter="data")
    assert all(name == Path(name).name and len(name) < 220 for name in names) and "made-plain.flac" in names
    assert len({name.lower() for name in names}) == 2 * len(keys)
    assert len(list((tmp_path / "unpacked").iterdir())) == 2 * len(keys)
    found = {
        (cut.custom or {}).get("cut_id", cut.id): cut for cut in CutSet.from_shar(in_dir=tmp_path / "out" / "shar")
    }
    assert found.keys() == {row["id"] for row in rows}
    for row in rows:
        samples, _ = decode(Path(row["recording"]["sources"][0]["source"]))
        np.testing.assert_array_equal(found[row["id"]].load_audio()[0], samples[:, 0])
    export_huggingface(tmp_path / "catalog", tmp_path / "out" / "hf")
    audio = pq.read_table(tmp_path / "out" / "hf").column("audio").to_pylist()
    assert all(row["path"] == Path(row["path"]).name for row in audio)
    assert len({row["path"] for row in audio}) == len(keys)


def row_of_length(row: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The row of a cut and recording of so many seconds."""
    said = [supervision | {"duration": seconds} for supervision in row["supervisions"]]
    recording = row["recording"] | {"duration": seconds, "num_samples": round(16000 * seconds)}
    return row | {"duration": seconds, "supervisions": said, "recording": recording}
