"""What may be replaced in a demo reaches its plans and every arm of its grids; mistakes are found first."""

import pytest

from manifests.errors import MissingFileError, SettingsError
from manifests.settings import Override
from soundwave.ablation.grid import GRIDS, load_grid
from soundwave.ablation.nodes import expand
from soundwave.demo.run import run_demo
from soundwave.demo.settings import DEMOS, load_demo


def demo(*pairs, name="short"):
    return load_demo(name, [Override.parse(pair, f"--set {pair}") for pair in pairs])


def expanded(grids):
    return expand(grids, catalog_fingerprint="c0", roots=dict.fromkeys(grids, GRIDS.folder))


def trainings(settings):
    """Every training of a demo's grids."""
    overrides = settings.grid_overrides()
    return expanded({name: load_grid(name, overrides[name]) for name in settings.grids}).nodes


def chains(settings):
    """The trainings of each arm, in order."""
    overrides = settings.grid_overrides()
    found = expanded({name: load_grid(name, overrides[name]) for name in settings.grids})
    return [[found.nodes[key] for key in cell.chain] for cell in found.cells]


@pytest.mark.parametrize("name", DEMOS.names())
def test_with_nothing_replaced_a_demo_is_its_bundled_files(name):
    settings = demo(name=name)
    settings.check()
    plain = expanded({name: load_grid(name) for name in settings.grids})
    assert trainings(settings).keys() == plain.nodes.keys()
    first = [plain.nodes[key] for key in plain.cells[0].chain]
    shown = settings.first_mixtures()
    assert [node.plan.mixture.sha256 for node in first] == [mixture.sha256 for mixture in shown.values()]
    assert [node.stage for node in first] == [name.partition("-")[0] for name in shown]


@pytest.mark.parametrize("name", DEMOS.names())
def test_a_demo_tells_its_story_in_three_arms(name):
    """Real and synthetic speech, real speech alone for as many hours, and one without stage I."""
    settings = demo(name=name)
    (grid,) = (load_grid(file) for file in settings.grids)
    both, real, without = grid.arms.values()
    assert [step.stage for step in both] == [step.stage for step in real]
    assert "alignment" not in [step.stage for step in without] and both[0].stage == "alignment"
    mixtures = [[node.plan.mixture for node in chain] for chain in chains(settings)]
    assert [one.budget for one in mixtures[0]] == [one.budget for one in mixtures[1]]
    assert any(one.shares["synthetic"] > 0 for one in mixtures[0])
    assert all(one.shares["synthetic"] == 0 for one in mixtures[1])


def test_a_stage_that_an_arm_trains_again_has_a_plan_of_its_own():
    assert list(demo().first_mixtures()) == ["alignment", "alignment-2", "shrinking"]


def test_arms_of_the_short_demo_share_how_they_begin():
    both, real, _ = chains(demo())
    assert both[0].key == real[0].key and both[1].parent == both[0].key
    assert both[1].key != real[1].key


def test_what_is_replaced_reaches_every_arm_and_the_demos_own_plans():
    pairs = ("stages.alignment.optimiser.betas=[0.9,0.97]", "mixtures.demo/shrinking.max_repeats=9", "seeds=[1,2]")
    settings = demo(*pairs)
    settings.check()
    nodes = trainings(settings).values()
    assert {node.settings.seed for node in nodes} == {1, 2}
    first = [node for node in nodes if node.stage == "alignment"]
    assert {node.settings.optimiser.betas for node in first} == {(0.9, 0.97)}
    assert {node.settings.optimiser.learning_rate for node in first} == {
        1.5e-3,
        1.0e-3,
    }  # as the arms and the stage say
    assert {node.plan.mixture.max_repeats for node in nodes if node.stage == "shrinking"} == {9}
    assert settings.first_mixtures()["shrinking"].max_repeats == 9


def test_an_arms_own_settings_come_on_top():
    nodes = trainings(demo("mixtures.demo/alignment.budget=0.01")).values()
    budgets = [node.plan.mixture.budget for node in nodes if node.stage == "alignment"]
    assert sorted(budgets) == [0.01, 1.2, 1.2]  # what follows the beginning that arms share is their own


@pytest.mark.parametrize(
    ("pair", "error", "said"),
    [
        ("stages.sftt.steps=1", SettingsError, r"`stages\.sftt`: no such stage \(nearest: sft"),
        ("mixtures.st.budget=1", SettingsError, r"`mixtures\.st`: no such mixture \(nearest: sft"),
        ("stages.sft.step=1", SettingsError, r"the demo's stages\.sft: unknown key `step` \(nearest: steps"),
        ("mixtures.sft.budgt=1", SettingsError, r"the demo's mixtures\.sft: unknown key `budgt` \(nearest: budget"),
        ("seeds=[1,1]", SettingsError, "the demo's seeds: seeds hold a number twice"),
        ("grids=[demo-lng]", MissingFileError, r"No such grid: demo-lng\. .*nearest: demo-long"),
        ("corpora=[asterix]", SettingsError, "asterix.*nearest: asterisk"),
        ("counts={hart: 3}", SettingsError, "`counts` names hart, expected one of asterisk, heart"),
        ("counts={asterisk: 3}", SettingsError, "asterisk has a size of its own"),
    ],
)
def test_a_mistake_is_found_before_anything_is_made(tmp_path, pair, error, said):
    with pytest.raises(error, match=said):
        run_demo(tmp_path / "demo", demo(pair))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("pair", "said"), [("workers=0", "1 or more"), ("grids=[]", "at least 1"), ("seeds=x", "a list")]
)
def test_wrong_values_are_refused(pair, said):
    with pytest.raises(SettingsError, match=said):
        demo(pair)
