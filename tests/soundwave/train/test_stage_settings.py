"""Every bundled stage loads; any setting can be replaced; wrong keys are one clear sentence; schedules."""

from typing import Annotated

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from manifests.errors import MissingFileError, SettingsError
from manifests.settings import Override
from manifests.settings.fields import keys, members
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


def test_a_stage_may_extend_a_bundled_one(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: alignment\nseed: 3\noptimiser: {learning_rate: 2.0e-3}\n")
    mine, theirs = load_stage(path), load_stage("alignment")
    assert (mine.seed, mine.optimiser.learning_rate, mine.optimiser.betas) == (3, 2e-3, theirs.optimiser.betas)
    assert mine.model == theirs.model


def field_at(path):
    """The field that a dotted key names, and whether it is a section."""
    model = StageSettings
    for part in path:
        field = model.model_fields[part]
        model = next((kind for kind in members(field.annotation) if is_section(kind)), None)
    return field, model is not None


def is_section(kind):
    return isinstance(kind, type) and issubclass(kind, BaseModel)


PATHS = [tuple(key.split(".")) for key in keys(StageSettings)]
LEAVES = [path for path in PATHS if not field_at(path)[1]]


def as_text(value):
    """A value as one types it after `--set KEY=`."""
    if isinstance(value, str):
        return value
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(plain, default_flow_style=True, width=10**6).removesuffix("...\n").strip()


def with_value(path, value):
    """The values of the stage `shrinking`, one replaced; sections that are null begin empty."""
    values = load_stage("shrinking").model_dump()
    holder = values
    for part in path[:-1]:
        holder[part] = holder[part] or {}
        holder = holder[part]
    holder[path[-1]] = value
    return values


def draw(data, field):
    """A value that the field alone allows."""
    kind = data.draw(st.sampled_from(members(field.annotation)))
    if kind is type(None):
        return None
    bounded = Annotated[(kind, *field.metadata)] if field.metadata else kind
    return data.draw(st.from_type(bounded).filter(lambda value: "nan" not in str(value)))  # nan is not equal to itself


@settings(max_examples=150)
@given(path=st.sampled_from(LEAVES), data=st.data())
def test_any_setting_can_be_replaced_by_its_dotted_key(path, data):
    value = draw(data, field_at(path)[0])
    override = Override.parse(f"{'.'.join(path)}={as_text(value)}", "--set")
    try:
        expected = StageSettings(**with_value(path, value))
    except ValueError:  # what other settings forbid
        with pytest.raises(SettingsError):
            load_stage("shrinking", [override])
        return
    assert load_stage("shrinking", [override]) == expected


@pytest.mark.parametrize("name", NAMES)
def test_a_stage_is_what_its_values_one_by_one_make_of_another(name):
    wanted = load_stage(name)
    values = wanted.model_dump(mode="json")
    sections = [("spec_augment",), *(path for path in LEAVES if path[0] in ("model", "optimiser"))]
    overrides = [
        *(Override.parse(f"{key}={as_text(value)}", "--set") for key, value in values.items()),
        *(Override.parse(f"{'.'.join(path)}={as_text(at_path(values, path))}", "--set") for path in sections),
    ]
    assert load_stage("sft", overrides) == wanted


def at_path(values, path):
    for part in path:
        values = values[part]
    return values


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
    optimiser = Optimiser(learning_rate=1.0, **values)
    return [rate(optimiser, step, steps) for step in range(steps)]


def test_cosine_rises_then_falls_to_its_end():
    found = rates(warmup=0.1, final=0.1)
    assert found[:10] == sorted(found[:10]) and found[0] > 0 and found[10] == 1.0
    assert found[10:] == sorted(found[10:], reverse=True) and 0.1 <= found[-1] < 0.11


def test_wsd_is_flat_until_it_decays():
    found = rates(schedule="wsd", warmup=0.05, decay=0.2)
    assert set(found[5:80]) == {1.0}
    assert found[-1] == pytest.approx(0.05) and found[90] == pytest.approx(0.5)
    assert set(rates(schedule="constant", warmup=0.0)) == {1.0}


def test_sounds_and_speakers_are_joined_as_audio_where_the_paper_joins_them():
    joins = {name: load_stage(name) for name in ("alignment", "shrinking", "paper/alignment", "paper/shrinking")}
    joins |= {"paper/sft": load_stage("paper/sft")}
    sandwiches = {name: stage.sandwich.share for name, stage in joins.items() if stage.sandwich}
    assert sandwiches == {"alignment": 0.5, "paper/alignment": 1.0, "paper/shrinking": 1.0}
    assert {name for name, stage in joins.items() if stage.multi_speaker} == {"paper/alignment", "paper/shrinking"}
    assert {name for name, stage in joins.items() if stage.audio_joins} == joins.keys() - {"shrinking"}
    assert joins["paper/alignment"].sandwich.speech == ("libritts",)
