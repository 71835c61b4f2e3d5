"""`soundwave prepare`: names, table, JSON, and what it says about bad use."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from manifests.errors import SettingsError
from recipes import registry
from recipes.common import Expected, Item, Recipe
from recipes.debian_sonicpi import SAMPLES
from soundwave.cli.prepare import register


@pytest.fixture
def run() -> Callable[..., str]:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)

    def invoke(*arguments: object) -> str:
        result = CliRunner().invoke(app, ["prepare", *map(str, arguments)], catch_exceptions=False)
        assert result.exit_code == 0
        return result.stdout

    return invoke


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path]) -> Path:
    tone(tmp_path / "root" / SAMPLES / "bd_one.flac", seconds=1.8)
    tone(tmp_path / "root" / SAMPLES / "unknown.flac")
    return tmp_path / "root"


def test_json_says_what_was_prepared_where(run: Callable[..., str], source: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpora"
    (row,) = json.loads(run("sonicpi", "--source", source, "--output", out, "--json"))
    assert row.pop("lengths")["files"] == 1
    assert row == {
        "corpus": "sonicpi",
        "cuts": 1,
        "hours": 0.0005,
        "texts": 0,
        "rejects": 1,
        "reasons": {"text_missing": 1},
        "folder": str(out / "sonicpi"),
        "parts": [],
    }
    assert (out / "sonicpi" / "corpus.json").is_file()


def test_a_corpus_that_was_not_decoded_is_decoded_on_demand(
    run: Callable[..., str], source: Path, tmp_path: Path
) -> None:
    words = ("sonicpi", "--source", source, "--output", tmp_path / "corpora")
    decoded = [
        json.loads(run(*words, *more, "--json"))[0]["lengths"]["decoded"]
        for more in ((), (), ("--decode",), ("--decode",), ())
    ]
    assert decoded == [1, 0, 1, 0, 0]  # what is complete and as strict is reused
    assert "1 of 1 files decoded whole" in run(*words, "--force")


def test_the_closing_table_counts_rejects_by_reason(run: Callable[..., str], source: Path, tmp_path: Path) -> None:
    said = run("debian_sonicpi", "--source", source, "--output", tmp_path / "corpora")
    assert "sonicpi" in said and "1 text_missing" in said


def test_the_list_names_every_recipe(run: Callable[..., str]) -> None:
    listed = {row["name"]: row for row in json.loads(run("--list", "--json"))}
    assert listed["debian_asterisk"]["license"] == "CC-BY-SA-3.0"
    assert "librispeech" in run("--list")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Name a recipe, or `all`"),
        (("nope",), "No recipe is called `nope`"),
        (("librispeech",), "name its folder in the setting `source`"),
        (("librispeech", "asterisk", "--source", "."), "one recipe at a time"),
    ],
)
def test_bad_use_is_told_apart(run: Callable[..., str], arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        run(*arguments)


def test_the_list_fits_a_narrow_terminal_and_has_all_in_json(run: Callable[..., str]) -> None:
    lines = run("--list").splitlines()
    assert max(map(len, lines)) <= 80
    listed = json.loads(run("--list", "--json"))
    facts = {"name", "task", "license", "items", "hours", "languages", "access", "obtain", "parts", "downloads"}
    assert all(facts <= row.keys() for row in listed)
    names = {line.split()[0] for line in lines if line[:1].strip()}
    assert {row["name"] for row in listed} <= names
    whole = run("librispeech", "--list")
    assert "https://www.openslr.org/12" in whole and "train-clean-5 (only if named)" in whole
    assert "asterisk" not in whole


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sonicpi", "--part", "x"), "--part says what --fetch fetches"),
        (("librispeech", "asterisk", "--fetch", "--part", "dev-clean"), "one recipe at a time"),
        (("librispeech", "--fetch", "--part", "nope"), "parts name nope, expected some of dev-clean"),
    ],
)
def test_nothing_is_fetched_by_mistake(run: Callable[..., str], arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        run(*arguments)


def test_expected_and_found_are_a_table(
    run: Callable[..., str], tmp_path: Path, tone: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    tone(tmp_path / "tree" / "dev" / "a.wav")

    def items(source: Path) -> list[Item]:
        return [Item("a", "a", "a", source / "dev" / "a.wav", text="a", split="dev")]

    expected = {"dev": Expected(2, 1.5), "train": Expected(1200)}
    recipe = Recipe("made", "made", "asr", "CC0-1.0", "tests", items=items, expected=expected)
    monkeypatch.setattr(registry, "_recipes", lambda: {"made": recipe})
    lines = run("made", "--source", tmp_path / "tree", "--output", tmp_path / "out").splitlines()
    assert [line.split() for line in lines if line.startswith("dev ")] == [["dev", "2", "1", "0", "1.5", "0.0"]]
    assert lines[-2:] == ["dev: counts differ by -1 (half a download, or another version?)", "Not there: train."]
