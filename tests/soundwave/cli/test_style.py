"""One style for all commands: --json, --quiet, errors in one form, names that Tab offers."""

import json
import os

import pytest
import typer.main

from curation.passes import PASSES
from recipes import registry
from soundwave.cli import build_app
from soundwave.cli._tables import json_text
from tests import forked

TALK = {"chat", "explore"}  # a conversation, and a page that people look at
BUSY = {"assets", "demo", "doctor", "prepare", "segment", "label", "train", "eval", "ablate run", "ablate next"}
BUSY |= {"catalog import", "catalog verify", "catalog questions"}


def commands(group=None, before=()):
    group = group or typer.main.get_command(build_app())
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*before, name))
        else:
            yield " ".join((*before, name)), command


def offered(*words):
    """What bash is offered for the last of the words."""
    asked = {"COMP_WORDS": " ".join(("soundwave", *words)), "COMP_CWORD": str(len(words))}
    done = forked.run("soundwave", env=os.environ | asked | {"_SOUNDWAVE_COMPLETE": "complete_bash"})
    return set(done.stdout.split())


def test_every_command_that_answers_data_has_json():
    without = {name for name, command in commands() if "--json" not in [opt for p in command.params for opt in p.opts]}
    assert without == TALK


def test_commands_that_show_progress_have_quiet():
    with_quiet = {name for name, command in commands() if "--quiet" in [opt for p in command.params for opt in p.opts]}
    assert with_quiet == BUSY


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["label", "--nope"], "No such option: --nope"),
        (["nope"], "No such command 'nope'."),
        (["mix", "show"], "Missing argument"),
        (["prepare", "--workers", "x"], "Invalid value for '--workers'"),
        (["eval"], "Name a run folder"),
        (["sql", "--catalog", "nowhere", "SELECT 1"], "No such catalog"),
    ],
)
def test_errors_have_one_form(words, said, tmp_path):
    done = forked.run("soundwave", *words, cwd=tmp_path)
    first, *rest = done.stderr.splitlines()
    assert done.returncode == 2
    assert first.startswith("error: ")
    assert said.lower() in first.lower()
    assert not [line for line in rest if line.lower().startswith(("error", "usage"))]


def test_no_words_are_an_invitation():
    done = forked.run("soundwave", "mix")
    assert "Commands:" in done.stdout + done.stderr
    assert "error:" not in done.stderr


def test_json_has_no_words_of_its_own():
    assert json.loads(json_text({"a": [float("nan"), (float("inf"), 1.5)], "b": "NaN"})) == {
        "a": [None, [None, 1.5]],
        "b": "NaN",
    }


def test_tab_offers_commands_recipes_passes_audits_and_grids():
    assert offered("p") == {"prepare"}
    assert offered("mix", "") == {"plan", "show", "hear", "diff", "lint"}
    assert offered("prepare", "debian_") == {name for name in registry.names() if name.startswith("debian_")}
    assert offered("label", "a") == {name for name in PASSES.names() if name.startswith("a")}
    assert {"leakage_text", "leakage_speaker"} <= offered("audit", "leakage_")
    assert offered("ablate", "demo-") == offered("ablate", "run", "demo-") == {"demo-long"}
    assert offered("mix", "plan", "sh") == {"shrinking"}
    assert offered("prepare", "nothing-like-it") == set()


def test_the_script_for_bash_names_the_command():
    # As `--show-completion` does in a shell that it can name: tests may have none.
    done = forked.run("soundwave", env=os.environ | {"_SOUNDWAVE_COMPLETE": "source_bash"})
    assert "complete -o default -F" in done.stdout and "soundwave" in done.stdout
