"""Lengths that other tools' lists state are claims: they must be what the audio decodes to, or the row is rejected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from curation.interchange.huggingface import import_dataset
from curation.interchange.kaldi import import_kaldi
from curation.interchange.nemo import import_nemo
from manifests.files import read_jsonl
from manifests.items import About
from tests.manifests.audio import written_audio as made

ABOUT = About("told", "CC0-1.0", language="en")


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    """A file of 3 seconds, whose header would say half of it."""
    (tmp_path / "a.mp3").write_bytes(made.xing(0.5))
    return tmp_path / "a.mp3"


def outcome(output: Path) -> list[Any]:
    cuts = [row["duration"] for row in read_jsonl(output / "told" / "cuts.jsonl.gz")]
    return cuts + [row["reason"] for row in read_jsonl(output / "told" / "rejects.jsonl.gz")]


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, [3.0]),
        ({"utt2dur": "3.0"}, [3.0]),
        ({"utt2dur": "3.1"}, [3.0]),  # within what codecs pad
        ({"utt2dur": "1.5"}, ["duration_mismatch"]),
        ({"utt2dur": "six"}, ["duration_mismatch"]),
        ({"reco2dur": "1.5"}, ["duration_mismatch"]),
        ({"reco2dur": "3.0"}, [3.0]),
        ({"segments": "a 0.5 2.5"}, [2.0]),
        ({"segments": "a 0.5 2.5", "utt2dur": "2.0", "reco2dur": "3.0"}, [2.0]),
        ({"segments": "a 0.5 2.5", "utt2dur": "3.0"}, ["duration_mismatch"]),
        ({"segments": "a 0.5 2.5", "reco2dur": "6.0"}, ["duration_mismatch"]),
        ({"segments": "a 0.5 4.5"}, ["bad_row"]),
    ],
)
def test_kaldi(tmp_path: Path, audio: Path, claims: dict[str, str], expected: list[Any]) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for name, value in {"wav.scp": str(audio), "text": "words", **claims}.items():
        (folder / name).write_text(f"a {value}\n")
    import_kaldi(folder, tmp_path / "out", ABOUT)
    assert outcome(tmp_path / "out") == expected


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, [3.0]),
        ({"duration": 3.0}, [3.0]),
        ({"duration": 1.5}, ["duration_mismatch"]),  # of the file
        ({"duration": 1.5, "offset": 0}, [1.5]),  # of a part of it
        ({"duration": 1.5, "offset": 1.0}, [1.5]),
        ({"duration": 6.0}, ["bad_row"]),
    ],
)
def test_nemo(tmp_path: Path, audio: Path, claims: dict[str, float], expected: list[Any]) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"audio_filepath": str(audio), "text": "words", **claims}))
    import_nemo([tmp_path / "a.json"], tmp_path / "out", ABOUT)
    assert outcome(tmp_path / "out") == expected


def test_a_file_that_ends_half_way_is_no_cut(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(made.half(made.wav()))
    (tmp_path / "a.json").write_text(json.dumps({"audio_filepath": "a.wav", "text": "words"}))
    import_nemo([tmp_path / "a.json"], tmp_path / "out", ABOUT)
    assert outcome(tmp_path / "out") == ["audio_unreadable"]


@pytest.mark.parametrize(
    ("columns", "named", "expected"),
    [
        ({"duration": 3.0}, {}, [3.0]),
        ({"duration": 2.9}, {}, [3.0]),
        ({"duration": 1.5}, {}, ["duration_mismatch"]),
        ({"duration": "3.0"}, {}, [3.0]),
        ({"duration": "0:03"}, {}, ["duration_mismatch"]),
        ({"duration": None}, {}, [3.0]),
        ({"duration_ms": 3000}, {}, [3.0]),
        ({"duration_ms": 1500}, {}, ["duration_mismatch"]),
        ({"audio_duration": 6.0}, {}, ["duration_mismatch"]),
        ({"length": 6.0}, {}, [3.0]),  # of what, nobody knows
        ({"length": 6.0}, {"duration": "length"}, ["duration_mismatch"]),
    ],
)
def test_datasets(
    tmp_path: Path, audio: Path, columns: dict[str, Any], named: dict[str, str], expected: list[Any]
) -> None:
    datasets = pytest.importorskip("datasets")
    facts = {"audio": [str(audio)], "text": ["words"], **{name: [value] for name, value in columns.items()}}
    table = datasets.Dataset.from_dict(facts).cast_column("audio", datasets.Audio())
    import_dataset(table, tmp_path / "out", ABOUT, columns=named)
    assert outcome(tmp_path / "out") == expected
    for row in read_jsonl(tmp_path / "out" / "told" / "cuts.jsonl.gz"):
        kept = {name: value for name, value in columns.items() if name not in named.values() and value is not None}
        assert row["custom"].get("columns", {}).items() >= kept.items()
