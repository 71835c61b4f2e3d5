"""`soundwave catalog import folder`: audio with texts beside it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer
from praatio.data_classes.interval_tier import IntervalTier
from praatio.data_classes.textgrid import Textgrid
from typer.testing import CliRunner

from manifests.audio.endings import ENDINGS
from manifests.errors import MissingFileError, OccupiedError, SettingsError
from manifests.files import read_jsonl
from manifests.rows.validate import validate_rows
from soundwave.cli.catalog import register

WORDS = [(0.1, 0.5, "turn"), (0.5, 0.75, "sil"), (0.75, 1.25, "left")]


def tone(path: Path, seconds: float = 2.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(round(seconds * 16000), 0.1, dtype=np.float32), 16000)
    return path


def grid(path: Path, *, form: str = "long_textgrid", end: float = 2.0, **tiers: list[Any]) -> Path:
    made = Textgrid(0, end)
    for name, entries in (tiers or {"words": WORDS}).items():
        made.addTier(IntervalTier(name.replace("_", " "), entries, 0, end))
    made.save(str(path), format=form, includeBlankSpaces=True)  # type: ignore[arg-type]
    return path


def imported(folder: Path, *options: str) -> tuple[dict[str, dict[str, Any]], dict[str, tuple[str, str]]]:
    """Cuts and rejects (reason, detail) by id, as the command writes them."""
    output = folder.parent / "out"
    app = typer.Typer()
    register(app)
    words = ["catalog", "import", "folder", str(folder), "--corpus", "told", "--license", "CC0-1.0"]
    result = CliRunner().invoke(app, [*words, "--output", str(output), "--language", "en", *options])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    cuts = {row["id"]: row for row in read_jsonl(output / "told" / "cuts.jsonl.gz")}
    assert list(validate_rows(cuts.values())) == []
    rejects = read_jsonl(output / "told" / "rejects.jsonl.gz")
    return cuts, {row["cut_id"]: (row["reason"], row["detail"]) for row in rejects}


def said(cut: dict[str, Any]) -> dict[str, Any]:
    return cut["supervisions"][0]


def test_texts_of_the_same_stem_and_every_ending_of_audio(tmp_path: Path) -> None:
    tone(tmp_path / "data" / "a.wav")
    tone(tmp_path / "data" / "x" / "b.1.FLAC")
    tone(tmp_path / "data" / "x" / "c.ogg")
    (tmp_path / "data" / "a.txt").write_bytes(b"\xef\xbb\xbfTurn left.\r\n\r\nNow!\r\n")
    (tmp_path / "data" / "x" / "b.1.lab").write_text("größer\n")
    (tmp_path / "data" / "x" / "c.TXT").write_text("0 to 10 in two seconds")
    (tmp_path / "data" / ".hidden.wav").write_bytes(b"x")
    (tmp_path / "data" / "notes.pdf").write_bytes(b"x")
    cuts, rejects = imported(tmp_path / "data")
    texts = {"told-a": "Turn left. Now!", "told-x/b.1": "größer", "told-x/c": "0 to 10 in two seconds"}
    assert ({key: said(cut)["text"] for key, cut in cuts.items()}, rejects) == (texts, {})
    assert {said(cut).get("speaker") for cut in cuts.values()} == {None}
    assert {cut["custom"]["split"] for cut in cuts.values()} == {"train"}
    assert {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".sph"} <= ENDINGS


def test_what_cannot_be_used_is_a_reject_that_says_why(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for name in ("good", "alone", "bytes", "wide", "empty", "two", "labels", "grid", "late", "twice"):
        tone(data / f"{name}.wav")
    tone(data / "twice.flac")
    for name in ("good", "orphan", "odd", "twice"):
        (data / f"{name}.txt").write_text("some words")
    (data / "odd.xyz").write_bytes(b"?")
    (data / "bytes.txt").write_bytes(b"caf\xe9")
    (data / "wide.txt").write_text("words", encoding="utf-16")
    (data / "empty.txt").touch()
    (data / "two.txt").write_text("one thing")
    (data / "two.lab").write_text("another thing")
    (data / "labels.lab").write_text("0 4600000 she\n4600000 9000000 had\n")
    (data / "grid.TextGrid").write_text("File type = no grid")
    grid(data / "late.TextGrid", end=9.0, words=[(0.0, 1.0, "in"), (8.0, 9.0, "out")])
    broken = data / "broken.wav"
    broken.write_bytes(b"RIFF")
    (data / "broken.txt").write_text("words")
    cuts, rejects = imported(data)
    assert set(cuts) == {"told-good", "told-twice"}
    assert {key.removeprefix("told-"): reason for key, (reason, _) in rejects.items()} == {
        "alone": "text_missing", "orphan": "audio_missing", "odd": "audio_missing", "bytes": "bad_row",
        "wide": "bad_row", "empty": "empty_text", "two": "bad_row", "labels": "bad_row", "grid": "bad_row",
        "late": "bad_row", "broken": "audio_unreadable", "twice": "duplicate_id",
    }  # fmt: skip
    expected = {
        "alone": "none of alone.txt, alone.lab, alone.TextGrid",
        "odd": "but odd.xyz",
        "bytes": "0xe9 in line 1",
        "two": "two.lab, two.txt say different things",
        "labels": "labels with times",
        "grid": "not a TextGrid",
        "late": "a word ends at 9 s, the item has 2 s",
    }
    assert [key for key, text in expected.items() if text not in rejects[f"told-{key}"][1]] == []


@pytest.mark.parametrize("form", ["long_textgrid", "short_textgrid", "textgrid_json"])
def test_word_times_of_textgrids(tmp_path: Path, form: str) -> None:
    tone(tmp_path / "data" / "a.wav")
    grid(tmp_path / "data" / "a.TextGrid", form=form, phones=[(0.1, 0.5, "T")], words=WORDS)
    cut = imported(tmp_path / "data")[0]["told-a"]
    assert said(cut)["text"] == "turn left"
    words = [(word[0], word[1], word[2]) for word in said(cut)["alignment"]["word"]]
    assert words == [("turn", 0.1, 0.4), ("left", 0.75, 0.5)]


def test_a_textgrid_in_utf_16_and_beside_a_text(tmp_path: Path) -> None:
    tone(tmp_path / "data" / "a.wav")
    path = grid(tmp_path / "data" / "a.TextGrid", Mary___words=WORDS)
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-16")
    (tmp_path / "data" / "a.txt").write_text("Turn left!")
    cut = imported(tmp_path / "data")[0]["told-a"]
    assert said(cut)["text"] == "Turn left!"
    assert [word[0] for word in said(cut)["alignment"]["word"]] == ["turn", "left"]


def test_tiers(tmp_path: Path) -> None:
    tone(tmp_path / "data" / "a.wav")
    grid(tmp_path / "data" / "a.TextGrid", adult=[(0.0, 1.0, "turn left")], child=[(1.0, 2.0, "why")])
    detail = imported(tmp_path / "data")[1]["told-a"][1]
    assert "2 tiers that may hold the words" in detail
    assert "adult, child. Name one with the setting `tier`" in detail
    cut = imported(tmp_path / "data", "--tier", "Adult")[0]["told-a"]
    assert said(cut)["text"] == "turn left"
    assert "alignment" not in said(cut)  # an interval holds several words
    assert "no tier of the name 'x'" in imported(tmp_path / "data", "--tier", "x")[1]["told-a"][1]


def test_folders_mean_what_a_setting_says(tmp_path: Path) -> None:
    for place in ("train/ann/1", "eval/bob/1"):
        tone(tmp_path / "data" / f"{place}.wav")
        (tmp_path / "data" / f"{place}.txt").write_text(f"words of {place}")
    tone(tmp_path / "data" / "2.wav")
    (tmp_path / "data" / "2.txt").write_text("in no folder")
    cuts, _ = imported(tmp_path / "data")
    assert {(cut["custom"]["split"], said(cut).get("speaker")) for cut in cuts.values()} == {("train", None)}
    cuts, rejects = imported(tmp_path / "data", "--folders", "split/speaker")
    found = {key: (cut["custom"]["split"], said(cut).get("speaker")) for key, cut in cuts.items()}
    assert found == {"told-train/ann/1": ("train", "ann"), "told-eval/bob/1": ("test", "bob")}
    assert rejects["told-2"][0] == "bad_row"
    cuts, _ = imported(tmp_path / "data", "--folders", "-/speaker")
    assert {said(cut)["speaker"] for cut in cuts.values()} == {"ann", "bob"}


def test_folders_of_sounds_need_no_text(tmp_path: Path) -> None:
    tone(tmp_path / "data" / "Dog" / "1.wav")
    cuts, rejects = imported(tmp_path / "data", "--task", "sound", "--folders", "sound")
    assert (cuts["told-Dog/1"]["supervisions"][0]["custom"]["sound"], rejects) == (["Dog"], {})


def test_links_out_of_the_folder_are_rejects_unless_asked_for(tmp_path: Path) -> None:
    tone(tmp_path / "elsewhere" / "a.wav")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.wav").symlink_to(tmp_path / "elsewhere" / "a.wav")
    (tmp_path / "data" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "a.txt").write_text("words")
    _, rejects = imported(tmp_path / "data")
    assert {key: reason for key, (reason, _) in rejects.items()} == {
        "told-a.wav": "outside_corpus", "told-more": "outside_corpus", "told-a": "audio_missing",
    }  # fmt: skip
    cuts, _ = imported(tmp_path / "data", "--follow-links")
    assert set(cuts) == {"told-a"}


def test_a_name_that_is_no_utf_8_is_a_reject(tmp_path: Path) -> None:
    tone(tmp_path / "data" / "a.wav")
    (tmp_path / "data" / "a.txt").write_text("words")
    Path(os.fsdecode(os.fsencode(tmp_path / "data") + b"/caf\xe9.txt")).write_text("words")
    cuts, rejects = imported(tmp_path / "data")
    assert set(cuts) == {"told-a"}
    assert {key: reason for key, (reason, _) in rejects.items()} == {"told-caf\\xe9.txt": "bad_row"}


def test_no_folder_or_one_with_a_split_that_is_not_known(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="No such folder of audio"):
        imported(tmp_path / "none")
    tone(tmp_path / "data" / "attic" / "a.wav")
    (tmp_path / "data" / "attic" / "a.txt").write_text("words")
    with pytest.raises(SettingsError, match="split 'attic'"):
        imported(tmp_path / "data", "--folders", "split")
    assert not (tmp_path / "out").exists()


def test_an_import_can_be_made_again_and_not_of_another_folder(tmp_path: Path) -> None:
    for name in ("data", "second"):
        tone(tmp_path / name / "a.wav")
        (tmp_path / name / "a.txt").write_text(f"words of {name}")
    first = imported(tmp_path / "data")
    assert imported(tmp_path / "data") == first
    with pytest.raises(OccupiedError, match="holds another corpus"):
        imported(tmp_path / "second")
    assert json.dumps(imported(tmp_path / "data")) == json.dumps(first)
