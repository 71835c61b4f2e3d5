"""A run's saved model that is damaged: a sentence, wherever it is read."""

import json
import re

import pytest
import torch

from manifests.errors import InputError
from manifests.runs import WEIGHTS
from soundwave.infer.stage_one import StageOne
from soundwave.model.settings import ModelSettings
from soundwave.model.speech_llm import SpeechLLM
from tests.damaged_models import CONFIG, PAGE, POINTER, cut, drop, edit, put

DAMAGE = {
    "head cut short": (cut(WEIGHTS, 100), "adapters.safetensors is damaged or cut short"),
    "data cut short": (cut(WEIGHTS, -100), "adapters.safetensors is damaged or cut short"),
    "empty": (cut(WEIGHTS, 0), "adapters.safetensors is empty"),
    "pointer": (put(WEIGHTS, POINTER), "a Git LFS pointer"),
    "page": (put(WEIGHTS, PAGE), "a web page"),
    "no weights": (drop(WEIGHTS), "No such weights"),
    "half a config": (cut(CONFIG, 50), "config.json is not valid JSON"),
    "config of nothing": (put(CONFIG, b"[]"), "config.json"),
    "no config": (drop(CONFIG), "No such model"),
    "other width": (edit(CONFIG, feature_dim=7), "fit"),
    "no width": (edit(CONFIG, feature_dim=0), "feature_dim"),
    "absurd width": (edit(CONFIG, feature_dim=10**13), "saved model loads from|does not fit"),
    "tokens below 0": (edit(CONFIG, token_ids=[-1]), "token_ids"),
}


@pytest.fixture
def saved(tiny_llm, tmp_path):
    settings = ModelSettings(llm=str(tiny_llm), heads=4, lora_rank=2)
    model = SpeechLLM.create(settings, encoder="moonshine-tiny-en", feature_dim=12)
    model.save_pretrained(tmp_path / "final")
    return tmp_path / "final"


@pytest.mark.parametrize("name", DAMAGE)
@pytest.mark.parametrize("load", [SpeechLLM.from_pretrained, StageOne.load])
def test_it_is_a_sentence(saved, load, name):
    damage, said = DAMAGE[name]
    damage(saved)
    with pytest.raises(InputError) as caught:
        load(saved)
    assert re.search(said, str(caught.value))


def test_an_llm_that_has_become_another_is_said(saved, tmp_path):
    values = json.loads((saved / CONFIG).read_text())
    values["token_ids"] = [0, 10**6]
    (saved / CONFIG).write_text(json.dumps(values))
    with pytest.raises(InputError, match="saved model loads from"):
        SpeechLLM.from_pretrained(saved)
    values["settings"]["llm"] = str(tmp_path / "moved")
    (saved / CONFIG).write_text(json.dumps(values))
    with pytest.raises(InputError, match=r"No such folder: .*moved"):
        SpeechLLM.from_pretrained(saved, dtype=torch.float32)
