"""`soundwave label` as people call it, and how a new pass, aligner or encoder gets there: one file each."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

import curation.align
import curation.encoders
import curation.passes
from manifests.errors import InputError, MissingFileError, SettingsError
from soundwave.cli import build_app, flags, with_flags
from soundwave.cli.label import register
from tests.curation.labelling import cut, table, tone, write_made

PASSES = "agree, align, encode, fingerprint, hallucination, language, mos, quality, speaker, speech, suspicion, tag"
NEW_PASS = '''"""Counts the letters of the transcript."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from curation.passes.base import CorpusPass, label, supervision
from curation.passes.shards import ShardResult
from manifests.settings.makers import Maker


class Letters(BaseModel, CorpusPass):
    """Writes the label letters."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    times: float = 1.0
    """What the count is multiplied by."""

    name: ClassVar[str] = "letters"
    version: ClassVar[str] = "1"

    @property
    def settings(self):
        return self.model_dump()

    def label_shard(self, rows):
        found = [label(self.name, row, "letters", self.times * len(supervision(row)["text"])) for row in rows]
        return ShardResult(labels=found)


PASS = Maker(Letters, lambda job: job)
'''
NEW_ALIGNER = '''"""Spreads the words evenly over the clip."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from curation.align.base import AlignedWord
from manifests.settings.makers import Maker


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    certainty: float = 0.5


@dataclass(frozen=True)
class Even:
    certainty: float
    name = "even-spread"
    least_score = -9.0

    @property
    def version(self):
        return f"1-{self.certainty}"

    def check(self): ...

    def speaks(self, language):
        return True

    def align(self, samples, words):
        step = len(samples) / 16000 / len(words)
        return [AlignedWord(n, n * step, (n + 1) * step, -self.certainty) for n in range(len(words))]


ALIGNER = Maker(Options, lambda options: Even(options.certainty))
'''
NEW_ENCODER = '''"""Ten frames a second, each the mean of its samples."""

import numpy as np

from curation.pretrained.families import ModelFamily


