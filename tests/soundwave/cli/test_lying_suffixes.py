"""Files whose suffix lies: the bytes count, or it is said what was found."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from typer.testing import CliRunner

from manifests.audio import read_audio
from manifests.errors import AudioError, InputError
from manifests.files import read_jsonl
from soundwave.cli import build_app
from tests.tolerance import half_the_digits

TONE = (0.4 * np.sin(np.arange(16000) / 8)).astype(np.float32)


@pytest.mark.parametrize("suffix", ["mp3", "wav", "flac", "ogg", "txt", "jsonl"])
@pytest.mark.parametrize("kind", ["WAV", "FLAC"])
def test_sound_is_heard_by_its_bytes(tmp_path, kind, suffix):
    soundfile.write(tmp_path / f"a.{suffix}", TONE, 16000, format=kind, subtype="PCM_16")
    heard = read_audio(tmp_path / f"a.{suffix}")
    assert len(heard) == len(TONE) and np.abs(heard - TONE).max() <= 2**-15 + half_the_digits(np.float32)


def imported(root, *names):
    rows = [{"audio_filepath": name, "duration": 1.0, "text": "one"} for name in names]
    (root / "m.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return CliRunner().invoke(
        build_app(), ["catalog", "import", "nemo", str(root / "m.json"), "--output", str(root / "o"), *WORDS]
    )


WORDS = ("--license", "CC0-1.0", "--corpus", "odd", "--split", "train", "--language", "en")


def test_what_is_no_sound_is_a_reject(tmp_path):
    soundfile.write(tmp_path / "a.mp3", TONE, 16000, format="WAV")
    soundfile.write(tmp_path / "b.wav", TONE, 16000, format="FLAC")
    (tmp_path / "text.wav").write_text("no sound " * 99)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "table.flac")
    found = imported(tmp_path, "a.mp3", "b.wav", "text.wav", "table.flac")
    assert found.exit_code == 0, found.exception or found.output
    [rejects] = (tmp_path / "o").rglob("rejects.jsonl.gz")
    assert [row["reason"] for row in read_jsonl(rejects)] == ["audio_unreadable"] * 2
    for name in ("text.wav", "table.flac"):
        with pytest.raises(AudioError, match=name):
            read_audio(tmp_path / name)


@pytest.mark.parametrize("name", ["m.jsonl", "m.json"])
def test_a_table_that_calls_itself_lines_is_a_reject_with_its_place(tmp_path, name):
    pq.write_table(pa.table({"audio_filepath": ["a.wav"]}), tmp_path / name)
    words = ["catalog", "import", "nemo", str(tmp_path / name), "--output", str(tmp_path / "o"), *WORDS]
    found = CliRunner().invoke(build_app(), words)
    assert found.exit_code == 1 and f"{name}:1: not UTF-8" in found.output


def test_a_table_that_calls_itself_packed(tmp_path):
    pq.write_table(pa.table({"audio_filepath": ["a.wav"]}), tmp_path / "m.jsonl.gz")
    words = ["catalog", "import", "nemo", str(tmp_path / "m.jsonl.gz"), "--output", str(tmp_path / "o"), *WORDS]
    found = CliRunner().invoke(build_app(), words)
    assert isinstance(found.exception, InputError) and "m.jsonl.gz" in str(found.exception)
