"""Pretrained LLMs by name: names that load, names that do not."""

import pytest
import torch

from manifests.errors import InputError
from soundwave.model.llm import load_llm
from soundwave.model.pretrained import converted_smollm2, load_tokenizer
from soundwave.model.settings import SMOLLM2


def test_an_unknown_name_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="No causal LLM loads from"):
        load_tokenizer(str(tmp_path / "nothing"))


@pytest.mark.assets
def test_the_wheel_is_converted_once_and_answers():
    folder = converted_smollm2()
    stamp = (folder / "config.json").stat().st_mtime_ns
    model, tokenizer = load_llm(SMOLLM2, dtype=torch.float32)
    assert (folder / "config.json").stat().st_mtime_ns == stamp
    ids = tokenizer("The capital of France is", return_tensors="pt").input_ids
    answer = model.generate(ids, max_new_tokens=4, do_sample=False)
    assert "Paris" in tokenizer.decode(answer[0])
