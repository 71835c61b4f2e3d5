"""`--set`, `--show`, and messages of libraries that name settings, which the command line completes with flags."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from manifests.errors import InputError, MissingFileError, SettingsError
from soundwave.cli import build_app, flags, with_flags
from soundwave.cli._settings import overrides
from soundwave.train.settings import STAGES, StageSettings, load_stage

ROOT = Path(__file__).parents[3]


def soundwave(*words):
    """Output of a command that runs in this process; its errors are raised."""
    result = CliRunner().invoke(build_app(), list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_show_prints_a_settings_file_of_the_whole(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("extends: alignment\noptimiser: {learning_rate: 2.0e-3}\n")
    shown = soundwave("train", str(mine), "--show", "--set", "ema=0.9", "--set", "splice.share=0.1", "--seed", "3")
    again = tmp_path / "again.yaml"
    again.write_text(shown)
    settings = load_stage(again)
    assert (settings.optimiser.learning_rate, settings.ema, settings.splice.share, settings.seed) == (2e-3, 0.9, 0.1, 3)
    assert settings == load_stage(mine, overrides(["ema=0.9", "splice.share=0.1", "seed=3"]))
    lines = dict(re.findall(r"^ *(\w+): .*?  # (.+)$", shown, flags=re.M))
    assert lines["learning_rate"] == f"file {mine}"
    assert lines["encoder"] == "extended file alignment (bundled stage)"
    assert lines["ema"] == "--set ema=0.9" and lines["seed"] == "--seed" and lines["clip"] == "default"
    assert shown.startswith(f"# file {mine}\n# extends {STAGES.find('alignment')}\n")


@pytest.mark.parametrize("name", STAGES.names())
def test_what_is_shown_of_a_bundled_stage_is_that_stage_and_aligned(name, tmp_path):
    shown = soundwave("train", name, "--show")
    assert StageSettings(**yaml.safe_load(shown)) == load_stage(name)
    assert len({line.index("  # ") for line in shown.splitlines() if re.search(r"\S  +# ", line)}) == 1


def test_show_as_json_says_for_every_value_where_it_comes_from():
    found = json.loads(soundwave("train", "alignment", "--show", "--json", "--set", "steps=5"))
    assert StageSettings(**found["settings"]) == load_stage("alignment", overrides(["steps=5"]))
    assert found["origins"]["steps"] == {"kind": "override", "where": "--set steps=5"}
    assert found["origins"]["optimiser.betas"] == {"kind": "file", "where": "alignment (bundled stage)"}
    assert found["origins"]["optimiser.clip"] == {"kind": "default", "where": ""}
    assert found["files"] == [str(STAGES.find("alignment"))]


def test_a_training_needs_a_plan_and_an_output():
    with pytest.raises(InputError, match=r"needs --plan DIR and --output DIR; `soundwave train sft --show` needs"):
        soundwave("train", "sft")


@pytest.mark.parametrize(
    "words",
    [("train", "sft", "--show"), ("mix", "plan", "sft"), ("mix", "lint", "sft"), ("demo",), ("eval", "run")],
    ids=" ".join,
)
def test_an_unknown_key_names_the_flag_and_the_nearest_keys(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    key, near = {"demo": ("worker", "workers"), "eval": ("decod", "decode")}.get(words[0], ("sed", "seed"))
    with pytest.raises(SettingsError, match=rf"--set {key}=1: unknown key `{key}` \(nearest: {near}"):
        soundwave(*words, "--set", f"{key}=1")
    assert list(tmp_path.iterdir()) == []


def test_an_evaluation_is_set_by_key_or_by_flag():
    with pytest.raises(SettingsError, match=r"--set decode=\[ctcc\]: `decode\.0`: found 'ctcc'"):
        soundwave("eval", "run", "--set", "decode=[ctcc]")
    with pytest.raises(SettingsError, match=r"--decode: `decode\.0`: found 'ctcc', expected one of ctc, llm, joint"):
        soundwave("eval", "run", "--decode", "ctcc")
    with pytest.raises(MissingFileError, match="No such run"):
        soundwave("eval", "nowhere", "--set", "min_words=2", "--split", "test")


def test_flags_stand_for_settings_and_come_after_set():
    found = overrides(["seed=1"], {"--seed": ("seed", 2), "--steps": ("steps", None)})
    assert [(override.key, override.where) for override in found] == [("seed", "--set seed=1"), ("seed", "--seed")]
    assert load_stage("sft", found).seed == 2


def test_a_setting_in_a_message_gets_the_flag_of_the_command():
    app = build_app()
    named = flags(app, ["prepare", "librispeech"])
    assert with_flags("name it in the setting `source`.", named) == "name it in the setting `source` (--source)."
    assert with_flags("the setting `sauce`, the word `source`", named) == "the setting `sauce`, the word `source`"
    assert flags(app, ["mix", "plan", "sft"])["set"] == "--set"


def test_the_command_line_says_which_flag(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "soundwave", "prepare", "librispeech", "--output", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "in the setting `source` (--source)" in done.stderr


ROOMS = ("align", "ctc", "encoders", "interchange", "passes", "segment", "text")
PACKAGES = ("manifests", "recipes", "soundwave/infer", *(f"curation/{room}" for room in ROOMS))


def test_libraries_name_no_flags_in_their_errors():
    """A flag is a word of a command line; whole commands, in backticks or after pip, may have some."""
    commands = re.compile(r"`[^`]*`|pip install [^\"']*")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"""(^\s*f?["']|Error\(f?["']|hint=f?["']).*(?<![\w-])--[a-z]""", commands.sub("", line))
    ]
    assert found == []
