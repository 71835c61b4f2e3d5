"""`--channels`: what is heard of recordings whose channels differ, in every command that reads files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from curation.segment.long_form import AudioFile
from manifests.errors import AudioError, SettingsError
from manifests.files import read_jsonl
from recipes.debian_sonicpi import SAMPLES
from soundwave.cli import build_app
from soundwave.infer.listener import read_files
from tests.wave_bytes import noise, pcm16, saved

MIXED = ((noise(1) + noise(2)) / 65_536).astype(np.float32)


@pytest.fixture
def call(tmp_path: Path) -> Path:
    return saved(tmp_path / "call.wav", pcm16(noise(1), noise(2)))


def kept(folder: Path) -> list[Any]:
    return [(row["channel"], row["custom"].get("channel_mode")) for row in read_jsonl(folder / "cuts.jsonl.gz")]


@pytest.mark.parametrize(
    ("options", "found"),
    [([], []), (["--channels", "mix"], [([0, 1], "mix")]), (["--channels", "first"], [(0, None)])],
)
def test_imports(call: Path, tmp_path: Path, options: list[str], found: list[Any]) -> None:
    manifest = saved(tmp_path / "train.json", json.dumps({"audio_filepath": str(call), "text": "one"}).encode())
    words = ["catalog", "import", "nemo", manifest, "--corpus", "told", "--license", "CC0-1.0", "--language", "en"]
    result = CliRunner().invoke(build_app(), [*map(str, words), "--output", str(tmp_path / "out"), *options])
    assert result.exit_code == (0 if options else 1)  # nothing was kept
    assert kept(tmp_path / "out" / "told") == found
    assert ("rejected: 1 channels_differ" in result.output) == (not options)


@pytest.mark.parametrize(
    ("options", "found"),
    [([], [([0, 1], "mix")]), (["--channels", "reject"], []), (["--channels", "first"], [(0, None)])],
)
def test_recipes(tmp_path: Path, options: list[str], found: list[Any]) -> None:
    saved(tmp_path / "root" / SAMPLES / "drum_roll.flac", pcm16(noise(1), noise(2)))
    saved(tmp_path / "root" / SAMPLES / "bd_one.flac", pcm16(noise(3)))
    words = ["prepare", "sonicpi", "--source", str(tmp_path / "root"), "--output", str(tmp_path / "out"), *options]
    result = CliRunner().invoke(build_app(), words)
    assert result.exception is None
    assert kept(tmp_path / "out" / "sonicpi") == [(0, None), *found]


@pytest.mark.parametrize("command", ["prepare", "catalog", "infer", "segment", "chat"])
def test_another_word_is_refused(call: Path, tmp_path: Path, command: str) -> None:
    out, wrong = str(tmp_path / "out"), ["--channels", "left"]
    words = {
        "prepare": ["sonicpi", "--output", out],
        "catalog": ["import", "nemo", str(call), "--corpus", "a", "--license", "CC0-1.0", "--output", out],
        "infer": [out, str(call)],
        "segment": [str(call), str(call), "--output", out, "--refine", "none"],
        "chat": [out],
    }
    result = CliRunner().invoke(build_app(), [command, *words[command], *wrong])
    assert isinstance(result.exception, SettingsError)
    assert "`channels` is 'left', expected one of reject, mix, first" in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_files_that_are_asked_about(call: Path) -> None:
    with pytest.raises(
        AudioError, match=r"2 channels that differ, first at 0.000 s.*setting `channels` to mix or first"
    ):
        read_files([call])
    assert np.array_equal(read_files([call], "mix")[0], MIXED)


def test_long_recordings(call: Path) -> None:
    with pytest.raises(AudioError, match="channels that differ"):
        AudioFile(call, 1.0).read(0.0, 1.0)
    assert np.array_equal(AudioFile(call, 1.0, "mix").read(0.0, 1.0), MIXED)
