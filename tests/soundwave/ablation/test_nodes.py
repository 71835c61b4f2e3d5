"""Equal trainings are one node; whatever changes a training changes its key."""

import pytest
import yaml

from manifests.errors import MissingFileError, SettingsError
from soundwave.ablation.grid import Grid
from soundwave.ablation.nodes import expand

STAGE = {"train": ["alignment"], "lm_weight": 0, "ctc_weight": 1, "optimiser": {"learning_rate": 0.001}, "seed": 1}


@pytest.fixture
def folder(tmp_path):
    for stage in ("alignment", "shrinking"):
        (tmp_path / f"{stage}-stage.yaml").write_text(yaml.safe_dump(STAGE | {"stage": stage}))
        (tmp_path / f"{stage}.yaml").write_text(
            yaml.safe_dump(
                {"stage": stage, "select": "all.sql", "budget": 2, "shares": {"asr": 1.0}, "batch": {"seconds": 60}}
            )
        )
    (tmp_path / "all.sql").write_text("SELECT cut_id, domain FROM cuts")
    return tmp_path


def arm_stage(stage, **more):
    return {"stage": f"{stage}-stage.yaml", "mixture": f"{stage}.yaml"} | more


def grid(arms, **more):
    return Grid.model_validate({"question": "Why?", "arms": arms} | more)


def spread(folder, catalog="c0", **grids):
    return expand(grids, catalog_fingerprint=catalog, roots=dict.fromkeys(grids, folder))


def test_arms_sizes_and_seeds_multiply_into_cells(folder):
    full = [arm_stage("alignment"), arm_stage("shrinking")]
    found = spread(folder, g=grid({"full": full, "short": full[1:]}, fractions=[0.5, 1.0], seeds=[1, 2]))
    assert len(found.cells) == 2 * 2 * 2
    assert len({cell.name for cell in found.cells}) == 8
    assert len(found.nodes) == 4 * 2 + 4
    cell = found.cells[0]
    first, second = (found.nodes[key] for key in cell.chain)
    assert (first.parent, second.parent) == (None, first.key)
    assert first.settings.seed == cell.seed == first.plan.mixture.seed
    assert first.plan.mixture.fraction == cell.fraction
    assert cell.name == "full-50%-seed1"


def test_grids_share_equal_trainings_and_file_names_do_not_matter(folder):
    copy = folder / "renamed.yaml"
    copy.write_text((folder / "alignment-stage.yaml").read_text())
    recipe = grid({"full": [arm_stage("alignment"), arm_stage("shrinking")]})
    ladder = grid({"ladder": [arm_stage("alignment") | {"stage": "renamed.yaml"}]}, fractions=[0.5, 1.0])
    found = spread(folder, recipe=recipe, ladder=ladder)
    whole = next(cell for cell in found.cells if cell.name == "ladder-100%-seed7")
    assert whole.chain[0] == found.cells[0].chain[0]
    assert len(found.nodes) == 3
    assert {cell.grid for cell in found.users(whole.chain[0])} == {"recipe", "ladder"}


def test_whatever_changes_a_training_changes_its_key_and_its_followers(folder):
    arms = {"a": [arm_stage("alignment"), arm_stage("shrinking")]}

    def keys(catalog="c0", **more):
        return spread(folder, catalog, g=grid(arms | more)).cells[0].chain

    base = keys()
    assert keys() == base
    changed = {
        "setting": keys(
            a=[arm_stage("alignment", settings={"optimiser": {"learning_rate": 0.01}}), arm_stage("shrinking")]
        ),
        "mixture": keys(a=[arm_stage("alignment", mixture_settings={"budget": 3}), arm_stage("shrinking")]),
        "catalog": keys(catalog="c1"),
    }
    (folder / "all.sql").write_text("SELECT cut_id, domain FROM cuts WHERE split = 'train'")
    changed["query"] = keys()
    for chain in changed.values():
        assert not set(chain) & set(base)
    assert len({chain[1] for chain in changed.values()}) == len(changed)


def test_an_arm_replaces_settings_at_any_depth(folder):
    deep = arm_stage(
        "alignment", settings={"optimiser": {"weight_decay": 0.5}}, mixture_settings={"batch": {"rows": 8}}
    )
    node = next(iter(spread(folder, g=grid({"a": [deep]})).nodes.values()))
    assert (node.settings.optimiser.learning_rate, node.settings.optimiser.weight_decay) == (0.001, 0.5)
    assert (node.plan.mixture.batch.seconds, node.plan.mixture.batch.rows) == (60, 8)


def test_a_grid_replaces_settings_of_all_arms_and_an_arm_comes_on_top(folder):
    arms = {"a": [arm_stage("alignment")], "b": [arm_stage("alignment", settings={"ema": 0.5})]}
    stages = {"alignment-stage.yaml": {"ema": 0.9, "optimiser": {"clip": 2.0}}}
    found = spread(folder, g=grid(arms, stages=stages, mixtures={"alignment.yaml": {"max_repeats": 4}}))
    nodes = {cell.arm: found.nodes[cell.chain[0]] for cell in found.cells}
    assert (nodes["a"].settings.ema, nodes["b"].settings.ema) == (0.9, 0.5)
    assert {(node.settings.optimiser.clip, node.plan.mixture.max_repeats) for node in nodes.values()} == {(2.0, 4)}


def test_a_wrong_key_of_an_arm_names_the_arms_settings(folder):
    wrong = grid({"a": [arm_stage("alignment", settings={"optimiser": {"clipp": 1}})]})
    with pytest.raises(
        SettingsError, match=r"the arm's settings of alignment-stage\.yaml: unknown key `optimiser\.clipp`"
    ):
        spread(folder, g=wrong)


def test_missing_parts_are_named(folder):
    with pytest.raises(MissingFileError, match=r"No such stage: .*nothing\.yaml"):
        spread(folder, g=grid({"a": [{"stage": "nothing.yaml", "mixture": "alignment.yaml"}]}))
    (folder / "all.sql").unlink()
    with pytest.raises(MissingFileError, match=r"No such SQL file: .*all\.sql"):
        spread(folder, g=grid({"a": [arm_stage("alignment")]}))
    (folder / "all.sql").write_text("SELECT cut_id, domain FROM cuts")
    with pytest.raises(SettingsError, match="unknown key `budgets`"):
        spread(folder, g=grid({"a": [arm_stage("alignment", mixture_settings={"budgets": 3})]}))


def test_marks_are_in_the_keys_of_mixtures_that_read_them_and_corrections_are_an_axis(folder):
    (folder / "told.yaml").write_text(
        yaml.safe_dump(
            {"stage": "alignment", "select": "corrected.sql", "epochs": 1, "shares": {"asr": 1}}
            | {"batch": {"seconds": 60}}
        )
    )
    stages = {"told": [arm_stage("alignment", mixture="told.yaml")], "plain": [arm_stage("alignment")]}

    def keys(marks, arm, **more):
        found = expand(
            {"g": grid({arm: stages[arm]}, **more)}, catalog_fingerprint="c", roots={"g": folder}, marks=marks
        )
        return [found.nodes[cell.chain[-1]].plan.key for cell in found.cells]

    assert keys("", "plain") == keys("some", "plain")
    assert len({*keys("", "told"), *keys("some", "told"), *keys("more", "told")}) == 3
    assert len(set(keys("some", "told", axes={"rule.by_listeners": [0, 1]}))) == 2
