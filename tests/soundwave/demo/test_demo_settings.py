"""What may be replaced in the demo reaches its plans and every arm of its grids; mistakes are found first."""

import pytest

from manifests.errors import MissingFileError, SettingsError
from manifests.settings import Override, replace_defaults
from soundwave.ablation.grid import GRIDS, load_grid
from soundwave.ablation.nodes import expand
from soundwave.demo.run import run_demo
from soundwave.demo.settings import DemoSettings


def demo(*pairs):
    return replace_defaults(DemoSettings, [Override.parse(pair, f"--set {pair}") for pair in pairs], where="the demo")


def trainings(settings):
    """Every training of the demo's grids."""
    overrides = settings.grid_overrides()
    grids = {name: load_grid(name, overrides[name]) for name in settings.grids}
    return expand(grids, catalog_fingerprint="c0", roots=dict.fromkeys(grids, GRIDS.folder)).nodes


def test_with_nothing_replaced_the_demo_is_its_bundled_files():
    settings = demo()
    grids = {name: load_grid(name) for name in settings.grids}
    plain = expand(grids, catalog_fingerprint="c0", roots=dict.fromkeys(grids, GRIDS.folder)).nodes
    assert trainings(settings).keys() == plain.keys()
    assert settings.mixture("sft").budget == 0.16


def test_what_is_replaced_reaches_every_arm_and_the_demos_own_plans():
    settings = demo("stages.alignment.optimiser.learning_rate=2e-3", "mixtures.sft.max_repeats=9", "seeds=[1,2]")
    settings.check()
    nodes = trainings(settings).values()
    assert {node.settings.seed for node in nodes} == {1, 2}
    first = [node for node in nodes if node.stage == "alignment"]
    assert {node.settings.optimiser.learning_rate for node in first} == {2e-3}
    assert {node.settings.optimiser.betas for node in first} == {(0.9, 0.98)}
    assert {node.plan.mixture.max_repeats for node in nodes if node.stage == "sft"} == {9}
    assert settings.mixture("sft").max_repeats == 9


def test_an_arms_own_settings_come_on_top():
    nodes = trainings(demo("mixtures.alignment.budget=0.5", "grids=[demo-ladder]")).values()
    assert {node.plan.mixture.budget for node in nodes} == {1.4}  # the ladder's own


@pytest.mark.parametrize(
    ("pair", "error", "said"),
    [
        ("stages.sftt.steps=1", SettingsError, r"`stages\.sftt`: no such stage \(nearest: sft"),
        ("mixtures.st.budget=1", SettingsError, r"`mixtures\.st`: no such mixture \(nearest: sft"),
        ("stages.sft.step=1", SettingsError, r"the demo's stages\.sft: unknown key `step` \(nearest: steps"),
        ("mixtures.sft.budgt=1", SettingsError, r"the demo's mixtures\.sft: unknown key `budgt` \(nearest: budget"),
        ("seeds=[1,1]", SettingsError, "the demo's seeds: seeds hold a number twice"),
        ("grids=[demo-lader]", MissingFileError, r"No such grid: demo-lader\. .*nearest: demo-ladder"),
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
