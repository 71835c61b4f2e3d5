"""A run knows the catalog and the plan that it was trained on, also where all of them have moved."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from curation.catalog import build
from manifests.errors import MissingFileError
from manifests.files import read_json, write_json
from manifests.runs import read_run
from soundwave.cli import build_app
from soundwave.train.loop import train
from soundwave.train.runs.places import plans_folder, run_catalog
from soundwave.train.settings import StageSettings
from tests.editing import edit
from tests.soundwave.conftest import make_workspace


@pytest.fixture(scope="module")
def home(stage_values, tmp_path_factory):
    """A workspace with a run, planned and trained from beside it with relative names."""
    root = tmp_path_factory.mktemp("places") / "home"
    make_workspace(root)
    settings = StageSettings(**stage_values(steps=1))
    train(settings, plan=root / "mixtures" / "speech", output=root / "runs" / "one")
    return root


@pytest.fixture
def moved(home, tmp_path):
    """A copy of it elsewhere, where nothing that its run says is there any more."""
    root = tmp_path / "elsewhere"
    shutil.copytree(home, root)
    return root


def forget(run, **values):
    """Change what a run says; None: it says nothing, as runs of earlier versions."""
    edit(run / "run.json", **values)
    said = read_json(run / "run.json")
    write_json(run / "run.json", {key: value for key, value in said.items() if value is not None or key not in values})


def ask(*words):
    return CliRunner().invoke(build_app(), [str(word) for word in words])


def test_run_json_says_where_they_are(home):
    info = read_run(home / "runs" / "one")
    assert info.catalog == str(home / "catalog") and info.plan_folder == str(home / "mixtures" / "speech")
    assert run_catalog(home / "runs" / "one") == (home / "catalog", None)
    assert plans_folder(home / "runs" / "one") == home / "mixtures"


def test_eval_finds_the_catalog(home):
    run = home / "runs" / "one"
    words = ("--corpus", "tiny", "--split", "test", "--decode", "ctc", "--json")
    found = ask("eval", run, *words)
    assert found.exit_code == 0, found.output
    assert (
        json.loads(found.stdout)["ctc_wer"]
        == json.loads(ask("eval", run, "--catalog", home / "catalog", *words).stdout)["ctc_wer"]
    )
    assert "note" not in found.stderr


def test_an_earlier_run_has_its_plans_lock(moved, monkeypatch):
    run = moved / "runs" / "one"
    forget(run, catalog=None, plan_folder=None)
    edit(run / "lock.json", catalog="elsewhere/catalog")
    monkeypatch.chdir(moved.parent)  # as it was typed
    assert run_catalog(run)[0].samefile(moved / "catalog") and plans_folder(run) is None
    monkeypatch.chdir("/")  # beside the run
    assert run_catalog(run)[0].samefile(moved / "catalog")


def test_what_moves_together_is_found(moved):
    run = moved / "runs" / "one"
    forget(run, catalog="/gone/home/catalog", plan_folder="/gone/home/mixtures/speech")
    assert run_catalog(run) == (moved / "catalog", None)
    assert plans_folder(run) == moved / "mixtures"
    found = ask("ledger", run, "--json")
    assert found.exit_code == 0 and json.loads(found.stdout)["plan_not_found"] == []


def test_a_catalog_that_is_gone_is_looked_for_in_places_that_are_named(moved):
    run = moved / "runs" / "one"
    forget(run, catalog="/gone/home/catalog")
    edit(run / "lock.json", catalog="/old/catalog")
    shutil.rmtree(moved / "catalog")
    with pytest.raises(MissingFileError, match=r"looked for /gone/home/catalog, /old/catalog. Name it as `catalog`"):
        run_catalog(run)
    found = ask("eval", run, "--split", "test")
    assert isinstance(found.exception, MissingFileError)
    told = ask("ledger", run)
    assert told.exit_code == 0 and "note: The catalog that" in told.stderr
    (run / "lock.json").unlink()
    forget(run, catalog=None)
    with pytest.raises(MissingFileError, match="does not say which catalog"):
        run_catalog(run)


def test_a_changed_catalog_is_said(moved):
    run = moved / "runs" / "one"
    forget(run, catalog=str(moved / "catalog"))
    edit(run / "lock.json", catalog=str(moved / "catalog"))
    shutil.rmtree(moved / "labels" / "align")
    build(moved / "corpora", moved / "labels", moved / "catalog")
    found = ask("eval", run, "--corpus", "tiny", "--split", "test", "--decode", "ctc", "--json")
    assert found.exit_code == 0, found.output
    assert "has changed since" in found.stderr and "ctc_wer" in json.loads(found.stdout)
    quiet = ask("eval", run, "--catalog", moved / "catalog", "--corpus", "tiny", "--split", "test", "--decode", "ctc")
    assert "has changed" not in quiet.stderr
