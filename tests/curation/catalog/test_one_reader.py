"""What `catalog build` accepts, passes, audits and exports accept, and the reverse: one list of lines for all."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from lhotse import CutSet
from typer.testing import CliRunner

from curation.audit import run_audits
from curation.catalog import build, connect
from curation.duck import records
from curation.interchange.jsonl import export_jsonl
from curation.passes.quality import Quality
from curation.passes.runner import run_pass
from manifests.errors import InputError
from manifests.files import write_json
from manifests.rows import Reject, checked_rows
from soundwave.cli import build_app
from tests.curation.synthetic_catalog import mono_cut

INFO = {"name": "syn", "title": "syn", "license": "CC0-1.0", "makers": "us", "cuts": 1}


def text_of(cut_id: str, old: str = "", new: str = "", **facts: Any) -> str:
    """The JSON of a good cut over the tests' audio, with some text of it replaced."""
    row = mono_cut(cut_id, **facts)
    if isinstance(row.get("recording"), dict) and row["recording"].get("sources"):
        row["recording"]["sources"][0]["source"] = "a.wav"
    found = json.dumps(row, ensure_ascii=False)
    assert old in found
    return found.replace(old, new, 1)


def said(**facts: Any) -> dict[str, Any]:
    """A supervision."""
    return {"id": "s", "recording_id": "r", "start": 0.0, "duration": 1.5, "text": "a", "language": "en"} | facts


def supervised(cut_id: str, *supervisions: Any) -> str:
    return text_of(cut_id, supervisions=list(supervisions))


DEEP = '"custom": {"x": ' + "[" * 5000 + "]" * 5000 + ", "
BAD: dict[str, tuple[str | bytes, str]] = {  # name: line, what is said of it
    "broken": ("{broken", "not valid JSON"),
    "list": ("[1, 2]", "a list, expected a JSON object"),
    "null": ("null", "null, expected a JSON object"),
    "text": ('"x"', "text, expected a JSON object"),
    "true": ("true", "true or false, expected a JSON object"),
    "number": ("-3.5", "a number, expected a JSON object"),
    "two": (text_of("b1") + " " + text_of("b2"), "not valid JSON"),
    "comma": (text_of("b3", '"type": "MonoCut"}', '"type": "MonoCut",}'), "not valid JSON"),
    "comma and spaces": (text_of("b4", '"type": "MonoCut"}', '"type": "MonoCut" ,  \t }'), "not valid JSON"),
    "comma in a list": (text_of("b5", '"channels": [0]', '"channels": [0, ]'), "not valid JSON"),
    "nan": (text_of("b6", '"custom": {', '"custom": {"snr": nan, '), "not valid JSON"),
    "inf": (text_of("b7", '"custom": {', '"custom": {"snr":-inf, '), "not valid JSON"),
    "NaN duration": (text_of("b8", '"duration": 1.5', '"duration": NaN'), "duration is nan"),
    "key twice": (text_of("b9", '"type": "MonoCut"', '"type": "MonoCut", "id": "other"'), "a key occurs twice"),
    "inner key twice": (text_of("b10", '"text": "some words"', '"text": "a", "text": "b"'), "a key occurs twice"),
    "split twice": (text_of("b11", '"split": "train"', '"split": "test", "split": "train"'), "a key occurs twice"),
    "deep": (text_of("b12", '"custom": {', DEEP), "nested more than 100 levels"),
    "surrogate": (text_of("b13", "some words", "\\ud800 words"), "half a surrogate pair"),
    "bytes": (text_of("b14").encode().replace(b"some words", b"caf\xe9 words"), "not UTF-8: byte 0xe9"),
    "control": (text_of("b15", "some words", "some\x0bwords"), "not valid JSON"),
    "nul": (text_of("b16", "some words", "some\x00words"), "not valid JSON"),
    "quotes": (text_of("b17").replace('"', "'"), "not valid JSON"),
    "comment": (text_of("b18") + " // a comment", "not valid JSON"),
    "form feed": (text_of("b19") + "\x0c", "not valid JSON"),
    "number as text": (text_of("b20", '"duration": 1.5', '"duration": "1.5"'), "duration is no number"),
    "no id": (text_of("b21", '"id": "b21"', '"id": null'), "no `id`"),
    "type": (text_of("b22", "MonoCut", "Alien"), "type is Alien"),
    "split": (text_of("b23", '"split": "train"', '"split": "tarin"'), "or test (nearest: train)"),
    "task": (text_of("b24", '"task": "asr"', '"task": "ars"'), "(nearest: asr)"),
    "custom a text": (text_of("b25", '"custom": {', '"custom": "a", "other": {'), "split is missing"),
    "recording a text": (text_of("b26", recording="r"), "no `recording`"),
    "sound a text": (supervised("b27", said(custom={"sound": "Dog"})), "sound is"),
    "sound of null": (supervised("b28", said(custom={"sound": ["Dog", None]})), "sound is"),
    "no list": (text_of("b29", supervisions={"text": "a"}), "supervisions is no list"),
    "no object": (supervised("b30", "a"), "supervision 1 is no object"),
    "outside": (supervised("b31", said(start=1.0)), "supervision 1 lies from 1.000 to 2.500 s"),
    "before": (supervised("b32", said(start=-0.5, duration=1.0)), "supervision 1 lies from -0.500"),
    "empty span": (supervised("b33", said(duration=0)), "supervision 1 has no span"),
    "negative span": (supervised("b34", said(duration=0.5), said(duration=-0.5)), "supervision 2 has no span"),
    "span as text": (supervised("b35", said(start="0")), "supervision 1 has no span"),
    "channel": (supervised("b36", said(), said(channel=1)), "supervision 2 is on channel 1, the cut on channel 0"),
    "overlap": (supervised("b37", said(duration=1.0), said(start=0.5, duration=1.0)), "supervisions 1 and 2 overlap"),
    "speakers": (
        supervised("b38", said(duration=0.7, speaker="A"), said(start=0.7, duration=0.8, speaker="B")),
        "supervisions name 2 values of speaker",
    ),
    "languages": (
        supervised("b39", said(duration=0.7), said(start=0.7, duration=0.8, language="de")),
        "supervisions name 2 values of language",
    ),
}  # fmt: skip
GOOD: dict[str, str] = {  # id: line
    "g1": text_of("g1"),
    "g2": "  \t" + text_of("g2") + " \r",
    "g3": text_of("g3", text="one\u2028line\u0085with\x1cends"),
    "g4": text_of("g4", '"custom": {', '"custom": {"snr": NaN, "best": -Infinity, '),
    "g5": text_of("g5", '"split": "train"', '"split": "TRAIN"').replace('"asr"', '"Asr"', 1),
    "g6": text_of("g6", text="banana, information, {[,]}"),
    "g7": text_of("g7", "some words", "\\ud83d\\ude00"),
    "g8": supervised("g8", said(start=0.8, duration=0.7, text="second"), said(duration=0.8, text="first")),
    "g9": text_of("g9", '"custom": {', '"custom": {"large": ' + "9" * 400 + ', "x": {"y": 1, "y": 2}, '),
    "g10": "\ufeff" + text_of("g10", ": ", "\r:\t"),
}


