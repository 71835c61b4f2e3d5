"""`soundwave catalog import tsv` and `csv`: a row of a table a clip."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

from manifests.errors import ManifestError, MissingFileError, SettingsError
from manifests.files import read_jsonl
from manifests.rows.validate import validate_rows
from soundwave.cli.catalog import register

HEAD = "client_id\tpath\tsentence\tup_votes\tage\tgender\tlocale\n"


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    (tmp_path / "clips").mkdir()
    for name in "abc":
        soundfile.write(tmp_path / "clips" / f"{name}.wav", np.full(16000, 0.1, dtype=np.float32), 16000)
    return tmp_path


def imported(path: Path, *options: str) -> tuple[dict[str, dict[str, Any]], dict[str, tuple[str, str]]]:
    """Cuts and rejects (reason, detail) by id, as the command writes them."""
    output = path.parent / "out"
    app = typer.Typer()
    register(app)
    kind = "tsv" if "tsv" in path.name else "csv"
    words = ["catalog", "import", kind, str(path), "--corpus", "told", "--license", "CC0-1.0", "--output", str(output)]
    result = CliRunner().invoke(app, [*words, *options])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    cuts = {row["id"]: row for row in read_jsonl(output / "told" / "cuts.jsonl.gz")}
    assert list(validate_rows(cuts.values())) == []
    rejects = read_jsonl(output / "told" / "rejects.jsonl.gz")
    return cuts, {row["cut_id"]: (row["reason"], row["detail"]) for row in rejects}


def text(cut: dict[str, Any]) -> str:
    return str(cut["supervisions"][0]["text"])


def test_common_voice_needs_no_setting(clips: Path) -> None:
    path = clips / "dev.tsv"
    path.write_text(f"{HEAD}9f\ta.wav\tTurn left.\t3\ttwenties\tfemale\tsv-SE\n7c\tb.wav\tNow\t\t\t\tde\n")
    cuts, rejects = imported(path)
    assert (list(cuts), rejects) == (["told-dev-000002", "told-dev-000003"], {})
    first, second = cuts.values()
    said = first["supervisions"][0]
    assert (said["text"], said["speaker"], said["language"]) == ("Turn left.", "9f", "sv-SE")
    custom = {name: first["custom"][name] for name in ("split", "age", "gender", "columns")}
    assert custom == {"split": "dev", "age": "twenties", "gender": "female", "columns": {"up_votes": "3"}}
    assert {"age", "gender", "columns"} & set(second["custom"]) == set()
    assert first["recording"]["sources"][0]["source"] == str(clips / "clips" / "a.wav")


def test_a_table_of_all_clips_asks_which_split_it_is(clips: Path) -> None:
    path = clips / "validated.tsv"
    path.write_text(f"{HEAD}9f\ta.wav\tTurn left.\t3\t\t\ten\n")
    with pytest.raises(SettingsError, match="'validated'"):
        imported(path)
    assert not (clips / "out").exists()
    assert len(imported(path, "--split", "hash")[0]) == 1


def test_other_columns_delimiters_folders_and_packed_tables(clips: Path) -> None:
    path = clips / "train.csv.gz"
    rows = "file;said;len;split;id\nclips/a.wav;eins;1.0;test;A\nclips/b.wav;zwei;5.0;train;B\n"
    path.write_bytes(gzip.compress(rows.encode()))
    options = ["--delimiter", ";", "--column", "audio=file", "--column", "text=said", "--column", "duration=len"]
    cuts, rejects = imported(path, *options, "--audio", str(clips))
    assert {key: (text(cut), cut["custom"]["split"]) for key, cut in cuts.items()} == {"told-A": ("eins", "test")}
    assert rejects["told-B"][0] == "duration_mismatch"
    assert cuts["told-A"]["custom"]["columns"] == {"len": "1.0"}
    cuts, _ = imported(path, *options[:-2], "--without", "len", "--audio", str(clips))
    assert set(cuts) == {"told-A", "told-B"}
    assert "columns" not in cuts["told-A"]["custom"]


def test_translations(clips: Path) -> None:
    (clips / "train.tsv").write_text("path\tsentence\ttranslation\na.wav\tlinks\tleft\nb.wav\trechts\t\n")
    options = ["--task", "st", "--column", "target_text=translation", "--language", "de"]
    cuts, rejects = imported(clips / "train.tsv", *options)
    assert cuts["told-train-000002"]["supervisions"][0]["custom"]["target_text"] == "left"
    assert rejects["told-train-000003"][0] == "target_missing"


def test_csv_is_quoted_and_a_quote_that_is_not_closed_costs_one_row(clips: Path) -> None:
    rows = [
        "audio,text",
        'clips/a.wav,"one, two"',
        'clips/b.wav, "he said ""go"""',
        'clips/a.wav,"over',
        'two lines"',
        'clips/b.wav,"never closed',
        "clips/c.wav,after it",
        "clips/c.wav,one,too many",
        "clips/c.wav",
        "",
        'clips/c.wav,"last"',
    ]
    (clips / "train.csv").write_bytes("\r\n".join(rows).encode())
    cuts, rejects = imported(clips / "train.csv")
    found = {int(key[-6:]): text(cut) for key, cut in cuts.items()}
    assert found == {2: "one, two", 3: 'he said "go"', 4: "over\ntwo lines", 7: "after it", 11: "last"}
    assert {int(key[-6:]): detail.split(": ", 1)[1] for key, (_, detail) in rejects.items()} == {
        6: "a quote is not closed",
        8: "3 cells, expected 2",
        9: "1 cells, expected 2",
    }
    assert {reason for reason, _ in rejects.values()} == {"bad_row"}


