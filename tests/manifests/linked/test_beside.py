"""What rows of several corpora share, as JSON of their manifests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from manifests.linked.beside import cut_links, look_beside
from manifests.linked.groups import LINKS
from manifests.rows import CORPUS, CUTS


def cut(name: str = "a", path: str = "/data/a.wav", hours: float = 0.001, **said: Any) -> dict[str, Any]:
    seconds = hours * 3600
    recording = {"id": f"r-{name}", "sources": [{"type": "file", "channels": [0], "source": path}]}
    recording |= {"sampling_rate": 16000, "num_samples": round(seconds * 16000), "duration": seconds}
    supervision = {"start": 0.0, "duration": seconds, "text": "Some words", "language": "en", "speaker": "ann"} | said
    custom = {"corpus": "one", "split": "train", "task": "asr"}
    row = {"id": name, "start": 0.0, "duration": seconds, "channel": 0, "type": "MonoCut", "custom": custom}
    return row | {"supervisions": [supervision], "recording": recording | {"channel_ids": [0]}}


def test_a_relative_path_says_something_in_its_corpus_alone() -> None:
    assert cut_links(cut(path="audio/1.wav"), LINKS)["recording"] == ["one/r-a", "one/audio/1.wav"]
    assert cut_links(cut(path="s3://b/1.wav"), LINKS)["recording"] == ["one/r-a", "s3://b/1.wav"]
    assert set(cut_links(cut(), ("text",))) == {"text"}


def test_all_supervisions_make_the_text_and_mixed_cuts_have_their_tracks() -> None:
    row = cut()
    half = {"duration": 1.8, "language": "en"}
    row["supervisions"] = [{"start": 1.8, "text": "words", **half}, {"start": 0.0, "text": "some", **half}]
    assert cut_links(row, LINKS)["text"] == ["some words"]
    mixed = {"id": "m", "type": "MixedCut", "tracks": [{"type": "PaddingCut", "cut": {}}, {"offset": 0, "cut": cut()}]}
    assert cut_links(mixed, LINKS) == cut_links(cut(), LINKS)


def test_corpora_too_long_to_hear_are_said_and_compared_by_all_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, hours in (("long", 30.0), ("short", 0.1)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / CORPUS).write_text("{}")
        (folder / CUTS.removesuffix(".gz")).write_text(json.dumps(cut(name, hours=hours)) + "\n")
    found = look_beside(lambda: [cut("new")], tmp_path, corpus="new", links=LINKS, readings=None)
    assert [row.id for row in found.rows()] == ["long", "short"]
    assert found.sounds == {}
    assert "new: of long beside it ids, files, speakers and texts are compared, not sounds" in capsys.readouterr().err
