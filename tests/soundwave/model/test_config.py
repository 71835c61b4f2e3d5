"""The model as a `PreTrainedModel` of transformers."""

import json

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, PreTrainedModel

from manifests.errors import ManifestError, SettingsError
from soundwave.model.config import SpeechConfig
from soundwave.model.settings import ModelSettings
from soundwave.model.speech_llm import SpeechLLM
from tests.soundwave.model.speech_samples import batch, make, sample


@pytest.fixture(scope="module")
def saved(tiny_llm, tmp_path_factory):
    model = make(tiny_llm, ctc_vocabulary="seen", shrinking="x3")
    folder = tmp_path_factory.mktemp("saved")
    model.save_pretrained(folder)
    return folder, model


@pytest.mark.parametrize("auto", [AutoModel, AutoModelForCausalLM])
def test_auto_classes_load_what_was_saved(saved, auto):
    folder, model = saved
    loaded = auto.from_pretrained(folder)
    assert isinstance(loaded, SpeechLLM) and isinstance(loaded, PreTrainedModel) and not loaded.training
    rows = batch([sample(model, 40), sample(model, 0)])
    torch.testing.assert_close(loaded(rows).loss, model(rows).loss, atol=0, rtol=0)
    assert auto.from_pretrained(folder, compat="reference").settings.compat == "reference"


def test_the_config_goes_through_transformers(saved, tmp_path):
    folder, model = saved
    config = AutoConfig.from_pretrained(folder)
    assert isinstance(config, SpeechConfig)
    assert config.row() == model.config.row() == json.loads((folder / "config.json").read_text())
    config.save_pretrained(tmp_path)
    assert AutoConfig.from_pretrained(tmp_path).row() == config.row()
    made = AutoModel.from_config(config)
    assert made.adapter_state().keys() == model.adapter_state().keys()


def test_the_llm_is_kept_as_asked(saved):
    folder, _ = saved
    for dtype in (torch.bfloat16, "bfloat16"):
        model = SpeechLLM.from_pretrained(folder, dtype=dtype)
        assert model.llm.get_input_embeddings().weight.dtype == torch.bfloat16
        assert model.alignment.project.weight.dtype == torch.float32
    assert AutoModel.from_pretrained(folder, dtype=torch.bfloat16).llm.dtype == torch.bfloat16
    assert SpeechLLM.from_pretrained(folder, dtype="auto").llm.dtype == torch.float32
    with pytest.raises(SettingsError, match="dtype is 'heavy'"):
        SpeechLLM.from_pretrained(folder, dtype="heavy")


def test_unknown_options_are_refused(saved):
    with pytest.raises(SettingsError, match="no option 'quantisation'"):
        SpeechLLM.from_pretrained(saved[0], quantisation=4)


def test_a_config_of_an_earlier_version_loads(saved, tmp_path):
    folder, model = saved
    config = json.loads((folder / "config.json").read_text())
    del config["model_type"], config["settings"]["activation"], config["settings"]["ctc_bias"]
    model.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert SpeechLLM.from_pretrained(tmp_path).settings == model.settings
    (tmp_path / "config.json").write_text(json.dumps(config | {"format": 0}))
    with pytest.raises(ManifestError, match="no model of format 1"):
        SpeechLLM.from_pretrained(tmp_path)


def test_settings_that_do_not_fit_together():
    with pytest.raises(ValueError, match="need shrinking: ctc"):
        ModelSettings(shrinking="x4", posterior_embeddings=True)
    with pytest.raises(ValueError, match="needs ctc_vocabulary: full"):
        ModelSettings(ctc_blank="last", ctc_vocabulary="seen")


def test_embeddings_are_the_llms(saved):
    _, model = saved
    assert model.get_input_embeddings() is model.llm.get_input_embeddings()
    assert model.get_output_embeddings() is model.llm.get_output_embeddings()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"settings": {"experts": 8}}, "unknown key `settings.experts`"),
        ({"feature_dim": "wide"}, "`feature_dim`: found 'wide', expected a whole number"),
        ({"settings": None}, "`settings`: found None, expected `key: value` lines"),
    ],
)
def test_a_config_of_another_version_says_what_does_not_fit(tmp_path, changes, said):
    config = SpeechConfig(ModelSettings().model_dump(), encoder="e", feature_dim=8).row()
    (tmp_path / "config.json").write_text(json.dumps(config | changes))
    with pytest.raises(ManifestError, match=said) as caught:
        SpeechConfig.read(tmp_path)
    assert str(caught.value).endswith("with the version that made it, or train it again.")


def test_half_a_config_is_said_in_one_line(tmp_path):
    (tmp_path / "config.json").write_text('{"format": 1, "sett')
    with pytest.raises(ManifestError, match=r"config\.json is not valid JSON, or not whole"):
        SpeechConfig.read(tmp_path)