def test_tsv_is_not_quoted_but_where_a_writer_of_csv_was_at_work(clips: Path) -> None:
    texts = ['"Hello"', '"Go" he said', '5" of rain', '"""Go"" he said"']
    (clips / "train.tsv").write_text("path\tsentence\n" + "".join(f"a.wav\t{said}\n" for said in texts))
    cuts, _ = imported(clips / "train.tsv")
    assert [text(cut) for cut in cuts.values()] == ['"Hello"', '"Go" he said', '5" of rain', '"Go" he said']
    (clips / "train.tsv").write_text('"path"\t"sentence"\n"a.wav"\t"one\ttwo"\n"b.wav"\t"""x"" y"\n')
    cuts, _ = imported(clips / "train.tsv")
    assert [text(cut) for cut in cuts.values()] == ["one\ttwo", '"x" y']


def test_bad_rows_are_rejects_and_the_rest_goes_on(clips: Path) -> None:
    lines = [
        b"a.wav\tgood",
        b"a.wav\tcaf\xe9",
        b"\tno path",
        b"gone.wav\twords",
        b"b.wav\t ",
        b"a\0.wav\tx",
        b"c.wav\tend",
    ]
    (clips / "train.tsv").write_bytes(b"\xef\xbb\xbfpath\tsentence\n" + b"\n".join(lines))
    cuts, rejects = imported(clips / "train.tsv")
    assert [text(cut) for cut in cuts.values()] == ["good", "end"]
    assert {int(key[-6:]): reason for key, (reason, _) in rejects.items()} == {
        3: "bad_row", 4: "audio_missing", 5: "audio_missing", 6: "empty_text", 7: "audio_missing",
    }  # fmt: skip
    assert "0xe9" in rejects["told-train-000003"][1]


def test_a_line_without_end_is_one_reject(clips: Path) -> None:
    (clips / "train.tsv").write_bytes(b"path\tsentence\na.wav\t" + b"x" * (17 << 20) + b"\nb.wav\tend\n")
    cuts, rejects = imported(clips / "train.tsv")
    assert [text(cut) for cut in cuts.values()] == ["end"]
    assert [(reason, "expected at most 16 MB" in detail) for reason, detail in rejects.values()] == [("bad_row", True)]


@pytest.mark.parametrize(
    ("name", "content", "options", "error", "message"),
    [
        ("train.csv", "path;sentence\na.wav;x\n", [], ManifestError, "no column of audio files among 'path;sentence'"),
        ("train.tsv", "a.wav\twords\n", [], ManifestError, "the first line must name them"),
        ("train.tsv", "path\tpath\n", [], ManifestError, "the column 'path' twice"),
        ("train.tsv", "\n\n", [], ManifestError, "no names of columns"),
        ("train.tsv", b"p\xe4th\tx\n", [], ManifestError, "not UTF-8"),
        ("train.tsv", "path\tsentence\n".encode("utf-16"), [], ManifestError, "UTF-16"),
        ("train.tsv", "path\n", ["--column", "text=words"], SettingsError, "columns text=words: expected FIELD=COLUMN"),
        ("train.tsv", "path\n", ["--without", "words"], SettingsError, "without names words"),
        ("train.tsv", "path\n", ["--audio", "nowhere"], MissingFileError, "No such folder of audio"),
        ("train.tsv", "", [], MissingFileError, "empty"),
    ],
)
def test_tables_that_cannot_be_read_at_all(
    tmp_path: Path, name: str, content: str | bytes, options: list[str], error: type[Exception], message: str
) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(error, match=message):
        imported(tmp_path / name, *options)
    assert not (tmp_path / "out").exists()


def test_the_kind_says_what_a_name_does_not(clips: Path) -> None:
    (clips / "tsv-of-mine.txt").write_text("path\tsentence\na.wav\twords\n")
    assert len(imported(clips / "tsv-of-mine.txt")[0]) == 1
