"""The LLM by name: names that load, names that do not."""

import pytest
import torch

from manifests.errors import InputError
from soundwave.model.llm import converted_smollm2, load_llm, load_tokenizer
from soundwave.model.settings import SMOLLM2


def test_a_folder_loads_as_the_type_asked_for(tiny_llm):
    model, tokenizer = load_llm(str(tiny_llm), dtype=torch.bfloat16)
    assert model.get_input_embeddings().weight.dtype == torch.bfloat16
    assert tokenizer.decode(tokenizer.encode(" press one", add_special_tokens=False)) == " press one"


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
