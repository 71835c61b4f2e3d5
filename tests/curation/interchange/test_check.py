"""`soundwave catalog check`: what an import would do; it writes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import typer
from typer.testing import CliRunner

from curation.interchange.check import KINDS, ROWS
from manifests.errors import InputError, MissingFileError, SettingsError
from soundwave.cli._imports import CheckedSource
from soundwave.cli.catalog import register
from tests.curation.interchange.archives.tars import tone, write_tar


def run(*words: object) -> tuple[int, str]:
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, ["catalog", *map(str, words)], env={"COLUMNS": "400"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    # With --json standard output is JSON alone; the bar goes to standard error.
    return result.exit_code, result.stdout if "--json" in words else result.stdout + result.stderr


def checked(*words: object) -> tuple[int, dict[str, Any]]:
    code, text = run("check", *words, "--json")
    return code, json.loads(text)


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Two clips, told of in every way that is known; a third has no audio."""
    soundfile.write(tmp_path / "a.wav", np.full(16000, 0.1, dtype=np.float32), 16000)
    soundfile.write(tmp_path / "b.wav", np.full(16000, 0.2, dtype=np.float32), 16000)
    for name in ("kaldi", "lhotse", "folder"):
        (tmp_path / name).mkdir()
    said = [{"audio_filepath": f"{name}.wav", "text": f"words of {name}"} for name in "abc"]
    (tmp_path / "train.json").write_text("".join(json.dumps(row) + "\n" for row in said))
    (tmp_path / "train.tsv").write_text("path\tsentence\tclient_id\n" + "".join(f"{n}.wav\tit\t7\n" for n in "abc"))
    (tmp_path / "train.csv").write_text("path,sentence\n" + "".join(f'{n}.wav,"it"\n' for n in "abc"))
    (tmp_path / "kaldi" / "wav.scp").write_text("".join(f"{n} {tmp_path}/{n}.wav\n" for n in "abc"))
    (tmp_path / "kaldi" / "text").write_text("".join(f"{n} words\n" for n in "abc"))
    facts = {"sampling_rate": 16000, "num_samples": 16000, "duration": 1.0, "channel_ids": [0]}
    cuts = [
        {
            "id": n, "type": "MonoCut", "start": 0, "duration": 1.0, "channel": 0,
            "recording": {"id": n, "sources": [{"type": "file", "channels": [0], "source": f"../{n}.wav"}], **facts},
            "supervisions": [{"id": n, "recording_id": n, "start": 0, "duration": 1.0, "text": "words"}],
        }
        for n in "abc"
    ]  # fmt: skip
    (tmp_path / "lhotse" / "cuts.jsonl").write_text("".join(json.dumps(cut) + "\n" for cut in cuts))
    for name in "abc":
        (tmp_path / "folder" / f"{name}.txt").write_text("words")
    for name in "ab":
        (tmp_path / "folder" / f"{name}.wav").write_bytes((tmp_path / f"{name}.wav").read_bytes())
    _archives(tmp_path)
    return tmp_path


def _archives(folder: Path) -> None:
    sounds = {name: (folder / f"{name}.wav").read_bytes() for name in "ab"}
    members = [(f"{n}.{end}", data) for n in "abc" for end, data in (("txt", b"it"), ("wav", sounds.get(n))) if data]
    write_tar(folder / "train-000.tar", members)
    audio = pa.array([{"bytes": data, "path": "a.wav"} for data in sounds.values()] + [None])
    pq.write_table(pa.table({"audio": audio, "text": ["it"] * 3}), folder / "train.parquet")


SOURCES = {
    "nemo": "train.json",
    "kaldi": "kaldi",
    "lhotse": "lhotse",
    "folder": "folder",
    "tsv": "train.tsv",
    "csv": "train.csv",
    "webdataset": "train-000.tar",
    "parquet": "train.parquet",
}
AUDIO = {"webdataset": "train-000.tar:a", "parquet": "train.parquet:000000"}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_what_the_import_then_does(clips: Path, kind: str) -> None:
    source = clips / SOURCES[kind]
    before = sorted(path for path in clips.rglob("*"))
    code, found = checked(source)
    assert (code, found["kind"], found["cuts"], found["rejects"]) == (0, kind, 2, {"audio_missing": 1})
    assert (found["rows"], found["more"], found["good"]) == (3, False, True)
    assert list(found["splits"].values()) == ["train"]
    assert found["first"][0]["audio"].endswith(AUDIO.get(kind, "a.wav"))
    assert sorted(path for path in clips.rglob("*")) == before
    options = ["--corpus", "told", "--license", "CC0-1.0", "--output", clips / "out", "--json"]
    info = json.loads(run("import", kind, source, *options)[1])
    assert (info["cuts"], info["reasons"], info["splits"]) == (found["cuts"], found["rejects"], found["splits"])


def test_for_people(clips: Path) -> None:
    code, text = run("check", clips / "train.tsv")
    assert code == 0
    for line in (
        "train.tsv: tsv",
        "columns: path, sentence, client_id",
        "read as: audio=path, text=sentence, speaker=client_id",
        '"text": "it", "speaker": "7"',
        "split train: train",
        "2 cuts of 3 rows, all there are",
        "rejected: 1 audio_missing",
        "checked-train-000004: ",
        "3 rows have a text and name no language",
        f"catalog import tsv {clips / 'train.tsv'} --corpus NAME --license SPDX-ID --output corpora",
    ):
        assert line in text
    assert "no language" not in run("check", clips / "train.tsv", "--language", "en")[1]
    assert "To import it" not in run("check", clips / "train.tsv", "--without", "path")[1], "it would be refused"


