"""A run's folder: the same training goes on in it, and nothing else is ever replaced."""

import json
import shutil

import pytest

from manifests.digests import SEAL, write_sealed
from manifests.errors import ManifestError, MissingFileError, OccupiedError
from manifests.files import read_json, write_json
from manifests.runs import CHECKPOINTS, RUN, final_model, read_run
from soundwave.train.loop import train
from soundwave.train.runs.folder import load_model
from soundwave.train.settings import StageSettings
from tests.soundwave.train.stopping import Killed, kill_at


def tree(folder):
    """Every file under a folder with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def plans(workspace):
    return workspace / "mixtures"


@pytest.fixture(scope="module")
def settings(stage_values):
    return StageSettings(**stage_values("alignment", steps=2))


@pytest.fixture(scope="module")
def done(settings, plans, tmp_path_factory):
    folder = tmp_path_factory.mktemp("done") / "run"
    train(settings, plan=plans / "speech", output=folder)
    return folder


@pytest.fixture
def run(done, tmp_path):
    """A finished run of its own for each test."""
    return shutil.copytree(done, tmp_path / "run")


@pytest.fixture
def stopped(settings, plans, tmp_path):
    """A run of three steps, stopped after two."""
    longer = settings.model_copy(update={"steps": 3, "checkpoint_every": 1})
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, 2)
        train(longer, plan=plans / "speech", output=tmp_path / "stopped")
    return tmp_path / "stopped"


def test_a_folder_with_other_files_is_left_as_it_is(settings, plans, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("mine")
    (tmp_path / "final").mkdir()
    before = tree(tmp_path)
    for existing in ("refuse", "aside"):
        with pytest.raises(OccupiedError, match=r"holds final, thesis and no run\.json") as raised:
            train(settings, plan=plans / "speech", output=tmp_path, existing=existing)
        assert not raised.value.movable
    assert tree(tmp_path) == before


def test_a_file_in_the_place_of_the_folder_is_left_as_it_is(settings, plans, tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(OccupiedError, match="is a file, expected a folder for a run"):
        train(settings, plan=plans / "speech", output=tmp_path / "run")
    assert (tmp_path / "run").read_text() == "mine"


def test_what_a_killed_writer_left_does_not_make_a_folder_somebody_elses(settings, plans, tmp_path):
    (tmp_path / ".0a1b2c3d.run.json").write_text("{")
    train(settings, plan=plans / "speech", output=tmp_path)
    assert read_run(tmp_path).status == "done"


def test_another_run_is_refused_with_each_setting_that_differs(settings, plans, run):
    before = tree(run)
    optimiser = settings.optimiser.model_copy(update={"learning_rate": 0.5})
    other = settings.model_copy(update={"seed": 9, "optimiser": optimiser, "tensorboard": False})
    with pytest.raises(OccupiedError, match="holds another run, finished") as raised:
        train(other, plan=plans / "speech", output=run)
    lines = [line.strip() for line in str(raised.value).splitlines()[1:-1]]
    assert lines == ["optimiser.learning_rate: found 0.003, asked 0.5", "seed: found 3, asked 9"]
    assert raised.value.movable and tree(run) == before


def test_another_plan_is_refused_with_what_it_was_made_from(settings, plans, stopped):
    before = tree(stopped)
    longer = settings.model_copy(update={"steps": 3})
    with pytest.raises(
        OccupiedError, match=r"stopped at step 2 of 3(.|\n)*plan\.shares\.qa: found nothing, asked 0\.1"
    ):
        train(longer, plan=plans / "mixed", output=stopped)
    assert tree(stopped) == before


def test_another_start_is_refused(settings, plans, run, done):
    with pytest.raises(OccupiedError, match=f"start: found a new model, asked {done}"):
        train(settings, plan=plans / "speech", output=run, init=done)


def test_moving_aside_loses_nothing_and_counts_on(settings, plans, run, capsys):
    before = tree(run)
    for number in (1, 2):
        other = settings.model_copy(update={"seed": 10 + number})
        train(other, plan=plans / "speech", output=run, existing="aside")
        assert f"the run that was there is now {run}.old-{number}" in capsys.readouterr().err
    assert tree(run.with_name("run.old-1")) == before
    assert [read_run(run.with_name(name)).settings["seed"] for name in ("run.old-2", "run")] == [11, 12]
    train(other, plan=plans / "speech", output=run, existing="aside")  # the same training: it stays
    assert "reused" in capsys.readouterr().err and not run.with_name("run.old-3").exists()


def test_resuming_goes_on_with_the_stored_settings(settings, plans, stopped, capsys):
    other = settings.model_copy(update={"seed": 9, "steps": 50})
    train(other, plan=plans / "speech", output=stopped, existing="resume")
    assert "resumed after step 2 of 3" in capsys.readouterr().err
    info = read_run(stopped)
    assert (info.status, info.settings["seed"], info.steps) == ("done", 3, 3)
    with pytest.raises(OccupiedError, match=r"plan\.shares"):
        train(other, plan=plans / "mixed", output=stopped, existing="resume")
    with pytest.raises(MissingFileError, match="No such run"):
        train(other, plan=plans / "speech", output=stopped.with_name("nothing"), existing="resume")


LATER = ("version", "start", "skipped", "files", SEAL)


def as_earlier(run, **changes):
    """run.json as versions wrote it that did not say the code's version."""
    facts = {name: value for name, value in read_json(run / RUN).items() if name not in LATER}
    write_json(run / RUN, facts | changes)


def test_a_run_of_an_earlier_version_is_the_same_training_where_its_content_is(settings, plans, stopped, run, capsys):
    as_earlier(run)
    train(settings, plan=plans / "speech", output=run)
    as_earlier(stopped)
    train(settings.model_copy(update={"steps": 3}), plan=plans / "speech", output=stopped)
    said = capsys.readouterr().err
    assert "reused" in said and "resumed after step 2 of 3" in said


def test_a_run_of_another_version_goes_on_only_when_asked_to(settings, plans, stopped, capsys):
    as_earlier(stopped, key="0" * 64)
    longer = settings.model_copy(update={"steps": 3})
    with pytest.raises(OccupiedError, match="version: found an earlier one, asked"):
        train(longer, plan=plans / "speech", output=stopped)
    train(longer, plan=plans / "speech", output=stopped, existing="resume")
    assert read_run(stopped).status == "done"


@pytest.mark.parametrize("text", ["", "{", '{"run": "x"}', '{"nam": 1}'])
def test_a_run_json_that_cannot_be_read_is_kept(settings, plans, run, text):
    (run / RUN).write_text(text)
    before = tree(run)
    with pytest.raises(OccupiedError, match="holds a run that cannot be read") as raised:
        train(settings, plan=plans / "speech", output=run)
    assert raised.value.movable and tree(run) == before


def test_settings_that_this_version_does_not_have_are_named(run):
    facts = read_json(run / RUN)
    write_sealed(run / RUN, facts | {"settings": facts["settings"] | {"wings": 2}})
    with pytest.raises(ManifestError, match=r"run\.json: settings: unknown key `wings`"):
        load_model(run)


def test_an_interrupted_beginning_is_gone_on_with(settings, plans, run):
    for name in ("lock.json", "settings.yaml", "environment.json"):
        (run / name).unlink()
    shutil.rmtree(run / "final")
    shutil.rmtree(run / CHECKPOINTS, ignore_errors=True)
    write_sealed(run / RUN, read_json(run / RUN) | {"status": "running", "step": 0})
    train(settings, plan=plans / "speech", output=run)
    assert final_model(run).is_dir() and json.loads((run / "lock.json").read_text())["name"] == "speech"