def corpus(workspace: Path, name: str, data: bytes) -> Path:
    """A corpus folder with one file of rows, plain or packed."""
    folder = workspace / "corpora" / "syn"
    folder.mkdir(parents=True)
    soundfile.write(folder / "a.wav", np.sin(np.arange(24000) / 5.0) * 0.5, 16000)
    packed = {".gz": lambda: gzip.compress(data, mtime=0)}.get(Path(name).suffix)
    if Path(name).suffix in (".zst", ".lz4"):
        with pa.CompressedOutputStream(str(folder / name), {".zst": "zstd", ".lz4": "lz4"}[Path(name).suffix]) as out:
            out.write(data)
    else:
        (folder / name).write_bytes(packed() if packed else data)
    write_json(folder / "corpus.json", INFO)
    return folder


def lines_of_all() -> bytes:
    """Good and bad lines in turn, the first after a byte-order mark, the last without an end."""
    lines = [line if isinstance(line, bytes) else line.encode() for line, _ in BAD.values()]
    lines += [line.encode() for line in GOOD.values()]
    return b"\xef\xbb\xbf" + text_of("g0").encode() + b"\n\n" + b"\n".join(lines)


@pytest.mark.parametrize("name", ["cuts.jsonl", "cuts.jsonl.gz", "cuts.jsonl.zst", "cuts.jsonl.lz4"])
def test_one_list_of_lines_has_one_verdict_everywhere(tmp_path: Path, name: str) -> None:
    folder = corpus(tmp_path, name, lines_of_all())
    build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    with connect(tmp_path / "catalog") as con:
        kept = {row["cut_id"] for row in records(con.execute("SELECT cut_id FROM cuts"))}
        refused = {row["cut_id"]: row["detail"] for row in records(con.execute("SELECT * FROM rejects"))}
        (joined,) = con.execute("SELECT text FROM cuts WHERE cut_id = 'g8'").fetchall()
        (words,) = con.execute("SELECT split, task, domain FROM cuts WHERE cut_id = 'g5'").fetchall()
    assert kept == {"g0", *GOOD}
    assert (joined[0], words) == ("first second", ("train", "asr", "asr"))
    assert len(refused) == len(BAD)
    for number, (what, (_, expected)) in enumerate(BAD.items(), 3):
        (detail,) = [
            said for place, said in refused.items() if f"{name}:{number})" in said or place == f"{name}:{number}"
        ]
        assert expected in detail, what

    rows = list(checked_rows(folder))
    assert {row["id"] for row in rows if not isinstance(row, Reject)} == kept
    assert {row.cut_id: row.detail for row in rows if isinstance(row, Reject)} == refused

    done = run_pass(Quality(), folder, tmp_path / "labels", workers=0)
    assert (done.labelled, dict(done.reasons)) == (len(kept), {"bad_row": len(BAD)})
    build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    with connect(tmp_path / "catalog") as con:
        by_pass = con.execute("SELECT cut_id FROM rejects WHERE pass = 'quality'").fetchall()
    assert {row[0] for row in by_pass} == set(refused)
    assert run_audits(tmp_path / "catalog")

    export_jsonl(tmp_path / "catalog", tmp_path / "back.jsonl")
    assert {cut.id for cut in CutSet.from_file(tmp_path / "back.jsonl")} == kept


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("cuts.jsonl", b"", "empty (0 bytes)"),
        ("cuts.jsonl", text_of("a").encode("utf-16"), "UTF-16"),
        ("cuts.jsonl.gz", text_of("a").encode("utf-16"), "UTF-16"),
    ],
)
def test_a_file_that_cannot_be_read_stops_every_command(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    check_refused(tmp_path, corpus(tmp_path, name, data), message)


@pytest.mark.parametrize("name", ["cuts.jsonl.gz", "cuts.jsonl.zst", "cuts.jsonl.lz4"])
def test_a_packed_file_that_was_cut_short_stops_every_command(tmp_path: Path, name: str) -> None:
    folder = corpus(tmp_path, name, "\n".join(text_of(f"a{n}", text=f"{n**7}") for n in range(500)).encode())
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    check_refused(tmp_path, folder, "cut short or is damaged")


def check_refused(workspace: Path, folder: Path, message: str) -> None:
    at = ["--corpora", str(workspace / "corpora"), "--labels", str(workspace / "labels")]
    for command in (["catalog", "build", *at, "--catalog", str(workspace / "catalog")], ["label", "quality", *at]):
        with pytest.raises(InputError, match=r".") as caught:
            CliRunner().invoke(build_app(), command, catch_exceptions=False, standalone_mode=False)
        assert message in str(caught.value)
    with pytest.raises(InputError):
        list(checked_rows(folder))
    assert not (workspace / "catalog" / "catalog.json").exists()


def test_several_members_of_gzip_are_one_file(tmp_path: Path) -> None:
    folder = corpus(tmp_path, "cuts.jsonl.gz", b"")
    parts = [b"\xef\xbb\xbf" + text_of(name).encode() + b"\r\n" for name in "abc"]
    (folder / "cuts.jsonl.gz").write_bytes(b"".join(gzip.compress(part, mtime=0) for part in parts))
    summary = build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    assert summary.rows("cuts") == 3
    assert [row["id"] for row in checked_rows(folder) if not isinstance(row, Reject)] == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["cuts.jsonl", "cuts.jsonl.gz"])
def test_a_line_of_44_megabytes_is_a_reject(tmp_path: Path, name: str) -> None:
    long = text_of("long", text="x" * (44 << 20))
    folder = corpus(tmp_path, name, f"{text_of('a')}\n{long}\n{text_of('b')}\n".encode())
    summary = build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    assert (summary.rows("cuts"), summary.rows("rejects")) == (2, 1)
    kinds = [row.detail if isinstance(row, Reject) else row["id"] for row in checked_rows(folder)]
    assert kinds == ["a", "the line has 44.0 MB, expected at most 16 MB", "b"]
