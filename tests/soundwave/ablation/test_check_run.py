"""A fit is checked: predictions are written down, their cells trained with new seeds, and judged by these alone."""

import json
import sys
from dataclasses import replace

import pytest
import yaml
from typer.testing import CliRunner

from manifests.errors import InputError
from soundwave.ablation.check_run import run_checks
from soundwave.ablation.run import ablate
from soundwave.cli import build_app
from tests.soundwave.ablation.small_catalog import small_catalog, write_grid
from tests.soundwave.ablation.test_ablation_run import fake_commands

# The error is least at a ctc_weight of 0.5, and a little another with every seed.
ANSWERS = """
import json, pathlib, re, sys
run = pathlib.Path(sys.argv[1])
settings = (run.parent.parent / "settings" / (run.name + ".yaml")).read_text()
weight, seed = (float(re.search(name + ": ([0-9.e-]+)", settings)[1]) for name in ("ctc_weight", "(?m)^seed"))
error = 0.3 + (weight - 0.5) ** 2 + 0.004 * (seed % 3)
print(json.dumps({"clips": 2, "words": 6, "llm_wer": error, "llm_wer_band": [error - 0.1, error + 0.1]}))
"""


def commands(place, fail=""):
    evaluate = lambda task: (sys.executable, "-S", "-c", ANSWERS, str(task.run))  # noqa: E731
    return replace(fake_commands(place / "log", fail=fail), evaluate=evaluate)


@pytest.fixture
def place(tmp_path):
    """A study along one axis of numbers."""
    catalog = small_catalog(tmp_path)
    steps = [{"stage": "shrinking-stage.yaml", "mixture": "shrinking.yaml"}]
    axes = {"stage.shrinking.ctc_weight": [0.1, 0.25, 0.4, 0.6, 0.9]}
    file = write_grid(tmp_path, arms={"short": steps}, axes=axes, seeds=[7, 8])
    ablate([str(file)], catalog, tmp_path / "out", commands=commands(tmp_path))
    return tmp_path


def checked(place, given_commands=None):
    given = {"catalog": place / "catalog", "grids": place, "commands": given_commands or commands(place)}
    return list(run_checks(place / "predictions.json", place / "out" / "grid", **given))


def trained(place):
    return sorted(path.name for path in (place / "out" / "runs").iterdir())


def test_cells_are_trained_with_new_seeds_and_judged_once(place):
    said = checked(place)
    kept = json.loads((place / "predictions.json").read_text())["predictions"]
    assert len(said) == sum(len(row["cells"]) for row in kept) >= 2
    assert all("measured" in line and "the prediction" in line for line in said)
    files = sorted(place.glob("grid-next-check-*.yaml"))
    assert files and all(yaml.safe_load(file.read_text())["seeds"] == [9] for file in files)
    runs = trained(place)
    assert checked(place) == said and trained(place) == runs  # nothing again
    assert sorted(place.glob("grid-next-check-*.yaml")) == files


def test_a_check_that_failed_goes_on(place):
    with pytest.raises(InputError, match="its prediction is not checked"):
        checked(place, commands(place, fail="-"))
    before = (place / "predictions.json").read_bytes()
    assert all("measured" in line for line in checked(place))
    assert (place / "predictions.json").read_bytes() == before
    empty = replace(commands(place), evaluate=lambda _: (sys.executable, "-c", "print('{}')"))
    for path in (place / "out" / "evaluations").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="was not measured"):
        checked(place, empty)


def test_predictions_of_another_study_and_none_are_refused(place):
    checked(place)
    rows = json.loads((place / "predictions.json").read_text())["predictions"]
    (place / "predictions.json").write_text(json.dumps({"predictions": [rows[0] | {"outcome": "bleu"}]}))
    with pytest.raises(InputError, match="no cells like those that the predictions of bleu"):
        checked(place)
    done = CliRunner().invoke(build_app(), ["ablate", "fit", str(place / "out" / "grid"), "--run"])
    assert "setting `check`" in str(done.exception)