def test_what_would_be_refused_is_said_with_exit_1(clips: Path) -> None:
    code, found = checked(clips / "train.tsv", "--without", "path")
    assert (code, found["good"]) == (1, False)
    assert "no column of audio files among 'path', 'sentence', 'client_id'" in found["problem"]
    (clips / "train.tsv").rename(clips / "validated.tsv")
    code, found = checked(clips / "validated.tsv")
    assert (code, found["splits"]) == (1, {"validated": None})
    assert "'validated'" in found["problem"]
    assert checked(clips / "validated.tsv", "--split-map", "validated=hash")[0] == 0
    (clips / "train.csv").write_text("path,sentence\ngone.wav,x\n")
    code, found = checked(clips / "train.csv")
    assert (code, found["problem"], found["rejects"]) == (1, "", {"audio_missing": 1})


def test_the_first_rows_stand_for_the_rest(clips: Path) -> None:
    (clips / "train.tsv").write_text("path\tsentence\n" + "gone.wav\tx\n" * (ROWS - 1) + "a.wav\tx\n" * 2)
    code, found = checked(clips / "train.tsv")
    assert (code, found["rows"], found["more"]) == (0, ROWS, True)
    assert (found["rejects"], len(found["examples"]["audio_missing"])) == ({"audio_missing": ROWS - 1}, 3)
    assert "the first 1,000 rows; there are more" in run("check", clips / "train.tsv")[1]
    assert checked(clips / "train.tsv", "--split-map", "train=dev", "--split-map", "later=test")[0] == 0


def test_what_is_nothing_that_is_known(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("x")
    (tmp_path / "rows.jsonl").write_text('{"a": 1}\n')
    for place in (tmp_path, tmp_path / "notes.md", tmp_path / "rows.jsonl"):
        with pytest.raises(InputError, match="is nothing that is known here"):
            run("check", place)
    with pytest.raises(MissingFileError, match="No such file or folder"):
        run("check", tmp_path / "none", "--kind", "folder")
    with pytest.raises(SettingsError, match="--column is for huggingface, tsv, csv, webdataset, parquet; folder"):
        run("check", tmp_path, "--kind", "folder", "--column", "text=x")


def test_the_kinds_of_the_command_are_those_of_the_check() -> None:
    assert [kind.value for kind in CheckedSource] == list(KINDS)


@pytest.mark.parametrize("channels", ["reject", "first", "mix"])
def test_channels_that_differ_are_judged_as_the_import_judges_them(clips: Path, channels: str) -> None:
    stereo = np.stack([np.full(16000, 0.1, dtype=np.float32), np.full(16000, 0.3, dtype=np.float32)], axis=1)
    soundfile.write(clips / "c.wav", stereo, 16000)
    _, found = checked(clips / "train.tsv", "--channels", channels)
    options = ["--corpus", "told", "--license", "CC0-1.0", "--output", clips / "out", "--channels", channels, "--json"]
    info = json.loads(run("import", "tsv", clips / "train.tsv", *options)[1])
    assert (info["cuts"], info["reasons"]) == (found["cuts"], found["rejects"])
    assert found["rejects"] == ({"channels_differ": 1} if channels == "reject" else {})


def test_a_check_does_not_load_what_takes_seconds(clips: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom curation.interchange.check import check\n"
        "from manifests.items import About\n"
        "assert check(Path(sys.argv[1]), About('a', 'CC0-1.0')).cuts == 2\n"
        "print(sorted({'lhotse', 'torch', 'scipy', 'datasets', 'duckdb'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, clips / "train.tsv"], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_of_archives_some_rows_are_read_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.interchange.check.UNPACKED", 3)
    rows = [(f"{n}.{end}", data) for n in range(9) for end, data in (("flac", tone(seed=n)), ("json", '{"text": "x"}'))]
    path = write_tar(tmp_path / "a.tar", rows)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])  # what comes after the first rows is not looked at
    code, found = checked(path)
    assert (code, found["columns"], found["cuts"], found["rows"], found["more"]) == (0, ["text"], 3, 3, True)
    parquet = tmp_path / "a.parquet"
    audio = [{"bytes": tone(seed=n), "path": "x.flac"} for n in range(30)]
    pq.write_table(pa.table({"audio": audio, "text": ["x"] * 30}), parquet, row_group_size=4)
    data = bytearray(parquet.read_bytes())
    place = int(0.8 * len(data))
    data[place : place + 60_000] = b"\xff" * 60_000
    parquet.write_bytes(data)
    code, found = checked(parquet)
    assert (code, found["columns"], found["cuts"], found["more"]) == (0, ["audio", "text"], 3, True)


def test_a_pattern_and_a_folder_of_archives_are_known_by_what_they_hold(tmp_path: Path) -> None:
    for n in range(2):
        write_tar(tmp_path / f"a-{n}.tar", [("1.flac", tone(seed=n)), ("1.txt", "x")])
    for source in (tmp_path, tmp_path / "a-{0..1}.tar"):
        code, found = checked(source)
        assert (code, found["kind"], found["cuts"]) == (0, "webdataset", 2)


def test_rows_of_a_tarred_manifest_are_checked_with_their_tars(tmp_path: Path) -> None:
    write_tar(tmp_path / "x_0.tar", [("a.flac", tone())])
    (tmp_path / "train.json").write_text('{"audio_filepath": "a.flac", "text": "x", "shard_id": 0}\n')
    assert checked(tmp_path / "train.json")[1]["rejects"] == {"audio_missing": 1}
    with pytest.raises(InputError, match=r"Name a manifest, e\.g\. .*train\.json"):
        run("check", tmp_path)
    code, found = checked(tmp_path / "train.json", "--tars", tmp_path / "x_{0..0}.tar")
    assert (code, found["cuts"], found["rejects"]) == (0, 1, {})
