"""`soundwave label` as people call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile
import typer
from typer.testing import CliRunner

from manifests.errors import InputError, MissingFileError, SettingsError
from soundwave.cli.label import register
from tests.curation.labelling import cut, tone, write_made


@pytest.fixture
def workspace(tmp_path: Path) -> list[str]:
    audio = tmp_path / "tone.wav"
    soundfile.write(audio, tone(1.0), 16000)
    write_made(tmp_path / "corpora" / "made", [cut("a", audio=audio), cut("b", audio=audio)])
    return ["--corpora", str(tmp_path / "corpora"), "--labels", str(tmp_path / "labels"), "--workers", "0"]


def call(*arguments: str) -> str:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    result = CliRunner().invoke(app, ["label", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


def test_json_says_what_became_of_every_cut(workspace: list[str]) -> None:
    (row,) = json.loads(call("quality", *workspace, "--json"))
    assert (row["cuts"], row["labelled"], row["rejected"], row["reasons"]) == (2, 1, 1, {"duplicate": 1})
    (row,) = json.loads(call("quality", *workspace, "--json", "--corpus", "made"))
    assert row["shards_reused"] == row["shards"] == 1


def test_the_closing_table_names_reasons(workspace: list[str]) -> None:
    shown = call("quality", *workspace)
    assert "made" in shown and "duplicate" in shown


def test_help_has_an_example() -> None:
    assert "Example" in call("--help")


def test_bad_calls_are_one_sentence(workspace: list[str], tmp_path: Path) -> None:
    bad: list[tuple[type[InputError], str, list[str]]] = [
        (SettingsError, "align, encode, quality", ["hear"]),
        (SettingsError, "pocketsphinx", ["align", "--backend", "none"]),
        (SettingsError, "pass `encode`", ["align", "--speed", "1.1"]),
        (SettingsError, "`pocketsphinx` has no wildcard", ["align", "--wildcard", "ends"]),
        (SettingsError, "pass `align`", ["quality", "--wildcard", "ends"]),
        (SettingsError, "pass `align`", ["quality", "--export", str(tmp_path)]),
        (MissingFileError, "made", ["quality", "--corpus", "other"]),
        (MissingFileError, "soundwave prepare", ["quality", "--corpora", str(tmp_path / "none")]),
    ]
    for kind, expected, arguments in bad:
        with pytest.raises(kind, match=expected):
            call(arguments[0], *workspace, *arguments[1:])


def test_an_unreachable_scheduler_is_named(workspace: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.passes.workers.PATIENCE", "0.5s")
    with pytest.raises(InputError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        call("quality", *workspace, "--dask", "tcp://127.0.0.1:9")
