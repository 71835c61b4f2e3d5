"""Every bundled stage loads; wrong keys are one clear sentence; schedules."""

import pytest

from manifests.errors import MissingFileError, SettingsError
from soundwave.train.schedule import rate
from soundwave.train.settings import STAGES, Optimiser, StageSettings, load_stage

NAMES = STAGES.names()


@pytest.mark.parametrize("name", NAMES)
def test_bundled_stages_load_and_open_with_the_command_that_runs_them(name):
    assert load_stage(name).stage == name.rsplit("/", 1)[-1]
    assert STAGES.find(name).read_text().startswith(f"# soundwave train {name} --plan ")


def test_there_are_the_demos_stages_and_the_papers():
    assert {"alignment", "shrinking", "sft", "paper/alignment", "paper/shrinking", "paper/sft"} <= set(NAMES)


def test_the_papers_stages_are_the_papers():
    one, two, three = (load_stage(f"paper/{name}") for name in ("alignment", "shrinking", "sft"))
    assert [stage.optimiser.learning_rate for stage in (one, two, three)] == [1e-4, 3e-5, 3e-5]
    assert [stage.steps for stage in (one, two, three)] == [6000, 6000, 4000]
    assert (two.lm_weight, two.ctc_weight) == (1.0, 0.3) and one.lm_weight == 0.0
    assert one.model.compat == "paper" and one.model.ctc_vocabulary == "full" and not one.model.posterior_embeddings


def test_an_unknown_key_names_the_nearest_ones(tmp_path):
    path = tmp_path / "stage.yaml"
    path.write_text("stage: sft\nlearning_rat: 1\n")
    with pytest.raises(SettingsError, match=r"unknown key `learning_rat` \(nearest: optimiser\.learning_rate, "):
        load_stage(path)


def test_an_unknown_stage_lists_the_names():
    with pytest.raises(MissingFileError, match="alignment, paper/alignment"):
        load_stage("alinement")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lm_weight": 0.0, "ctc_weight": 0.0}, "nothing to learn"),
        ({"lm_weight": 0.0, "ctc_weight": 1.0, "train": ["lora"]}, "lm_weight > 0"),
        ({"model": {"ctc_min_count": 3}}, "ctc_vocabulary: seen"),
        ({"model": {"merge_letters": True}}, "blank_runs: drop"),
    ],
)
def test_settings_that_contradict_each_other(stage_values, changes, message):
    values = stage_values() | changes
    with pytest.raises(ValueError, match=message):
        StageSettings(**values)


def rates(steps=100, **values):
    settings = Optimiser(learning_rate=1.0, **values)
    return [rate(settings, step, steps) for step in range(steps)]


def test_cosine_rises_then_falls_to_its_end():
    found = rates(warmup=0.1, final=0.1)
    assert found[:10] == sorted(found[:10]) and found[0] > 0 and found[10] == 1.0
    assert found[10:] == sorted(found[10:], reverse=True) and 0.1 <= found[-1] < 0.11


def test_wsd_is_flat_until_it_decays():
    found = rates(schedule="wsd", warmup=0.05, decay=0.2)
    assert set(found[5:80]) == {1.0}
    assert found[-1] == pytest.approx(0.05) and found[90] == pytest.approx(0.5)
    assert set(rates(schedule="constant", warmup=0.0)) == {1.0}
