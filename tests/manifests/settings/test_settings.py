"""Settings files: layers, where each value comes from, and what is said when something is wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, model_validator

from manifests.errors import ManifestError, MissingFileError, SettingsError
from manifests.settings import Layer, Override, SettingsFiles, check_settings, read_stored, stored


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    seconds: float = 1.0
    rows: int | None = None


class Arm(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    rate: float = 0.1
    batch: Inner = Inner()
    split: Inner | None = None
    words: tuple[str, ...] = ()
    shares: dict[str, float] | None = None
    temperature: float | None = None
    arms: dict[str, tuple[Arm, ...]] = {}
    title: str | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        if self.rate > 100:
            raise ValueError("the rate is above 100")
        return self


@pytest.fixture
def files(tmp_path: Path) -> SettingsFiles[Settings]:
    (tmp_path / "bundled" / "paper").mkdir(parents=True)
    (tmp_path / "bundled" / "plain.yaml").write_text("rate: 0.5\nbatch: {seconds: 3, rows: 4}\nwords: [a, b]\n")
    (tmp_path / "bundled" / "paper" / "large.yaml").write_text("extends: plain\nbatch: {seconds: 9}\n")
    return SettingsFiles(Settings, tmp_path / "bundled", what="thing", either_or=(("shares", "temperature"),))


def write(tmp_path: Path, text: str, name: str = "s.yaml") -> Path:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def say(*pairs: str) -> list[Override]:
    return [Override.parse(pair, f"--set {pair}") for pair in pairs]


# Finding files


def test_a_name_is_a_bundled_file_or_a_path(files: SettingsFiles[Settings], tmp_path: Path) -> None:
    assert files.names() == ["paper/large", "plain"]
    assert files.find("paper/large") == files.folder / "paper" / "large.yaml"
    mine = write(tmp_path, "rate: 1\n")
    assert files.find(mine) == mine
    assert files.load(str(mine)).rate == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("plane", r"No such thing: plane\. .*\(nearest: plain\)"),
        ("larg", r"\(nearest: paper/large\)"),
        ("quite-else", r"\(known: paper/large, plain\)"),
        ("none.yaml", "No such thing: none.yaml"),
    ],
)
def test_an_unknown_name_lists_the_nearest(files: SettingsFiles[Settings], name: str, said: str) -> None:
    with pytest.raises(MissingFileError, match=said):
        files.find(name)


# extends


def test_a_file_extends_another_key_by_key_and_lists_are_replaced(
    files: SettingsFiles[Settings], tmp_path: Path
) -> None:
    found = files.load(write(tmp_path, "extends: plain\nwords: [c]\nbatch: {rows: 7}\n"))
    assert (found.rate, found.batch.seconds, found.batch.rows, found.words) == (0.5, 3, 7, ("c",))


def test_extends_goes_on_through_files_and_paths_are_relative_to_the_file(
    files: SettingsFiles[Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "extends: paper/large\ntitle: base\n", "top/deep/base.yaml")
    top = write(tmp_path, "extends: deep/base.yaml\nrate: 2\n", "top/top.yaml")
    monkeypatch.chdir(tmp_path / "bundled")
    resolved = files.resolve(top)
    assert resolved.settings.model_dump(include={"rate", "title", "words"}) == {
        "rate": 2,
        "title": "base",
        "words": ("a", "b"),
    }
    assert (resolved.settings.batch.seconds, resolved.settings.batch.rows) == (9, 4)
    assert [file.name for file in resolved.files] == ["top.yaml", "base.yaml", "large.yaml", "plain.yaml"]


def test_null_takes_a_section_away_and_a_mapping_brings_it_back(files: SettingsFiles[Settings], tmp_path: Path) -> None:
    write(tmp_path, "extends: plain\nsplit: {seconds: 2, rows: 1}\n", "with.yaml")
    write(tmp_path, "extends: with.yaml\nsplit: null\n", "without.yaml")
    again = write(tmp_path, "extends: without.yaml\nsplit: {rows: 5}\n", "again.yaml")
    assert files.load(tmp_path / "without.yaml").split is None
    assert files.load(again).split == Inner(seconds=1.0, rows=5)


def test_a_circle_names_the_chain(files: SettingsFiles[Settings], tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "c"), ("c", "a")):
        write(tmp_path, f"extends: {other}.yaml\n", f"{name}.yaml")
    with pytest.raises(SettingsError, match=r"a\.yaml extends .*b\.yaml extends .*c\.yaml extends .*a\.yaml: a circle"):
        files.load(tmp_path / "a.yaml")
    with pytest.raises(SettingsError, match=r"itself\.yaml extends .*itself\.yaml: a circle"):
        files.load(write(tmp_path, "extends: itself.yaml\n", "itself.yaml"))


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("extends: plian\n", MissingFileError, r"s\.yaml: `extends`: No such thing: plian.*nearest: plain"),
        ("extends: none.yaml\n", MissingFileError, r"No such thing: none\.yaml \(looked for .*none\.yaml\)"),
        ("extends: [plain]\n", SettingsError, r"`extends` is \['plain'\], expected one name or path"),
        ("extends: ''\n", SettingsError, "expected one name or path"),
    ],
)
def test_extends_of_nothing(
    files: SettingsFiles[Settings], tmp_path: Path, text: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        files.load(write(tmp_path, text))


def test_of_two_rivals_the_upper_layer_has_the_say(files: SettingsFiles[Settings], tmp_path: Path) -> None:
    write(tmp_path, "shares: {a: 1}\n", "base.yaml")
    top = write(tmp_path, "extends: base.yaml\ntemperature: 2\n", "top.yaml")
    assert (files.load(top).shares, files.load(top).temperature) == (None, 2)
    back = files.load(top, say("shares.b=3"))
    assert (back.shares, back.temperature) == ({"b": 3}, None)


# Overrides


def test_an_override_replaces_one_key_at_any_depth(files: SettingsFiles[Settings]) -> None:
    found = files.load("plain", say("batch.seconds=20", "rate=1e-3", "split.rows=2", "shares.asr=0.5"))
    assert (found.batch.seconds, found.batch.rows, found.rate) == (20, 4, 0.001)
    assert found.split == Inner(rows=2) and found.shares == {"asr": 0.5}


def test_an_override_replaces_a_whole_section_and_a_layer_is_merged(files: SettingsFiles[Settings]) -> None:
    assert files.load("plain", say("batch={seconds: 5}")).batch == Inner(seconds=5, rows=None)
    assert files.load("plain", {"batch": {"seconds": 5}}).batch == Inner(seconds=5, rows=4)
    assert files.load("plain", [Layer({"batch": {"seconds": 5}}, "an arm")]).batch.rows == 4


def test_the_last_override_has_the_say(files: SettingsFiles[Settings]) -> None:
    assert files.load("plain", say("rate=1", "rate=2")).rate == 2
    assert files.load("plain", say("batch.seconds=1", "batch={rows: 2}")).batch == Inner(rows=2)


def test_a_number_is_a_place_in_a_list(files: SettingsFiles[Settings], tmp_path: Path) -> None:
    path = write(tmp_path, "arms: {full: [{name: x}, {name: y}]}\n")
    assert files.load(path, say("arms.full.1.name=z")).arms["full"] == (Arm(name="x"), Arm(name="z"))
    with pytest.raises(SettingsError, match=r"`arms\.full` is a list of 2, expected a place from 0 to 1"):
        files.load(path, say("arms.full.2.name=z"))
    assert files.load(path).arms["full"][1].name == "y"


@pytest.mark.parametrize("text", ["no", "7", "1e3", "2026-01-01", "null ", "[a", "a: b", "", "'q'", "~", "{x}"])
def test_text_stays_text(files: SettingsFiles[Settings], text: str) -> None:
    assert files.load("plain", say(f"title={text}")).title == text


def test_text_stays_text_inside_lists_too(files: SettingsFiles[Settings]) -> None:
    assert files.load("plain", say("words=[no, 1, 'null', on]")).words == ("no", "1", "null", "on")


def test_null_is_null_where_a_field_takes_it(files: SettingsFiles[Settings]) -> None:
    assert files.load("plain", say("title=null", "batch.rows=null")).batch.rows is None
    assert files.load("plain", say("title=x", "title=null")).title is None


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("batch=&a {rows: *a}", r"--set batch=.*names an alias"),
        ("batch={[1]: 2}", r"--set batch=.*a key is a sequence, expected text"),
        ("rat=1", r"--set rat=1: unknown key `rat` \(nearest: rate\)"),
        ("seconds=1", r"unknown key `seconds` \(nearest: batch\.seconds, split\.seconds\)"),
        ("batch.secnds=1", r"unknown key `batch\.secnds` \(nearest: batch\.seconds, split\.seconds\)"),
        ("batch.other=1", r"unknown key `batch\.other` \(known: seconds, rows\)"),
        ("bach.rows=1", r"unknown key `bach` \(nearest: batch\)"),
        ("rate.x=1", r"unknown key `rate\.x`; `rate` is a number"),
        ("arms.full.0.nam=1", r"unknown key `arms\.full\.0\.nam` \(nearest: arms\.full\.0\.name\)"),
        ("rate=fast", r"--set rate=fast: `rate`: found 'fast', expected a number"),
        ("batch.rows=1.5", r"`batch\.rows`: found 1\.5, expected a whole number or null"),
        ("batch=3", "`batch`: found 3, expected `key: value` lines"),
        ("words=a", "`words`: found 'a', expected a list"),
        ("words=[a", r"--set words=\[a: '\[a' is not valid YAML: .*expected a list"),
        ("rate", "--set rate: expected KEY=VALUE"),
        ("=1", "expected KEY=VALUE"),
        ("batch.=1", "expected KEY=VALUE"),
        ("rate=101", r"plain \(bundled thing\) with --set rate=101: the rate is above 100"),
    ],
)
def test_a_wrong_override_names_itself(files: SettingsFiles[Settings], pair: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        files.load("plain", say(pair))


# Where values come from


def test_every_value_has_an_origin(files: SettingsFiles[Settings], tmp_path: Path) -> None:
    path = write(tmp_path, "extends: plain\nbatch: {rows: 7}\nsplit: {}\n")
    resolved = files.resolve(path, say("words=[c]"))
    said = {
        key: str(resolved.origin(tuple(key.split(".")))) for key in ("rate", "batch.seconds", "batch.rows", "words")
    }
    assert said == {
        "rate": "extended file plain (bundled thing)",
        "batch.seconds": "extended file plain (bundled thing)",
        "batch.rows": f"file {path}",
        "words": "--set words=[c]",
    }
    assert str(resolved.origin(("title",))) == str(resolved.origin(("split", "rows"))) == "default"


def test_a_replaced_section_has_the_origin_of_what_replaced_it(files: SettingsFiles[Settings]) -> None:
    resolved = files.resolve("plain", say("batch={seconds: 5}"))
    assert str(resolved.origin(("batch", "seconds"))) == "--set batch={seconds: 5}"
    assert str(resolved.origin(("batch", "rows"))) == "default"


# What is wrong with files


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("batch: &a {rows: *a}\n", r"s\.yaml.*: an alias .* inside what it names"),
        ("rat: 1\n", r"unknown key `rat` \(nearest: rate\)"),
        ("quite: 1\n", r"unknown key `quite` \(known: rate, batch, split, words"),
        ("batch: {second: 1}\n", r"unknown key `batch\.second` \(nearest: batch\.seconds"),
        ("rate: fast\n", "`rate`: found 'fast', expected a number"),
        ("words: [false]\n", r"`words\.0`: found False, expected text \(in quotes\)"),
        ("arms: {a: [{}]}\n", r"`arms\.a\.0\.name` is missing, expected text"),
        ("1: 2\n", "s.yaml"),
        ("- 1\n", "holds list"),
        ("a: [\n", "not valid YAML"),
    ],
)
def test_what_is_wrong_is_said(files: SettingsFiles[Settings], tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        files.load(write(tmp_path, text))
    assert "s.yaml" in str(caught.value)


def test_what_is_wrong_names_the_file_that_says_it(files: SettingsFiles[Settings], tmp_path: Path) -> None:
    write(tmp_path, "rate: fast\nbatch: {rows: x}\n", "base.yaml")
    top = write(tmp_path, "extends: base.yaml\nbatch: {rows: y}\nwordz: [a]\n", "top.yaml")
    with pytest.raises(SettingsError) as caught:
        files.load(top, say("shares.a=b"))
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{tmp_path}/base.yaml: `rate`: found 'fast', expected a number."
    assert lines[1].startswith(f"{tmp_path}/top.yaml: `batch.rows`: found 'y'") and "`wordz`" in lines[1]
    assert lines[2] == "--set shares.a=b: `shares.a`: found 'b', expected a number."


def test_bytes_that_are_no_text(files: SettingsFiles[Settings], tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(b"rate: \xff\n")
    with pytest.raises(SettingsError, match="not UTF-8"):
        files.load(path)


def test_no_file(files: SettingsFiles[Settings], tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="No such thing"):
        files.load(tmp_path / "none.yaml")
    with pytest.raises(MissingFileError, match="empty"):
        files.load(write(tmp_path, ""))


def test_all_problems_at_once() -> None:
    with pytest.raises(SettingsError, match=r"here: `rate`.*; unknown key `x`"):
        check_settings(Settings, {"rate": "a", "x": 1}, where="here")


# What other versions stored


@dataclass
class Note:
    run: str
    steps: int
    inner: dict[str, Inner]
    title: str = "none"


GOOD: dict[str, Any] = {"run": "a", "steps": 3, "inner": {"x": {"seconds": 2}}}


def test_a_stored_file_opens_with_defaults_for_keys_that_came_later(tmp_path: Path) -> None:
    (tmp_path / "note.json").write_text(json.dumps(GOOD))
    found = read_stored(Note, tmp_path / "note.json", go_on="Make it again.")
    assert found == Note("a", 3, {"x": Inner(seconds=2)})


def test_keys_with_new_names_are_read_and_those_that_went_are_left_out() -> None:
    old = {"name": "a", "steps": 3, "inner": {"x": {"secs": 2}}, "versions": {"torch": "2"}}
    renamed = {"name": "run", "versions": None}
    assert stored(Note, old | {"inner": {}}, where="note", go_on="", renamed=renamed).run == "a"
    settings = {"pace": 2, "batch": {"secs": 4, "lines": 1}}
    names = {"pace": "rate", "batch.secs": "batch.seconds", "batch.lines": None}
    assert stored(Settings, settings, where="s", go_on="", renamed=names) == Settings(rate=2, batch=Inner(seconds=4))
    assert settings["batch"] == {"secs": 4, "lines": 1}


def test_a_description_leaves_out_what_a_newer_version_adds() -> None:
    assert stored(Note, GOOD | {"mood": "good"}, where="note", go_on="").steps == 3


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        (Note, {"run": "a"}, r"note: `steps` is missing, expected a whole number; `inner` is missing"),
        (Note, GOOD | {"steps": "many"}, r"note: `steps`: found 'many', expected a whole number"),
        (Note, GOOD | {"inner": [1]}, r"`inner`: found \[1\], expected `key: value` lines"),
        (Note, [GOOD], "note holds list, expected an object"),
        (Settings, {"rate": 1, "loudness": 3}, r"unknown key `loudness` .*another version, or changed by hand"),
    ],
)
def test_what_a_stored_file_lacks_is_said_and_how_to_go_on(kind: type, values: object, said: str) -> None:
    with pytest.raises(ManifestError, match=said) as caught:
        stored(kind, values, where="note", go_on="Make it again.")
    assert str(caught.value).endswith("Make it again.")


@pytest.mark.parametrize("text", ['{"run": "a", "st', "[", "not json"])
def test_half_a_stored_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "note.json").write_text(text)
    with pytest.raises(ManifestError, match=r"note\.json is not valid JSON, or not whole\. Make it again\."):
        read_stored(Note, tmp_path / "note.json", go_on="Make it again.")


def test_no_stored_file(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        read_stored(Note, tmp_path / "note.json", go_on="Make it again.")


def test_what_the_layers_give_is_what_the_merged_file_gives(files: SettingsFiles[Settings], tmp_path: Path) -> None:
    found = files.load("paper/large", say("shares={a: 1, b: 2}"))
    whole = write(tmp_path, yaml.safe_dump(found.model_dump(mode="json")))
    assert files.load(whole) == found
