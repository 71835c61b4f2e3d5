"""The next cell with its grid: missing ones, those that tell most, and by rule where there is no curve."""

import json

import pytest

from soundwave.ablation.claims.study import Study
from soundwave.ablation.grid import Grid
from soundwave.ablation.next_cell import next_cell, one_cell
from tests.soundwave.ablation.small_study import LLM_WER, grid, row, shares

FIGURES = {"llm_wer": LLM_WER}


def study(asked, rows, tmp_path):
    return Study(tmp_path / "g", asked.model_dump(mode="json"), rows, None, FIGURES)


def test_a_missing_cell_comes_first_and_its_grid_has_it_alone(tmp_path):
    asked = grid(("full", "without"), stages={"sft": {"steps": 5}})
    rows = [row(arm, 0.3, seed) for arm in ("full", "without") for seed in (7, 8, 9)][:-1]
    found = next_cell(study(asked, rows, tmp_path))
    assert found.title == "without at 100 % with seed 9"
    assert found.sentence.startswith("Run without at 100 % with seed 9 next (about 1m40s): ")
    alone = Grid.model_validate(found.grid)
    assert list(alone.arms) == ["without"] and alone.seeds == (9,) and alone.stages == asked.stages


def test_along_numbers_the_cell_with_the_most_gain(tmp_path):
    found = next_cell(study(grid(), shares(), tmp_path))
    assert found.gain > 0 and "share.sound" in found.title
    assert found.seconds == pytest.approx(100.0)
    assert "look" in found.reason and "better in LLM word error rate" in found.reason
    assert json.loads(json.dumps(found.row())) == found.row()


def test_arms_alone_go_by_rules(tmp_path):
    rows = [row(arm, 0.3 + 0.01 * n, seed) for n, arm in enumerate(("full", "without")) for seed in (7, 8, 9)]
    found = next_cell(study(grid(("full", "without")), rows, tmp_path))
    assert found.gain is None and "less than their bands can tell" in found.reason


def test_nothing_to_go_by(tmp_path):
    asked = grid(seeds=(7,))
    assert next_cell(study(asked, [row("full", 0.3) | {"llm_wer": None}], tmp_path)) is None


def test_a_study_of_one_arm_says_only_what_its_arm_trains():
    said = {
        "question": "Why?",
        "arms": {"a": [{"stage": "sft", "mixture": "sft"}], "b": [{"stage": "alignment", "mixture": "alignment"}]},
        "stages": {"sft": {"steps": 5}, "alignment": {"steps": 6}},
        "mixtures": {"alignment": {"budget": 1}},
    }
    alone = one_cell(Grid.model_validate(said), row("a", 0.3), {"size": 0.5}, 11)
    assert alone["stages"] == {"sft": {"steps": 5}} and "mixtures" not in alone
    assert alone["fractions"] == [0.5] and alone["seeds"] == [11]


AXES = {
    "size": {"fractions": [0.5, 1.0], "repeats": ["matched", "free"]},
    "shares": {"stage": "sft", "lattice": 4, "domains": ["asr", "sound", "st"]},
    "stage.sft.steps": [5, 6],
}


def test_axes_of_a_grid_have_the_one_value():
    like = row("full", 0.3, fraction=0.5, repeats="free") | {
        "axes": json.dumps({"share.asr": 0.5, "share.sound": 0.25, "share.st": 0.25, "stage.sft.steps": 5})
    }
    asked = grid()

    class Stored:  # a grid that has axes, as the stored one says them
        arms, question = asked.arms, asked.question

        @staticmethod
        def model_dump(**_):
            return asked.model_dump(mode="json", exclude_defaults=True) | {"axes": AXES, "design": "full"}

    alone = one_cell(Stored, like, {"size": 0.7, "share.asr": 0.6, "share.sound": 0.1}, 7)
    assert alone["axes"] == {
        "size": {"fractions": [0.7], "repeats": "free"},
        "shares": {"values": [{"asr": 0.6, "sound": 0.1, "st": 0.3}], "stage": "sft"},
        "stage.sft.steps": {"values": [5]},
    }
    assert "fractions" not in alone and "design" not in alone


def test_where_no_curve_can_be_fitted_another_seed_of_the_best_cell(tmp_path):
    """Values that are no numbers have no curve: the cell with the fewest seeds, of several the best one."""
    axes = {"stage.sft.templates": ["paper", "short"]}
    errors = {("paper", 7): 0.4, ("paper", 8): 0.41, ("short", 7): 0.3, ("short", 8): 0.31}
    rows = [row("full", error, seed, axes={"stage.sft.templates": name}) for (name, seed), error in errors.items()]
    asked = grid(axes=axes, seeds=(7, 8))
    found = next_cell(study(asked, rows, tmp_path))
    assert "short" in found.title and found.grid["seeds"] == [9] and "has 2 seeds" in found.reason
    assert found.grid["axes"] == {"stage.sft.templates": {"values": ["short"]}}
    fewer = next_cell(study(asked, rows[:1] + rows[2:], tmp_path))
    assert "paper" in fewer.title and "has 1 seed" in fewer.reason
