"""Settings in the run.json of other versions."""

import pytest

from manifests.errors import ManifestError
from manifests.runs import RunInfo
from soundwave.train.runs.folder import stored_settings
from soundwave.train.settings import StageSettings


@pytest.fixture
def info(stage_values):
    settings = StageSettings(**stage_values()).model_dump(mode="json")
    return RunInfo("a", "alignment", "k", "p", None, 3, settings=settings)


def test_settings_that_came_later_have_their_defaults(info, tmp_path):
    whole = stored_settings(tmp_path, info)
    for key in ("shard_llm", "micro_batch", "ctc_temperature", "keep_checkpoints"):
        del info.settings[key]
    del info.settings["model"]["shrinking"], info.settings["optimiser"]["warmup_steps"]
    assert stored_settings(tmp_path, info) == whole


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"loudness": 3}, r"unknown key `loudness`"),
        ({"model": {"experts": 8}}, r"unknown key `model\.experts` \(known: llm, compat"),
        ({"optimiser": {}}, r"`optimiser\.learning_rate` is missing, expected a number"),
        ({"train": ["encoder"]}, r"`train\.0`: found 'encoder', expected one of alignment, ctc_head"),
        ({"lm_weight": 0, "ctc_weight": 0}, "nothing to learn"),
    ],
)
def test_what_this_version_does_not_know_is_named_with_a_way_on(info, tmp_path, changes, said):
    info.settings |= changes
    with pytest.raises(ManifestError, match=said) as caught:
        stored_settings(tmp_path, info)
    assert str(caught.value).startswith(str(tmp_path / "run.json"))
    assert str(caught.value).endswith("with the version that made it, or train it again into another folder.")


def test_a_run_without_settings_says_what_it_lacks(info, tmp_path):
    info.settings = {}
    with pytest.raises(ManifestError, match=r"`stage` is missing, expected one of alignment, shrinking, sft"):
        stored_settings(tmp_path, info)
