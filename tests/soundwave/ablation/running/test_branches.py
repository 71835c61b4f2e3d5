"""A size ladder from one run: where its smaller sizes branch off, and what cannot branch."""

import pytest

from manifests.errors import SettingsError
from manifests.plans import read_lock
from soundwave.ablation.run import Ablation
from soundwave.train.schedule import rate
from tests.soundwave.ablation.small_catalog import small_catalog, write_grid

WSD = {"learning_rate": 0.001, "schedule": "wsd", "warmup_steps": 1, "decay": 0.4}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    return small_catalog(tmp_path_factory.mktemp("branches"), cuts=24)


def ladder(folder, catalog, *, optimiser=None, mixture=None, **more):
    """A grid of three sizes that branch, of one stage or of both, with its plans made."""
    settings = {"optimiser": optimiser or WSD, "steps": None}
    stages = {f"{stage}-stage.yaml": settings for stage in ("alignment", "shrinking")}
    mixtures = {f"{stage}.yaml": mixture or {} for stage in ("alignment", "shrinking")}
    changes = {"fractions": [0.25, 0.5, 1.0], "repeats": "matched", "ladder": "branches"} | more
    ablation = Ablation([str(write_grid(folder, stages=stages, mixtures=mixtures, **changes))], catalog, folder / "out")
    ablation.make_plans()
    return ablation


def test_smaller_sizes_branch_where_their_rate_begins_to_fall(tmp_path, catalog):
    ablation = ladder(tmp_path, catalog)
    cells = {cell.fraction: cell for cell in ablation.expansion.cells if cell.arm == "full"}
    first = {size: ablation.nodes[cell.chain[0]] for size, cell in cells.items()}
    trunk = first[1.0]
    steps = read_lock(ablation.plan_folder(trunk.plan)).steps
    assert steps == 12 and len({node.plan.key for node in first.values()}) == 1  # all draw the whole plan's beginning
    for size in (0.25, 0.5):
        node, branch = first[size], ablation.branches[first[size].key]
        settings = ablation.settings(node)
        assert settings.steps == size * steps and branch.trunk == trunk.key
        same = [
            rate(settings.optimiser, step, settings.steps) == rate(settings.optimiser, step, steps)
            for step in range(branch.step + 1)
        ]
        assert same == [True] * branch.step + [False]
        assert branch.step in ablation.settings(trunk).keep_checkpoints
        assert (
            ablation.task(node).branch
            == ablation.run_folder(trunk) / "checkpoints" / f"step-{branch.step:07d}.safetensors"
        )
        (job,) = [job for job in ablation.jobs() if job.key == node.key]
        assert job.needs == (trunk.key,) and job.command[-2:] == ("--branch", str(ablation.task(node).branch))
    later = {size: ablation.nodes[cell.chain[1]] for size, cell in cells.items()}
    assert all(node.key not in ablation.branches for node in later.values())  # each starts from another run
    assert {node.plan.mixture.fraction for node in later.values()} == {0.25, 0.5, 1.0}


def test_without_a_whole_size_the_largest_one_is_the_trunk(tmp_path, catalog):
    ablation = ladder(tmp_path, catalog, fractions=[0.25, 0.75])
    small, large = (ablation.nodes[cell.chain[0]] for cell in ablation.expansion.cells[:2])
    assert ablation.branches[small.key].trunk == large.key and large.key not in ablation.branches


def test_a_trunk_that_ended_without_the_checkpoint_leaves_its_branch_to_itself(tmp_path, catalog):
    ablation = ladder(tmp_path, catalog)
    node = next(ablation.nodes[key] for key in ablation.branches)
    trunk = ablation.run_folder(ablation.nodes[ablation.branches[node.key].trunk])
    trunk.mkdir(parents=True)
    (trunk / "run.json").write_text('{"status": "done"}')
    assert ablation.task(node).branch is None
    (job,) = [job for job in ablation.jobs() if job.key == node.key]
    assert job.needs == () and "--branch" not in job.command


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimiser": {"learning_rate": 0.001, "warmup": 0.3}}, "differs from the first step on.*schedule: wsd"),
        ({"mixture": {"epochs": 2, "max_repeats": 2}}, "passes more than once over the cuts of asr"),
    ],
)
def test_what_cannot_branch_is_refused(tmp_path, catalog, changes, message):
    with pytest.raises(SettingsError, match=message):
        ladder(tmp_path, catalog, **changes)
