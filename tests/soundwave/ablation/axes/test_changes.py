"""What axes change in the stages and mixtures of a grid's arms, down to the trainings."""

import pytest
import yaml

from manifests.errors import SettingsError
from soundwave.ablation.grid import Grid, load_grid
from soundwave.ablation.nodes import expand

STAGE = {"train": ["alignment"], "lm_weight": 0, "ctc_weight": 1, "optimiser": {"learning_rate": 0.001}, "seed": 1}
RULES = "-- setting: wer_below = 0.1\nSELECT cut_id, {'value': 1, 'kept': true} AS all_of FROM cuts"


@pytest.fixture
def folder(tmp_path):
    for stage, shares in (
        ("alignment", {"asr": 0.9, "sound": 0.1}),
        ("shrinking", {"asr": 0.6, "qa": 0.3, "sound": 0.1}),
    ):
        (tmp_path / f"{stage}.yaml").write_text(yaml.safe_dump(STAGE | {"stage": stage}))
        mixture = {"stage": stage, "select": "all.sql", "rules": "rules.sql", "budget": 2, "shares": shares}
        (tmp_path / f"{stage}-mixture.yaml").write_text(yaml.safe_dump(mixture | {"batch": {"seconds": 60}}))
    (tmp_path / "all.sql").write_text("SELECT cut_id, domain FROM cuts")
    (tmp_path / "rules.sql").write_text(RULES)
    return tmp_path


def steps(*stages):
    return [{"stage": f"{stage}.yaml", "mixture": f"{stage}-mixture.yaml"} for stage in stages]


def spread(folder, **more):
    grid = {"question": "Why?", "arms": {"full": steps("alignment", "shrinking"), "short": steps("shrinking")}} | more
    return expand({"g": Grid.model_validate(grid)}, catalog_fingerprint="c", roots={"g": folder})


def mixtures(found, arm="full"):
    """For each cell of an arm, its values and its mixtures."""
    cells = [cell for cell in found.cells if cell.arm == arm]
    return [(dict(cell.axes), [found.nodes[key].plan.mixture for key in cell.chain]) for cell in cells]


def test_a_share_moves_in_the_stage_that_is_named_or_in_all(folder):
    found = spread(folder, axes={"share.sound": {"stage": "alignment", "values": [0, 0.4]}})
    assert [labels for labels, _ in mixtures(found)] == [{"share.sound": 0}, {"share.sound": 0.4}]
    (_, (none, second)), (_, (much, same)) = mixtures(found)
    assert (none.shares, much.shares) == ({"asr": 1.0, "sound": 0.0}, {"asr": 0.6, "sound": 0.4})
    assert second.shares == same.shares == {"asr": 0.6, "qa": 0.3, "sound": 0.1}
    assert [cell.name for cell in found.cells if cell.arm == "short"] == [
        "short-100%-seed7"
    ]  # it changes nothing there
    assert found.notes == ["g: the axis share.sound changes nothing in the arm short"]
    every = spread(folder, axes={"share.sound": [0.4]})
    assert [mixture.shares["sound"] for mixture in mixtures(every)[0][1]] == [0.4, 0.4]


def test_all_that_a_mixture_a_rule_or_a_stage_can_say(folder):
    heat = {"start": 2, "add_per_epoch": 5}
    axes = {"rule.wer_below": [0.05], "temperature": {"stage": "shrinking", "values": [heat]},
            "stage.alignment.optimiser.learning_rate": [0.1], "mixture.alignment-mixture.max_repeats": [9],
            "leave_out": {"corpora": ["esc50"], "nothing": False}}  # fmt: skip
    found = spread(folder, axes=axes)
    first, second = (found.nodes[key] for key in found.cells[0].chain)
    assert first.plan.mixture.rule == second.plan.mixture.rule == {"wer_below": 0.05}
    assert first.plan.mixture.shares and second.plan.mixture.shares is None
    assert (second.plan.mixture.temperature.start, second.plan.mixture.temperature.add_per_epoch) == (2, 5)
    assert (first.settings.optimiser.learning_rate, second.settings.optimiser.learning_rate) == (0.1, 0.001)
    assert (first.plan.mixture.max_repeats, second.plan.mixture.max_repeats) == (9, 1)
    assert first.plan.mixture.leave_out == ("esc50",)


def test_a_domain_is_left_out_of_shares_and_of_temperatures(folder):
    found = spread(
        folder, axes={"leave_out": {"domains": ["sound"]}, "temperature": {"stage": "shrinking", "values": [1]}}
    )
    (nothing, before), (labels, (first, second)) = mixtures(found)
    assert (nothing["leave_out"], labels["leave_out"]) == (None, "domain:sound")
    assert before[0].shares == {"asr": 0.9, "sound": 0.1} and first.shares == {"asr": 1.0, "sound": 0.0}
    assert second.query.endswith("WHERE domain <> 'sound'")


