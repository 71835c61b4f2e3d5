"""`soundwave catalog import` and `export`, as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

from manifests.errors import SettingsError
from soundwave.cli.catalog import register


def run(*words: object) -> tuple[int, str]:
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, ["catalog", *map(str, words)], env={"COLUMNS": "200"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A NeMo manifest and a Kaldi folder of the same two clips, and of one that is missing."""
    folder = tmp_path / "kaldi"
    folder.mkdir()
    for name in ("a", "b"):
        soundfile.write(tmp_path / f"{name}.wav", np.full(16000, 0.1, dtype=np.float32), 16000)
    lines = [json.dumps({"audio_filepath": f"{name}.wav", "text": f"words of {name}"}) for name in ("a", "b", "c")]
    (tmp_path / "train.json").write_text("\n".join(lines))
    (folder / "wav.scp").write_text("".join(f"{name} {tmp_path}/{name}.wav\n" for name in ("a", "b", "c")))
    (folder / "text").write_text("".join(f"{name} words of {name}\n" for name in ("a", "b", "c")))
    return tmp_path


@pytest.mark.parametrize("kind", ["nemo", "kaldi"])
def test_import_then_build(source: Path, kind: str) -> None:
    where = source / ("train.json" if kind == "nemo" else "kaldi")
    words = ["--corpus", "mine", "--license", "CC0-1.0", "--output", source / "corpora", "--language", "en"]
    code, text = run("import", kind, where, *words)
    assert code == 0
    assert "rejected: 1 audio_missing" in text
    places = ["--corpora", source / "corpora", "--labels", source / "labels", "--catalog", source / "catalog"]
    facts = json.loads(run("build", *places, "--json")[1])
    assert [(row["corpus"], row["cuts"], row["rejects"]) for row in facts["corpora"]] == [("mine", 2, 1)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["cuts.jsonl"], "cuts.jsonl"),
        (["hf", "--format", "huggingface"], "hf/data/train-00000.parquet"),
        (["shar", "--format", "shar"], "shar/cuts.000000.jsonl.gz"),
        (["wds", "--format", "webdataset"], "wds/shard-000000.tar"),
        (["nemo", "--format", "nemo"], "nemo/train.json"),
        (["tarred", "--format", "nemo-tarred"], "tarred/train/sharded_manifests/manifest_0.json"),
        (["data", "--format", "kaldi"], "data/train/spk2utt"),
    ],
)
def test_export_in_every_format(source: Path, words: list[str], expected: str) -> None:
    options = ["--corpus", "mine", "--license", "CC0-1.0", "--output", source / "corpora"]
    run("import", "nemo", source / "train.json", *options)
    places = ["--corpora", source / "corpora", "--labels", source / "labels", "--catalog", source / "catalog"]
    run("build", *places)
    code, text = run("export", source / words[0], *words[1:], "--catalog", source / "catalog")
    assert (code, text.split()[0]) == (0, "2")
    assert (source / expected).stat().st_size > 0


@pytest.mark.parametrize(("words", "decoded"), [([], 0), (["--decode"], 2)])
def test_what_was_decoded_is_said(source: Path, words: list[str], decoded: int) -> None:
    options = ["--corpus", "mine", "--license", "CC0-1.0", "--output", source / "corpora", *words]
    code, text = run("import", "nemo", source / "train.json", *options)
    assert (code, f"{decoded} of 2 files decoded whole" in text) == (0, True)
    lengths = json.loads(run("import", "nemo", source / "train.json", *options, "--json")[1])["lengths"]
    assert (lengths["files"], lengths["decoded"]) == (2, decoded)
    assert lengths["seconds"] >= 0 if decoded else lengths["seconds"] == 0  # of so short files it may round to none


def test_json_for_programs(source: Path) -> None:
    words = ["--corpus", "mine", "--license", "CC0-1.0", "--output", source / "corpora", "--json"]
    facts = json.loads(run("import", "nemo", source / "train.json", *words)[1])
    assert (facts["name"], facts["cuts"], facts["reasons"]) == ("mine", 2, {"audio_missing": 1})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["nemo", "train.json", "--column", "text=x"],
            "--column is for huggingface, tsv, csv, webdataset, parquet; nemo",
        ),
        (["kaldi", "a", "b"], "2 sources, expected one"),
        (["huggingface", "a", "--column", "text"], "expected FIELD=COLUMN"),
        (["nemo", "train.json", "--split", "evil"], "split is 'evil'"),
        (["nemo", "train.json", "--split-map", "x"], "--split-map x: expected NAME=train"),
        (["nemo", "train.json", "--split-map", "x=y"], "split_map of 'x' is 'y'"),
        (["nemo", "train.json", "--without", "x"], "--without is for huggingface, tsv, csv, webdataset, parquet; nemo"),
        (["kaldi", "kaldi", "--audio", "x"], "--audio is for tsv, csv; kaldi"),
        (["tsv", "train.tsv", "--folders", "speaker"], "--folders is for folder; tsv"),
        (["tsv", "train.tsv", "--delimiter", "||"], "delimiter is '||', expected one character"),
        (["kaldi", "kaldi", "--tars", "a.tar"], "--tars is for nemo; kaldi"),
        (["parquet", "a.parquet", "--streaming"], "--streaming is for huggingface; parquet"),
        (["tsv", "train.tsv", "--follow-links"], "--follow-links is for folder; tsv"),
        (["folder", "kaldi", "--folders", "speaker/room"], "folders name 'room', expected some of split, speaker"),
        (["folder", "kaldi", "--folders", "speaker/speaker"], "folders name speaker twice"),
    ],
)
def test_bad_use_is_refused(source: Path, words: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        run("import", *words, "--corpus", "mine", "--license", "CC0-1.0", "--output", source / "corpora")


def test_the_map_of_splits_is_printed_and_kept(source: Path) -> None:
    words = ["--corpus", "mine", "--license", "CC0-1.0", "--output", source / "corpora"]
    path = (source / "train.json").rename(source / "pilot_set.json")
    rows = [json.loads(line) | {"split": name} for line, name in zip(path.read_text().splitlines(), "xyz", strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(SettingsError, match="setting `split_map`, once for each: x=train y=train z=train"):
        run("import", "nemo", path, *words)
    assert not (source / "corpora").exists()
    maps = ["--split-map", "x=Train", "--split-map", "y=validation", "--split-map", "z=test"]
    code, text = run("import", "nemo", path, *words, *maps)
    assert code == 0
    assert "split x: train\nsplit y: dev\nsplit z: test\n" in text
    facts = json.loads(run("import", "nemo", path, *words, *maps, "--json")[1])
    assert facts["splits"] == {"x": "train", "y": "dev", "z": "test"}


def test_an_import_without_a_cut_exits_1_and_says_why(source: Path) -> None:
    words = ["--corpus", "mine", "--license", "CC0-1.0", "--output", source / "corpora"]
    path = source / "tarred.json"
    path.write_text(json.dumps({"audio_filepath": "a_in_tar.wav", "text": "x", "duration": 1, "shard_id": 0}))
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, ["catalog", "import", "nemo", str(path), *map(str, words)])
    assert result.exit_code == 1
    assert "No row became a cut" in result.stderr
    assert "tarred" in result.stderr
    path.write_text("\n")
    result = CliRunner().invoke(app, ["catalog", "import", "nemo", str(path), *map(str, words)])
    assert (result.exit_code, "the source has no rows" in result.stderr) == (1, True)
