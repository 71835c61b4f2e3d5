"""Imports from stores by address: S3 (a server of its own in a thread), memory, file://."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from curation.interchange.check import check, guess_kind
from curation.storage import source_place
from manifests.audio import CutSound, read_cut
from manifests.errors import InputError, MissingFileError
from manifests.files import read_jsonl
from manifests.items import About
from soundwave.cli._imports import ImportSource, import_corpus
from tests.curation.catalog.test_catalog_s3 import bucket, sent, server  # noqa: F401 - fixtures
from tests.curation.interchange.archives.tars import tone, write_tar

s3fs = pytest.importorskip("s3fs")
pytest.importorskip("upath")
ABOUT = About("far", "CC0-1.0", language="en")
GRID = """File type = "ooTextFile"
Object class = "TextGrid"

0
0.5
<exists>
1
"IntervalTier"
"words"
0
0.5
1
0
0.5
"one"
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Two clips, told of in every way that is known; names in lists are relative."""
    folder = tmp_path / "here"
    (folder / "audio" / "sub").mkdir(parents=True)
    sounds = {}
    for place, name in enumerate(("one", "sub/two")):
        path = folder / "audio" / f"{name}.wav"
        soundfile.write(path, np.random.default_rng(place).uniform(-0.5, 0.5, 8000), 16000)
        sounds[name] = path.read_bytes()
    (folder / "audio" / "one.TextGrid").write_text(GRID)
    (folder / "audio" / "sub" / "two.txt").write_text("two")
    rows = [{"audio_filepath": f"audio/{name}.wav", "text": name} for name in sounds]
    (folder / "train.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "train.tsv").write_text("path\tsentence\n" + "".join(f"audio/{name}.wav\t{name}\n" for name in sounds))
    (folder / "kaldi").mkdir()
    (folder / "kaldi" / "wav.scp").write_text("".join(f"{name} ../audio/{name}.wav\n" for name in sounds))
    (folder / "kaldi" / "text").write_text("".join(f"{name} {name}\n" for name in sounds))
    facts = {"sampling_rate": 16000, "num_samples": 8000, "duration": 0.5, "channel_ids": [0]}
    cuts = [
        {"id": name, "type": "MonoCut", "start": 0, "duration": 0.5, "channel": 0, "supervisions": [
            {"id": name, "recording_id": name, "start": 0, "duration": 0.5, "text": name}],
         "recording": {"id": name, **facts,
                       "sources": [{"type": "file", "channels": [0], "source": f"audio/{name}.wav"}]}}
        for name in sounds
    ]  # fmt: skip
    (folder / "cuts.jsonl").write_text("".join(json.dumps(cut) + "\n" for cut in cuts))
    write_tar(
        folder / "tars" / "a-000.tar", [(f"{n}.{e}", d) for n in sounds for e, d in (("wav", sounds[n]), ("txt", n))]
    )
    write_tar(folder / "tarred" / "audio_0.tar", [(f"{n}.wav", data) for n, data in sounds.items()])
    (folder / "tarred" / "manifest_0.json").write_text((folder / "train.json").read_text().replace("audio/", ""))
    table = pa.table({"audio": [{"bytes": d, "path": "x.wav"} for d in sounds.values()], "text": list(sounds)})
    pq.write_table(table, folder / "train.parquet")
    return folder


KINDS = {
    "nemo": ("train.json",), "tsv": ("train.tsv",), "kaldi": ("kaldi",), "folder": ("audio",),
    "lhotse": ("cuts.jsonl",), "webdataset": ("tars/a-{000..000}.tar",),
    "nemo tarred": ("tarred/manifest_0.json",), "parquet": ("train.parquet",),
}  # fmt: skip


def taken(kind: str, sources: Sequence[str], output: Path, **layout: Any) -> dict[str, Any]:
    """Id -> text and samples."""
    import_corpus(ImportSource(kind.partition(" ")[0]), list(sources), output, ABOUT, layout)
    found = {}
    for row in read_jsonl(output / "far" / "cuts.jsonl.gz"):
        found[row["id"]] = (row["supervisions"][0]["text"], read_cut(CutSound.of_manifest(row)).tobytes())
    return found


def rejects(output: Path) -> list[tuple[str, str]]:
    return [(row["reason"], row["detail"]) for row in read_jsonl(output / "far" / "rejects.jsonl.gz")]


@pytest.mark.parametrize("kind", KINDS)
def test_a_corpus_on_s3_is_the_corpus_here(here: Path, bucket: Path, tmp_path: Path, kind: str) -> None:  # noqa: F811
    sent(here, bucket / "in")
    found = taken(kind, [f"s3://data/in/{name}" for name in KINDS[kind]], tmp_path / "far")
    assert found == taken(kind, [str(here / name) for name in KINDS[kind]], tmp_path / "near")
    assert len(found) == 2
    for row in read_jsonl(tmp_path / "far" / "far" / "cuts.jsonl.gz"):
        path = Path(row["recording"]["sources"][0]["source"])
        assert path.is_file()
        assert path.is_relative_to(tmp_path / "far" / "far" / "audio")


def test_a_check_of_what_is_on_s3(here: Path, bucket: Path) -> None:  # noqa: F811
    sent(here, bucket / "in")
    for kind, (name, *_) in list(KINDS.items())[-5:]:
        place = source_place(f"s3://data/in/{name}")
        assert guess_kind(place) == kind.partition(" ")[0]
        found = check(place, ABOUT)
        assert (found.cuts, found.rejects, found.problem) == (2, {}, "")


def test_memory_and_addresses_of_files(here: Path, tmp_path: Path) -> None:
    sent(here, source_place("memory://in"))
    for kind in ("nemo", "webdataset", "parquet"):
        near = taken(kind, [str(here / name) for name in KINDS[kind]], tmp_path / "near" / kind)
        assert taken(kind, [f"memory://in/{name}" for name in KINDS[kind]], tmp_path / "memory" / kind) == near
        assert taken(kind, [f"file://{here}/{name}" for name in KINDS[kind]], tmp_path / "file" / kind) == near


def test_only_the_store_that_was_named_is_read(bucket: Path, tmp_path: Path) -> None:  # noqa: F811
    names = ("s3://data/in/good.flac", "s3://other/in/a.flac", "gone.flac", "/etc/hostname", "https://nowhere/a.flac")
    rows = [{"audio_filepath": name, "text": "x"} for name in names]
    (bucket / "in" / "good.flac").write_bytes(tone())
    (bucket / "in" / "train.json").write_bytes("\n".join(map(json.dumps, rows)).encode())
    assert len(taken("nemo", ["s3://data/in/train.json"], tmp_path)) == 1
    found = rejects(tmp_path)
    assert sorted(reason for reason, _ in found) == [
        "audio_missing",
        "audio_missing",
        "audio_unreadable",
        "unsupported_audio",
    ]
    (said,) = [detail for reason, detail in found if reason == "unsupported_audio"]
    assert "s3://other/in/a.flac is in another store than what is imported (s3://data), and is not fetched" in said


@pytest.mark.parametrize("kind", ["nemo", "tsv", "kaldi"])
def test_a_list_here_fetches_nothing(bucket: Path, tmp_path: Path, kind: str) -> None:  # noqa: F811
    (bucket / "good.flac").write_bytes(tone())
    name = "s3://data/good.flac"
    (tmp_path / "nemo").write_text(json.dumps({"audio_filepath": name, "text": "x"}))
    (tmp_path / "tsv").write_text(f"path\tsentence\n{name}\tx\n")
    (tmp_path / "kaldi").mkdir()
    (tmp_path / "kaldi" / "wav.scp").write_text(f"a {name}\n")
    (tmp_path / "kaldi" / "text").write_text("a x\n")
    assert taken(kind, [str(tmp_path / kind)], tmp_path) == {}
    ((reason, said),) = rejects(tmp_path)
    assert (reason, "It reads like an address (s3://)" in said) == ("audio_missing", True)


@pytest.mark.parametrize("kind", ["nemo", "kaldi", "folder", "webdataset", "parquet", "tsv", "lhotse"])
def test_what_is_not_there_is_one_message(bucket: Path, tmp_path: Path, kind: str) -> None:  # noqa: F811
    with pytest.raises(InputError, match="s3://data/nothing"):
        taken(kind, [f"s3://data/nothing.{kind}"], tmp_path)
    assert not (tmp_path / "far").exists()


def test_a_store_that_does_not_let_us_in_is_one_message(
    bucket: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3fs.S3FileSystem.clear_instance_cache()
    for kind in ("nemo", "webdataset", "parquet"):
        with pytest.raises(MissingFileError, match=r"s3://data/in.* cannot be reached .*AWS_ENDPOINT_URL"):
            taken(kind, ["s3://data/in/train.x"], tmp_path)


@pytest.mark.parametrize("address", ["https://host/a.tar", "gs://b/a.tar", "ftp://host/a"])
def test_other_addresses_are_refused_in_words(tmp_path: Path, address: str) -> None:
    with pytest.raises(InputError, match=r"nothing is read from \w+://, expected a path, s3:// or file://"):
        taken("webdataset", [address], tmp_path)


def test_a_dataset_has_no_address(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="of the kind `parquet`"):
        taken("huggingface", ["s3://data/in"], tmp_path)