def test_sizes_keep_the_passes_or_what_is_drawn(folder):
    size = {"size": {"fractions": [0.5, 1.0], "repeats": ["matched", "free"]}}
    arms = {"a": [steps("alignment")[0] | {"settings": {"steps": 30}}]}
    found = spread(folder, axes=size, arms=arms)
    assert [cell.name for cell in found.cells] == [
        "a-50%-matched-seed7", "a-100%-matched-seed7", "a-50%-free-seed7", "a-100%-free-seed7"]  # fmt: skip
    small, whole, free, same = (found.nodes[cell.chain[0]] for cell in found.cells)
    assert whole is same and len(found.nodes) == 3
    assert [node.settings.steps for node in (small, whole, free)] == [15, 30, 30]
    assert {cell.repeats for cell in found.cells} == {"matched", "free"}
    # What the grids of earlier versions say gives the trainings that it gave.
    plain = spread(folder, fractions=[0.5, 1.0], arms=arms)
    assert [cell.chain for cell in plain.cells] == [found.cells[2].chain, found.cells[3].chain]


def test_points_that_meet_in_an_arm_are_one_cell_and_those_that_cannot_be_say_why(folder):
    axes = {
        "share.sound": {"stage": "alignment", "values": [0.5]},
        "share.asr": {"stage": "alignment", "values": [0.5, 0.6]},
    }
    found = spread(folder, axes=axes)
    assert [bool(cell.infeasible) for cell in found.cells] == [False, True, False]
    assert "sum to 1.1" in found.cells[1].infeasible and found.cells[1].chain == ()


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"share.sounds": [0.1]}, r"no mixture has shares of sounds \(nearest: sound"),
        (
            {"share.sound": {"stage": "alinment", "values": [0.1]}},
            r"alinment, which no arm trains \(nearest: alignment",
        ),
        ({"rule.wer_belo": [1]}, r"no rule or query reads wer_belo \(nearest: wer_below"),
        ({"stage.sft.ema": [0.5]}, "names a stage that no arm trains"),
        ({"stage.alignment.emma": [0.5]}, r"the axis stage\.alignment\.emma: unknown key `emma` \(nearest: ema"),
        ({"mixture.alignment.budgt": [0.5]}, r"unknown key `budgt` \(nearest: budget"),
        ({"shares": {"lattice": 2}}, "does not say between which domains"),
        ({"leave_out": {"domains": ["st"]}}, "no mixture has shares of domain:st"),
    ],
)
def test_axes_of_what_is_not_there_name_the_nearest(folder, axes, message):
    with pytest.raises(SettingsError, match=message):
        spread(folder, axes=axes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"axes": {"shre.a": [1]}}, r"grid\.yaml.*axis `shre\.a` is unknown \(nearest: share"),
        ({"axes": {"size": [0.5]}, "fractions": [0.5]}, "one of the two"),
        ({"design": "ful"}, "design"),
        ({"design": {"kind": "sobol", "cells": 0}}, "cells"),
        ({"outcomes": {"wer": "llm_wr"}}, r"No figure is called `llm_wr`.*llm_wer"),
        ({"outcomes": {"a": "sound.accuracy"}}, r"No figure is called `sound\.accuracy`.*sound\.\w+_accuracy"),
        ({"outcomes": {"two words": "asr"}}, "letters, digits"),
        ({"outcomes": {"hours": "asr"}}, "another column"),
        ({"ladder": "branches", "fractions": [0.5, 1.0]}, "repeats: matched"),
        ({"retries": -1}, "retries"),
    ],
)
def test_wrong_grids_name_the_file(tmp_path, changes, message):
    path = tmp_path / "grid.yaml"
    path.write_text(yaml.safe_dump({"question": "Why?", "arms": {"full": ["alignment", "sft"]}} | changes))
    with pytest.raises(SettingsError, match=message):
        load_grid(str(path))


def test_several_outcomes_and_short_arms(tmp_path):
    path = tmp_path / "grid.yaml"
    kinds = {"metric": "sound.kind_accuracy", "corpus": "esc50", "split": "dev"}
    wer = {"metric": "asr.llm_wer", "corpus": "asterisk"}
    outcomes = {"wer": wer, "ctc": "ctc_wer", "kinds": kinds, "loss": "loss"}
    path.write_text(
        yaml.safe_dump({"question": "Why?", "arms": {"full": ["alignment"]}, "outcomes": outcomes}, sort_keys=False)
    )
    grid = load_grid(str(path))
    assert grid.arms["full"][0].mixture == "alignment" and grid.outcome_name == "wer" and grid.figure.name == "wer"
    facts = {one.name: (one.metric, one.source, one.rows.corpus, one.rows.split) for one in grid.wanted}
    assert facts == {
        "wer": ("asr", "llm_wer", "asterisk", "test"),
        "ctc": ("asr", "ctc_wer", "asterisk", "test"),
        "kinds": ("sound", "kind_accuracy", "esc50", "dev"),
        "loss": ("loss", "lm_loss", None, "test"),
    }
