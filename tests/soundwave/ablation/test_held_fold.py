"""Grids whose seeds hold out folds, on a small real catalog and real plans; trainings are the scripts of test_sweep."""

import json

import pyarrow.parquet as pq
import pytest

from curation.catalog.folds import Folds, fold_splits
from curation.plan import Mixture, make_plan
from manifests.errors import InputError, MixtureError, SettingsError
from manifests.settings.core_yaml import load_yaml
from soundwave.ablation.commands import Commands
from soundwave.ablation.grid import load_grid
from soundwave.ablation.run import Ablation, ablate, describe
from soundwave.ablation.running.forecast import forecast
from soundwave.ablation.running.held_out import refuse_held_out
from tests.soundwave.ablation.running.test_sweep import commands
from tests.soundwave.ablation.small_catalog import cut, small_catalog, write_grid

FOLDS = {"corpus": "prompts", "number": 3, "links": ["recording", "speaker", "text"]}
SHORT = {"short": [{"stage": "shrinking-stage.yaml", "mixture": "shrinking.yaml"}]}
SEEDS = (7, 8, 9)


@pytest.fixture
def place(tmp_path):
    return small_catalog(tmp_path, others=[cut(1, corpus="others", text="Prompt number 1!")]), tmp_path


def asking(folder, asked):
    """The scripts; `asked` takes down which questions are asked of which run."""
    plain = commands(folder)

    def evaluate(task):
        asked[task.run.name] = load_yaml(task.also.read_text(encoding="utf-8"))
        assert (task.decode, task.metrics) == ((), ())  # what is asked by options would not be of the fold
        return plain.evaluate(task)

    return Commands(plain.train, plain.trained, evaluate)


def test_every_cell_trains_without_the_fold_that_it_is_measured_on(place):
    catalog, folder = place
    grid, asked, held = write_grid(folder, folds=FOLDS, seeds=list(SEEDS)), {}, []
    summary = ablate([str(grid)], catalog, folder / "out", commands=asking(folder, asked))
    assert not summary.failures and len(summary.rows) == 3 * 3 and summary.notes == []
    for row in summary.rows:
        folds = Folds.model_validate(FOLDS | {"fold": row["seed"] % 3})
        splits = fold_splits(catalog, folds).splits
        out = {name for name, split in splits.items() if split == "test"}
        drawn = set(pq.read_table(folder / "out" / "plans" / row["plan"] / "plan.parquet")["cut_id"].to_pylist())
        assert drawn == {f"prompts-{n:02d}" for n in range(14)} - out | ({"others-01"} - set(splits))
        questions = asked[row["run"].removeprefix("runs/")]
        assert len(questions) >= 2 and all(q["folds"] == folds.model_dump(mode="json") for q in questions)
        held += out if (row["arm"], row["stage"]) == ("short", "shrinking") else []
    assert sorted(held) == [f"prompts-{n:02d}" for n in range(14)]  # every clip is tested once
    report = json.loads((folder / "out" / "grid" / "grid.json").read_text())
    assert report["folds"] == FOLDS | {"seed": 0, "fold": None}
    table = folder / "out" / "grid" / "results.parquet"
    assert len(Ablation([str(grid)], catalog, folder / "there", results=table).taken) == 6
    other = write_grid(folder, folds=FOLDS | {"seed": 1}, seeds=list(SEEDS))
    assert Ablation([str(other)], catalog, folder / "other", results=table).taken == {}  # measured on other folds


def test_what_is_held_out_in_a_plan_is_refused_before_anything_trains(place):
    catalog, folder = place
    other = {"shrinking.yaml": {"folds": {"corpus": "others", "number": 2}}}
    ablation = Ablation([str(write_grid(folder, arms=SHORT, folds=FOLDS, mixtures=other))], catalog, folder / "out")
    assert [node.plan.mixture.held_fold.corpus for node in ablation.nodes.values()] == ["prompts"]  # the grid's hold
    base = {"name": "m", "stage": "alignment", "shares": {"asr": 1}, "unit": "samples", "epochs": 1}
    every = Mixture(**base, query="SELECT cut_id, domain FROM cuts", batch={"seconds": 6})
    make_plan(every, catalog, folder / "plans" / "every")
    linked = every.model_copy(update={"query": "SELECT cut_id, domain FROM cuts WHERE corpus = 'others'"})
    make_plan(linked, catalog, folder / "plans" / "linked")
    found = {fold: fold_splits(catalog, Folds(**FOLDS, fold=fold)).splits for fold in range(3)}
    fold = next(fold for fold, splits in found.items() if "others-01" in splits)
    for name in ("every", "linked"):
        with pytest.raises(MixtureError, match=rf"{name} draws \S+, which is of fold {fold} of 3 of prompts"):
            refuse_held_out(folder / "plans", [name], catalog, Folds(**FOLDS, fold=fold))
    refuse_held_out(folder / "plans", ["linked"], catalog, Folds(**FOLDS, fold=(fold + 1) % 3))


def test_the_test_split_of_other_corpora_stays_held_out(tmp_path):
    catalog = small_catalog(tmp_path, others=[cut(1, "test", corpus="others"), cut(2, corpus="others")])
    everything = {"shrinking.yaml": {"query": "SELECT cut_id, domain FROM cuts"}}
    grid = str(write_grid(tmp_path, arms=SHORT, folds=FOLDS, mixtures=everything))
    with pytest.raises(MixtureError, match=r"draws others-01, which .* \(1 such cuts\)"):
        ablate([grid], catalog, tmp_path / "out", commands=commands(tmp_path))
    with pytest.raises(MixtureError, match="draws others-01"):
        forecast(Ablation([grid], catalog, tmp_path / "out"), measure=False)
    assert not (tmp_path / "log").exists()


def test_a_forecast_plans_every_fold_and_counts_all_their_clips(place):
    catalog, folder = place
    grid = str(write_grid(folder, arms=SHORT, folds=FOLDS, seeds=[7, 8, 10]))
    found = forecast(Ablation([grid], catalog, folder / "out"), measure=False)
    folds = [fold_splits(catalog, Folds(**FOLDS, fold=fold)) for fold in (1, 2)]
    assert found.power["llm_wer"]["clips"] == sum(one.held for one in folds)
    assert any("no seed holds out fold 0 of prompts" in note and "7 to 9" in note for note in found.notes)


def test_folds_that_cannot_be_had_train_nothing(place):
    catalog, folder = place
    with pytest.raises(InputError, match=r"audio of 'promts' \(nearest: prompts\)"):
        ablate([str(write_grid(folder, folds=FOLDS | {"corpus": "promts"}))], catalog, folder / "out",
               commands=commands(folder))  # fmt: skip
    with pytest.raises(SettingsError, match=r"folds\.number"):
        load_grid(str(write_grid(folder, folds={"corpus": "prompts", "number": 1})))
    assert not (folder / "log").exists()


def test_without_folds_a_grid_says_nothing_of_them(place):
    catalog, folder = place
    grid = load_grid(str(write_grid(folder)))
    assert "folds" not in describe("grid", grid, [])
    ablation = Ablation([str(write_grid(folder))], catalog, folder / "out")
    assert all("folds" not in node.plan.mixture.stated(exclude=set()) for node in ablation.nodes.values())
