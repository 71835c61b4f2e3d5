"""What goes out in a format comes back in: texts, lengths, samples, splits, speakers, languages, labels."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from curation.catalog import build, connect
from curation.duck import records
from curation.interchange.archives.parquet import import_parquet
from curation.interchange.archives.webdataset import import_webdataset
from curation.interchange.export import export_huggingface, export_shar, export_webdataset
from curation.interchange.huggingface import import_huggingface
from curation.interchange.jsonl import export_jsonl
from curation.interchange.kaldi import import_kaldi
from curation.interchange.lhotse import import_lhotse
from curation.interchange.nemo import import_nemo
from curation.interchange.outputs.kaldi import export_kaldi
from curation.interchange.outputs.nemo import export_nemo, export_tarred_nemo
from manifests.audio import CutSound, decode_cut
from manifests.errors import ManifestError
from manifests.files import read_jsonl
from manifests.items import About
from tests.curation.labelling import write_made

ABOUT = About("odd", "CC0-1.0")
TOLD = ("split", "task", "domain", "language", "target_language", "speaker", "text", "target_text", "sound",
        "sound_original", "license", "duration")  # fmt: skip
CUTS: dict[str, dict[str, Any]] = {  # id -> what is told of it
    "odd-plain": {"text": "Turn left.", "speaker": "s1", "language": "en"},
    "odd-a/b..é x": {"text": "Two  spaces, 日本語, a \"", "speaker": "s1-b, c", "language": "de", "split": "dev"},
    "odd-../../up": {"text": "A name that is a path", "speaker": "../up", "language": "en"},
    "odd-s1": {"text": "No speaker at all", "language": "en"},
    "odd-a~b-sub2": {"text": "A name that looks like a part", "speaker": "s!", "language": "en"},
    "odd-st": {"text": "Guten Tag.", "language": "de", "target_text": "Good day.", "target_language": "en",
               "task": "st", "split": "test", "speaker": "s1"},
    "odd-qa": {"text": "What is it?", "language": "en", "target_text": "A dog.", "target_language": "en", "task": "qa"},
    "odd-dog": {"sound": ["Dog", "Bark"], "sound_original": "dog.1", "task": "sound", "domain": "animals",
                "license": "CC-BY-4.0"},
}  # fmt: skip


def made_cut(folder: Path, cut_id: str, place: int, facts: dict[str, Any]) -> dict[str, Any]:
    noise = np.random.default_rng(place).uniform(-0.5, 0.5, 4000 + 100 * place)
    path = folder / f"{place}.wav"
    soundfile.write(path, noise, 8000, subtype="PCM_16")
    seconds = len(noise) / 8000
    labels = {
        name: facts[name] for name in ("target_text", "target_language", "sound", "sound_original") if name in facts
    }
    said = {"id": cut_id, "recording_id": cut_id, "start": 0, "duration": seconds, "channel": 0, "custom": labels}
    said |= {name: facts[name] for name in ("text", "speaker", "language") if name in facts}
    recording = {"id": cut_id, "sampling_rate": 8000, "num_samples": len(noise), "duration": seconds,
                 "channel_ids": [0], "sources": [{"type": "file", "channels": [0], "source": str(path)}]}  # fmt: skip
    task = facts.get("task", "asr")
    custom = {"corpus": "odd", "split": facts.get("split", "train"), "task": task, "domain": facts.get("domain", task),
              "license": facts.get("license", "CC0-1.0"),
              "audio_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}  # fmt: skip
    return {"id": cut_id, "type": "MonoCut", "start": 0, "duration": seconds, "channel": 0, "recording": recording,
            "supervisions": [said], "custom": custom}  # fmt: skip


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd")
    rows = [made_cut(folder, cut_id, place, facts) for place, (cut_id, facts) in enumerate(CUTS.items())]
    write_made(folder / "corpora" / "odd", rows)
    build(folder / "corpora", folder / "labels", folder / "catalog")
    return folder / "catalog"


def told(catalog: Path, ids: Callable[[str], str] = str) -> dict[str, Any]:
    with connect(catalog) as con:
        rows = records(con.execute("SELECT * FROM cuts"))
    found = {}
    for row in rows:
        samples, rate = decode_cut(CutSound.of_catalog(row))
        sound = hashlib.sha256(np.round(samples * (1 << 23)).astype(np.int32).tobytes()).hexdigest()
        found[ids(row["cut_id"])] = {name: row[name] for name in TOLD} | {"rate": rate, "samples": sound}
    return found


WAYS: dict[str, tuple[Callable[[Path, Path], int], Callable[[Path, Path], object]]] = {
    "webdataset": (export_webdataset, lambda out, to: import_webdataset([out], to, ABOUT)),
    "shar": (export_shar, lambda out, to: import_lhotse([out], to, ABOUT)),
    "jsonl": (lambda cat, out: export_jsonl(cat, out / "odd.jsonl.gz"),
              lambda out, to: import_lhotse([out / "odd.jsonl.gz"], to, ABOUT)),
    "huggingface": (export_huggingface, lambda out, to: import_huggingface(str(out), to, ABOUT)),
    "streamed": (export_huggingface, lambda out, to: import_huggingface(str(out), to, ABOUT, streaming=True)),
    "parquet": (export_huggingface, lambda out, to: import_parquet([out], to, ABOUT)),
    "nemo": (export_nemo, lambda out, to: import_nemo(sorted(out.glob("*.json")), to, ABOUT)),
    "tarred nemo": (lambda cat, out: export_tarred_nemo(cat, out, shard_rows=2),
                    lambda out, to: import_nemo(sorted(out.glob("*/sharded_manifests/*.json")), to, ABOUT)),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_everything_comes_back(catalog: Path, tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    out, back = WAYS[way]
    (tmp_path / "out").mkdir()
    assert out(catalog, tmp_path / "out") == len(CUTS)
    assert {path.name for path in tmp_path.iterdir()} <= {"out", "cache"}
    back(tmp_path / "out", tmp_path / "corpora")
    assert list(read_jsonl(tmp_path / "corpora" / "odd" / "rejects.jsonl.gz")) == []
    build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    twice = way in ("huggingface", "streamed", "parquet")  # a column of ids is taken as it is
    assert told(tmp_path / "catalog", lambda key: key.removeprefix("odd-") if twice else key) == told(catalog)


def test_kaldi_comes_back_split_by_split(catalog: Path, tmp_path: Path) -> None:
    assert export_kaldi(catalog, tmp_path / "out") == len(CUTS)
    found: dict[str, Any] = {}
    for split in ("train", "dev", "test"):
        import_kaldi(tmp_path / "out" / split, tmp_path / split, About("odd", "CC0-1.0"))
        build(tmp_path / split, tmp_path / "labels", tmp_path / "catalogs" / split)
        found |= told(tmp_path / "catalogs" / split)
    assert found == told(catalog)


def sorted_by_the_system(path: Path) -> bool:
    return subprocess.run(["sort", "-c", path], env={"LC_ALL": "C"}, check=False).returncode == 0


def test_kaldi_folders_are_as_its_scripts_ask(catalog: Path, tmp_path: Path) -> None:
    """What utils/validate_data_dir.sh asks for."""
    export_kaldi(catalog, tmp_path / "out", where="text IS NOT NULL")
    names = ("wav.scp", "segments", "text", "utt2spk", "spk2utt", "utt2lang", "utt2dur", "reco2dur")
    for folder in (tmp_path / "out").iterdir():
        tables = {name: [line.split(" ") for line in (folder / name).read_text().splitlines()] for name in names}
        assert all(sorted_by_the_system(folder / name) for name in names)
        keys = [row[0] for row in tables["utt2spk"]]
        for name in ("wav.scp", "segments", "text", "utt2dur", "utt2lang", "reco2dur"):
            assert [row[0] for row in tables[name]] == keys
        pairs = [(row[1].encode(), row[0].encode()) for row in tables["utt2spk"]]
        assert pairs == sorted(pairs)  # sorted by speaker is sorted by utterance
        assert [(spk, utt) for spk, *utts in tables["spk2utt"] for utt in utts] == [
            (row[1], row[0]) for row in tables["utt2spk"]
        ]
        assert all(soundfile.info(row[1]).subtype == "PCM_16" for row in tables["wav.scp"])


def test_kaldi_folders_are_read_by_lhotse(catalog: Path, tmp_path: Path) -> None:
    from lhotse.kaldi import load_kaldi_data_dir

    export_kaldi(catalog, tmp_path / "out", where="split = 'train' AND text IS NOT NULL")
    recordings, said, _ = load_kaldi_data_dir(tmp_path / "out" / "train", sampling_rate=8000)
    names = {row["utterance"]: row["id"] for row in read_jsonl(tmp_path / "out" / "train" / "cuts.jsonl")}
    assert len(names) == 5
    known = told(catalog)
    for one in said or []:
        facts = known[names[one.id]]
        assert (one.text, one.language) == (" ".join(facts["text"].split()), facts["language"])
        assert one.duration == pytest.approx(facts["duration"])
        assert recordings[one.recording_id].num_samples == round(facts["duration"] * 8000)
        samples = np.round(recordings[one.recording_id].load_audio()[0] * (1 << 23)).astype(np.int32)
        assert hashlib.sha256(samples.tobytes()).hexdigest() == facts["samples"]


def test_tarred_manifests_are_as_nemo_reads_them(catalog: Path, tmp_path: Path) -> None:
    """Numbers of manifests are those of tars; every member has a row; no name that NeMo reads more into."""
    export_tarred_nemo(catalog, tmp_path / "out", shard_rows=2)
    train = tmp_path / "out" / "train"
    numbers = [
        {int(re.search(pattern, path.name)[1]) for path in paths}  # type: ignore[index]
        for pattern, paths in (
            (r"manifest[^/]*_(\d+)[^/]*\.json", (train / "sharded_manifests").iterdir()),
            (r"audio[^/]*_(\d+)[^/]*\.tar", train.glob("*.tar")),
        )
    ]
    assert numbers == [{0, 1, 2}, {0, 1, 2}]
    every = list(read_jsonl(train / "tarred_audio_manifest.json"))
    assert len(every) == 6
    for number in range(3):
        rows = list(read_jsonl(train / "sharded_manifests" / f"manifest_{number}.json"))
        assert rows == [row for row in every if row["shard_id"] == number]
        with tarfile.open(train / f"audio_{number}.tar") as tar:
            assert tar.getnames() == [row["audio_filepath"] for row in rows]
    assert all(
        re.fullmatch(r"\d{9}\.flac", row["audio_filepath"]) and "text" in row and row["duration"] for row in every
    )


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # of the library
def test_shards_are_read_by_webdataset(catalog: Path, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    export_webdataset(catalog, tmp_path / "out", shard_rows=3)
    urls = [str(path) for path in sorted((tmp_path / "out").iterdir())]
    rows = [json.loads(one["json"]) for one in webdataset.WebDataset(urls, shardshuffle=False) if one["flac"]]
    assert {row["cut_id"]: row["text"] for row in rows} == {key: facts.get("text") for key, facts in CUTS.items()}


def test_a_dataset_is_read_by_datasets_as_parquet(catalog: Path, tmp_path: Path) -> None:
    from datasets import Audio, load_dataset

    export_huggingface(catalog, tmp_path / "out")
    files = {"train": str(tmp_path / "out" / "data" / "train-*.parquet")}
    found = load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    assert isinstance(found.features["audio"], Audio)
    assert found["id"] == [key for key, facts in sorted(CUTS.items()) if facts.get("split", "train") == "train"]


def test_what_16_bits_cannot_hold_is_refused_before_anything_is_there(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    row = made_cut(tmp_path / "a", "odd-loud", 0, {"text": "loud"})
    path = tmp_path / "a" / "0.wav"
    soundfile.write(path, np.full(4000, 1.5), 8000, subtype="FLOAT")
    row["custom"]["audio_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    write_made(tmp_path / "corpora" / "odd", [row])
    build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    with pytest.raises(ManifestError, match=r"odd-loud: its samples go beyond full scale \(1\.500\)"):
        export_kaldi(tmp_path / "catalog", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert export_nemo(tmp_path / "catalog", tmp_path / "out") == 1
