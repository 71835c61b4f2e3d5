"""Imports name the channel that each cut hears."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from curation.interchange.kaldi import import_kaldi
from curation.interchange.nemo import import_nemo
from manifests.files import read_json, read_jsonl
from manifests.items import About
from tests.wave_bytes import noise, pcm16, saved

ABOUT = About("told", "CC-BY-4.0", language="en")


def rows(output: Path, name: str = "cuts") -> list[dict[str, Any]]:
    return list(read_jsonl(output / "told" / f"{name}.jsonl.gz"))


def reasons(output: Path) -> dict[str, str]:
    return {row["cut_id"]: row["reason"] for row in rows(output, "rejects")}


def nemo(folder: Path, lines: list[dict[str, Any]]) -> Path:
    path = folder / "train.json"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def kaldi(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("wav_scp", "wav.scp")).write_text(text)
    return folder


def two_sides(folder: Path) -> Path:
    """A call with another speaker on each channel, and a mono file."""
    saved(folder / "call.wav", pcm16(noise(1), noise(2)))
    saved(folder / "mono.wav", pcm16(noise(3)))
    return folder


def channels_heard(output: Path) -> dict[str, object]:
    return {row["id"].removeprefix("told-"): row["channel"] for row in rows(output)}


def test_kaldi_sides_and_channels_of_segments(tmp_path: Path) -> None:
    two_sides(tmp_path / "data")
    folder = kaldi(
        tmp_path / "data",
        wav_scp="c-A call.wav\nc-B call.wav\nc-C call.wav\nc-1 call.wav\nm mono.wav\n",
        reco2file_and_channel="c-A call A\nc-B call B\nc-C call C\nc-1 call 1\nm call B\n",
        segments="a c-A 0 1\nb c-B 0 1\nc c-C 0 1\nd c-1 0 1\ne m 0 1\nf c-A 0 1 1\ng c-A 0 1 x\nh m 0 1 1\n",
        text="".join(f"{key} word\n" for key in "abcdefgh"),
    )
    import_kaldi(folder, tmp_path / "out", ABOUT)
    assert channels_heard(tmp_path / "out") == {"a": 0, "b": 1, "d": 0, "e": 0, "f": 1}
    assert reasons(tmp_path / "out") == {"told-c": "channel_missing", "told-g": "bad_row", "told-h": "channel_missing"}


def test_nemo_rows_choose_a_channel(tmp_path: Path) -> None:
    two_sides(tmp_path)
    chosen = [0, 1, 2, None, "average"]
    lines = [
        {"id": f"u{n}", "audio_filepath": "call.wav", "text": "a", "channel_selector": channel}
        for n, channel in enumerate(chosen)
    ]
    import_nemo([nemo(tmp_path, lines)], tmp_path / "out", ABOUT)
    assert channels_heard(tmp_path / "out") == {"u0": 0, "u1": 1}
    assert sorted(reasons(tmp_path / "out").values()) == ["bad_row", "channel_missing", "channels_differ"]


@pytest.mark.parametrize(("how", "heard"), [("mix", [0, 1]), ("first", 0)])
def test_the_setting_keeps_what_names_no_channel_and_is_written_down(tmp_path: Path, how: str, heard: object) -> None:
    two_sides(tmp_path)
    lines = [{"id": name, "audio_filepath": f"{name}.wav", "text": "a"} for name in ("call", "mono")]
    about = About("told", "CC-BY-4.0", language="en", channels=how)
    import_nemo([nemo(tmp_path, lines)], tmp_path / "out", about)
    assert channels_heard(tmp_path / "out") == {"call": heard, "mono": 0}
    assert read_json(tmp_path / "out" / "told" / "corpus.json")["provenance"]["settings"]["channels"] == how