class Means:
    dim, frame_rate = 1, 10.0

    def __init__(self, name):
        self.name = name

    def encode(self, clips):
        return [clip[: len(clip) // 1600 * 1600].reshape(-1, 1600).mean(1, keepdims=True) for clip in clips]


ENCODER = ModelFamily(Means, models="means-ANYTHING")
'''


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


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[ModuleType, str, str], None]]:
    """Puts a new file into a package."""
    planted = []

    def put(package: ModuleType, name: str, text: str) -> None:
        folder = tmp_path / f"more-{package.__name__}"
        folder.mkdir()
        (folder / f"{name}.py").write_text(text)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        planted.append(f"{package.__name__}.{name}")

    yield put
    for module in planted:
        sys.modules.pop(module, None)


def test_a_new_pass_is_a_file(workspace: list[str], plant: Callable[..., None], tmp_path: Path) -> None:
    plant(curation.passes, "letters", NEW_PASS)
    (row,) = json.loads(call("letters", *workspace, "--set", "times=2", "--json"))
    assert (row["name"], row["labelled"]) == ("letters", 2)
    labels = table(tmp_path / "labels" / "letters" / "made", "labels")
    assert [(row["name"], row["value"]) for row in labels] == [("letters", 6.0)] * 2
    listed = {row["name"]: row for row in json.loads(call("--list", "--json"))["passes"]}
    assert listed["letters"]["does"] == "Counts the letters of the transcript."
    assert listed["letters"]["options"] == {"times": "What the count is multiplied by."}
    with pytest.raises(SettingsError, match=r"`tines`.*times"):
        call("letters", *workspace, "--set", "tines=2")


def test_a_new_aligner_is_a_file(workspace: list[str], plant: Callable[..., None], tmp_path: Path) -> None:
    plant(curation.align, "even_spread", NEW_ALIGNER)
    call("align", *workspace, "--backend", "even-spread", "--set", "certainty=2")
    words = table(tmp_path / "labels" / "align" / "made", "words")
    found = [(row["cut_id"], row["backend"], row["symbol"], row["score"]) for row in words]
    assert found == [("a", "even-spread", "one", -2.0), ("b", "even-spread", "one", -2.0)]
    listed = {row["name"]: row for row in json.loads(call("--list", "--json"))["aligners"]}
    assert (listed["even-spread"]["options"], listed["even-spread"]["missing"]) == ({"certainty": ""}, [])
    for options, named in ((["--wildcard", "ends"], "wildcard"), (["--calibration", "c.json"], "calibration")):
        with pytest.raises(SettingsError, match=f"setting `{named}`"):
            call("align", *workspace, "--backend", "even-spread", *options)


def test_texts_that_are_not_said_are_said_to_be_so(
    workspace: list[str], plant: Callable[..., None], tmp_path: Path
) -> None:
    plant(curation.align, "even_spread", NEW_ALIGNER)
    asked = ("align", *workspace, "--backend", "even-spread", "--set", "certainty=2")
    code, said = outcome(*asked, "--least-score", "-1")
    assert code == 1 and "made: the words of 2 cuts are not heard, those of 0 are." in said
    rejects = table(tmp_path / "labels" / "align" / "made", "rejects")
    assert [(row["reason"], row["detail"]) for row in rejects] == [
        ("low_score", "score -2.00, at least -1 is accepted")
    ] * 2
    for enough in (("--least-score", "-2"), ()):  # the aligner's own is -9
        code, said = outcome(*asked, *enough)
        assert code == 0 and "not heard" not in said


def outcome(*arguments: str) -> tuple[int, str]:
    """Exit code and standard error."""
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    result = CliRunner().invoke(app, ["label", *arguments])
    return result.exit_code, result.stderr


def test_a_new_encoder_is_a_file(workspace: list[str], plant: Callable[..., None], tmp_path: Path) -> None:
    plant(curation.encoders, "means", NEW_ENCODER)
    call("encode", *workspace, "--encoder", "means-of-10", "--speed", "1", "--speed", "2")
    features = table(tmp_path / "labels" / "encode" / "made", "features")
    assert {(row["encoder"], row["variant"], row["frames"], row["dim"]) for row in features} == {
        ("means-of-10", "plain", 10, 1),
        ("means-of-10", "speed=2", 5, 1),
    }
    assert np.load(features[0]["path"]).shape == (30, 1)
    assert "means" in {row["name"] for row in json.loads(call("--list", "--json"))["encoders"]}


def test_the_list_says_what_each_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    listed = json.loads(call("--list", "--json"))
    assert [row["name"] for row in listed["passes"]] == PASSES.split(", ")
    assert [row["name"] for row in listed["encoders"]] == ["moonshine", "whisper"]
    aligners = {row["name"]: row for row in listed["aligners"]}
    assert list(aligners) == ["hf-ctc", "pocketsphinx", "soundwave", "torchaudio", "whisperx"]
    assert aligners["whisperx"]["needs"] == ["whisperx"]
    assert all(row["does"] and set(row["missing"]) <= set(row["needs"]) for rows in listed.values() for row in rows)
    shown = call("--list")
    assert all(row["does"] in shown for row in listed["passes"])


def test_the_command_line_names_the_flag(workspace: list[str]) -> None:
    named = flags(build_app(), ["label", "encode"])
    for arguments, said in (
        (["quality", "--backend", "hf-ctc"], "unknown key `backend` (--backend)"),
        (["align", "--backend", "hf-ctc"], "as `model` (--model)"),
        (["encode", "--speed", "7"], "the setting `speeds` (--speeds) is [7.0]"),
    ):
        with pytest.raises(SettingsError) as error:
            call(*arguments, *workspace)
        assert said in with_flags(str(error.value), named)


def test_help_has_an_example() -> None:
    assert "Example" in call("--help")


def test_bad_calls_are_one_sentence(workspace: list[str], tmp_path: Path) -> None:
    bad: list[tuple[type[InputError], str, list[str]]] = [
        (SettingsError, PASSES, ["hear"]),
        (SettingsError, "pocketsphinx", ["align", "--backend", "none"]),
        (SettingsError, f"Name a pass: {PASSES}", []),
        (SettingsError, "the pass `quality`: unknown key `backend`", ["quality", "--backend", "hf-ctc"]),
        (SettingsError, "has no setting `speeds`", ["align", "--speed", "1.1"]),
        (SettingsError, "needs a checkpoint as `model`", ["align", "--backend", "hf-ctc"]),
        (SettingsError, "setting `speeds` is", ["encode", "--speed", "7"]),
        (SettingsError, "KEY=VALUE", ["encode", "--set", "speeds"]),
        (SettingsError, "`pocketsphinx` has no wildcard", ["align", "--wildcard", "ends"]),
        (SettingsError, "unknown key `wildcard`", ["quality", "--wildcard", "ends"]),
        (SettingsError, "pass `align`", ["quality", "--export", str(tmp_path)]),
        (MissingFileError, "made", ["quality", "--corpus", "other"]),
        (InputError, r"s3://b/labels: what .*--labels.* local folder", ["quality", "--labels", "s3://b/labels"]),
        (InputError, r"gs://b/labels: what .*--labels.* local folder", ["quality", "--labels", "gs://b/labels"]),
        (InputError, r"s3://b/corpora: the audio .*--corpora.* local", ["quality", "--corpora", "s3://b/corpora"]),
        (MissingFileError, "soundwave prepare", ["quality", "--corpora", str(tmp_path / "none")]),
    ]
    for kind, expected, arguments in bad:
        with pytest.raises(kind, match=expected):
            call(*arguments[:1], *workspace, *arguments[1:])


def test_an_unreachable_scheduler_is_named(workspace: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.passes.cluster.PATIENCE", 0.5)
    with pytest.raises(InputError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        call("quality", *workspace, "--dask", "tcp://127.0.0.1:9")
