"""`soundwave ablate claims`, `fit` and `next`, as the command line runs them; a grid without a command is `run`."""

import json
import sys
from dataclasses import replace

import pytest
import yaml
from typer.testing import CliRunner

from manifests.errors import InputError, MissingFileError, OccupiedError, SettingsError
from soundwave.ablation.go_on import go_on
from soundwave.ablation.grid import load_grid
from soundwave.ablation.run import ablate
from soundwave.cli import build_app
from tests.soundwave.ablation.small_catalog import small_catalog, write_grid
from tests.soundwave.ablation.small_study import grid, row, shares, study, write_study
from tests.soundwave.ablation.test_ablation_run import fake_commands


def said(*words):
    done = CliRunner().invoke(build_app(), ["ablate", *map(str, words)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


@pytest.fixture
def arms(tmp_path):
    rows, clips = study({"full": 0.0, "without": 0.3})
    return write_study(tmp_path / "out" / "g", grid(("full", "without")), rows, clips)


@pytest.fixture
def sounds(tmp_path):
    return write_study(tmp_path / "out" / "sounds", grid(), shares())


def test_claims_are_sentences_or_json(arms):
    assert "full is better than without by 0.3" in said("claims", arms)
    found = json.loads(said("claims", arms, "--json"))
    assert found["claims"][0]["verdict"] == "better"
    kept = json.loads((arms / "grid.json").read_text(encoding="utf-8"))["claims"]
    assert kept["claims"][0]["sentence"] == found["claims"][0]["sentence"]


def test_fit_says_the_optimum_and_its_predictions_are_checked_later(sounds, tmp_path):
    kept = tmp_path / "predictions.json"
    assert "best at share.sound 0.2" in said("fit", sounds, "--save", kept)
    with pytest.raises(OccupiedError, match="predictions are not replaced"):
        said("fit", sounds, "--save", kept)
    assert said("fit", sounds, "--check", kept).count("not trained yet") == 2
    best = json.loads(kept.read_text(encoding="utf-8"))["predictions"][0]["cells"][0]["at"]["share.sound"]
    more = [row("full", 0.3, seed, axes={"share.sound": best}, grid="sounds-next-1") for seed in (7, 8)]
    write_study(sounds.parent / "sounds-next-1", grid(seeds=(7, 8)), more)
    assert "the prediction held" in said("fit", sounds, "--check", kept)
    assert json.loads(said("fit", sounds, "--json"))["responses"][0]["function"]


def test_next_prints_a_grid_that_can_be_run(sounds, tmp_path):
    file = tmp_path / "next.yaml"
    file.write_text(said("next", sounds), encoding="utf-8")
    assert load_grid(file).seeds == (7,)
    assert "share.sound" in json.loads(said("next", sounds, "--json"))["title"]


def test_next_runs_cells_and_goes_on_from_their_results(tmp_path):
    catalog, file, log = small_catalog(tmp_path), write_grid(tmp_path), tmp_path / "log"
    out = tmp_path / "out"
    ablate([str(file)], catalog, out, commands=fake_commands(log))
    steps = list(go_on(out / "grid", 2, catalog=catalog, grids=tmp_path, commands=fake_commands(log)))
    assert [step.file.name for step in steps] == ["grid-next-1.yaml", "grid-next-2.yaml"]
    assert len({step.cell.title for step in steps}) == 2
    assert all(step.summary.trained and not step.summary.failed for step in steps)
    assert (out / "grid-next-2" / "results.parquet").is_file()
    assert len(yaml.safe_load(steps[0].file.read_text(encoding="utf-8"))["seeds"]) == 1
    failing = list(go_on(out / "grid", 3, catalog=catalog, grids=tmp_path, commands=fake_commands(log, fail="-")))
    assert len(failing) == 1 and failing[0].summary.failed


def test_next_does_not_go_on_from_a_cell_without_a_result(tmp_path):
    """It would be chosen again and again."""
    catalog, file, log = small_catalog(tmp_path), write_grid(tmp_path), tmp_path / "log"
    out, plain = tmp_path / "out", fake_commands(log)
    ablate([str(file)], catalog, out, commands=plain)
    empty = replace(plain, evaluate=lambda _: (sys.executable, "-c", "print('{}')"))
    (step,) = go_on(out / "grid", 3, catalog=catalog, grids=tmp_path, commands=empty)
    assert not step.summary.failed and "was not measured" in step.summary.failures[0]["error"]


@pytest.mark.parametrize("command", ["claims", "fit", "next"])
def test_what_is_no_study_is_refused(command, tmp_path):
    with pytest.raises(MissingFileError, match="expected the folder of a grid"):
        said(command, tmp_path)


def test_an_unknown_outcome_is_refused_with_the_nearest(arms):
    with pytest.raises(SettingsError, match="llm_wer"):
        said("claims", arms, "--outcome", "llm_wet")


CELL = {"at": {"share.sound": 0.2}, "value": 0.3, "low": 0.2, "high": 0.4, "seeds": 1, "why": "the predicted optimum"}
KEPT = {"outcome": "llm_wer", "fixed": {}, "axes": ["share.sound"], "cells": [CELL]}


@pytest.mark.parametrize(
    "rows",
    [
        None,
        [7],
        [{**KEPT, "axes": [1]}],
        [{**KEPT, "cells": ["x"]}],
        [{**KEPT, "cells": [{"at": {"share.sound": 0.2}}]}],
        [{**KEPT, "cells": [{**CELL, "low": "little"}]}],
        [{**KEPT, "cells": [{**CELL, "at": {"size": 1.0}}]}],
    ],
)
def test_predictions_that_are_none_are_refused(arms, tmp_path, rows):
    (tmp_path / "p.json").write_text(json.dumps({"predictions": rows}), encoding="utf-8")
    with pytest.raises(InputError, match="holds no predictions"):
        said("fit", arms, "--check", tmp_path / "p.json")
    (tmp_path / "p.json").write_text(json.dumps({"predictions": [KEPT]}), encoding="utf-8")
    assert "no such cells" in said("fit", arms, "--check", tmp_path / "p.json")


def test_clips_that_are_no_table_are_refused(arms):
    (arms / "clips.parquet").write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        said("claims", arms)


@pytest.mark.parametrize(
    "words", [("no-such-grid",), ("--catalog", "nowhere", "no-such-grid"), ("run", "no-such-grid")]
)
def test_a_grid_without_a_command_is_run(words):
    with pytest.raises(MissingFileError, match="No such grid: no-such-grid"):
        said(*words)


def test_help_names_every_command():
    text = said("--help")
    assert all(name in text for name in ("run", "claims", "fit", "next"))
