"""Imports that split by hash: nothing that our own audits call leakage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from curation.audit import run_audits
from curation.catalog import build, connect
from curation.interchange.nemo import import_nemo
from curation.passes.fingerprint import Fingerprint
from curation.passes.runner import run_pass
from curation.text.readings import number_readings
from manifests.files import read_jsonl
from manifests.items import About
from tests.curation.sounding import RATE, again, clip


def splits(output: Path) -> list[str]:
    return [row["custom"]["split"] for row in read_jsonl(output / "told" / "cuts.jsonl.gz")]


def nemo(folder: Path, lines: list[dict[str, Any]]) -> Path:
    path = folder / "rows.json"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def write_told(folder: Path, name: str, seed: int, kind: str | None = None) -> None:
    samples, rate = (clip(seed), RATE) if kind is None else again(clip(seed))[kind]
    soundfile.write(folder / f"{name}.wav", samples, rate)


def test_what_splits_by_hash_is_no_leakage_to_our_own_audits(tmp_path: Path) -> None:
    """Each of 40 pairs shares one thing: numbers as digits or words, a re-encoding, a file, a speaker's id."""
    lines: list[dict[str, Any]] = []
    for n in range(40):
        write_told(tmp_path, f"{n}", n)
        write_told(tmp_path, f"{n}b", n if n % 4 == 1 else 100 + n, "mp3" if n % 4 == 1 else None)
        one = {"audio_filepath": f"{n}.wav", "text": f"Row {n}", "speaker": f"libri-{1000 + n}"}
        other = {"audio_filepath": f"{n}b.wav", "text": f"Other {n}", "speaker": f"libri-{2000 + n}"}
        other |= {
            0: {"text": " ".join(next(iter(number_readings(f"row {n}", "en"))).upper().split())},
            1: {},
            2: {"audio_filepath": f"{n}.wav", "offset": 1.0, "duration": 1.0},
            3: {"speaker": f"libritts_{1000 + n}"},
        }[n % 4]
        lines += [one, other]
    import_nemo([nemo(tmp_path, lines)], tmp_path / "out" / "corpora", About("told", "CC0-1.0", "hash", language="en"))
    catalog = tmp_path / "out" / "catalog"
    run_pass(Fingerprint(), tmp_path / "out" / "corpora" / "told", tmp_path / "out" / "labels", workers=0)
    build(tmp_path / "out" / "corpora", tmp_path / "out" / "labels", catalog)
    with connect(catalog) as con:
        made = [row[0] for row in con.sql("SELECT DISTINCT split FROM cuts ORDER BY split").fetchall()]
    assert made == ["dev", "test", "train"]
    names = [f"leakage_{what}" for what in ("text", "audio", "sound", "recording", "speaker")]
    assert {found.name: found.rows for found in run_audits(catalog, only=names)} == dict.fromkeys(names, 0)


def test_a_hash_goes_with_the_corpora_beside_it(tmp_path: Path) -> None:
    for n in range(12):
        write_told(tmp_path, f"{n}", n)
    official = [{"audio_filepath": f"{n}.wav", "text": f"t{n}"} for n in range(6)]
    later = [{"audio_filepath": f"{6 + n}.wav", "text": f"T{n}!"} for n in range(6)]
    import_nemo([nemo(tmp_path, official)], tmp_path / "out", About("eval", "CC0-1.0", "test"))
    import_nemo([nemo(tmp_path, later)], tmp_path / "out", About("told", "CC0-1.0", "hash"))
    assert splits(tmp_path / "out") == ["test"] * 6


@pytest.mark.parametrize("beside", [True, False])
def test_a_copy_in_another_encoding_goes_with_the_corpus_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], beside: bool
) -> None:
    """Each has its own text and file: what they share is what they sound like."""
    for n in range(6):
        write_told(tmp_path, f"{n}", n)
        write_told(tmp_path, f"{n}b", n, ("opus", "mp3")[n % 2])
    official = [{"audio_filepath": f"{n}.wav", "text": f"official {chr(97 + n)}"} for n in range(6)]
    later = [{"audio_filepath": f"{n}b.wav", "text": f"told {chr(97 + n)}"} for n in range(6)]
    import_nemo([nemo(tmp_path, official)], tmp_path / "out", About("eval", "CC0-1.0", "test"))
    capsys.readouterr()
    import_nemo([nemo(tmp_path, later)], tmp_path / "out", About("told", "CC0-1.0", "hash", beside=beside))
    said = capsys.readouterr().err
    assert (splits(tmp_path / "out") == ["test"] * 6) is beside
    assert ("of 6 rows go to the split of rows that they are linked with in the corpora beside it" in said) is beside


def test_one_voice_is_said_and_other_links_split_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [{"audio_filepath": f"{n}.wav", "text": f"t{n}", "speaker": "anna"} for n in range(40)]
    for n in range(40):
        soundfile.write(tmp_path / f"{n}.wav", np.full(1600 + n, 0.1, np.float32), RATE)
    import_nemo([nemo(tmp_path, lines)], tmp_path / "out", About("told", "CC0-1.0", "hash"))
    assert "told: 40 of 40 rows hang together and stay in train (speaker 'told/anna' in 40)" in capsys.readouterr().err
    assert set(splits(tmp_path / "out")) == {"train"}
    links = ("recording", "text", "audio")
    import_nemo([nemo(tmp_path, lines)], tmp_path / "out", About("told", "CC0-1.0", "hash", links=links))
    assert "hang together" not in capsys.readouterr().err
    assert set(splits(tmp_path / "out")) == {"train", "dev", "test"}
