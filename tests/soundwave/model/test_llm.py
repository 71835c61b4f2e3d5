"""The LLM of a model, as the type that was asked for."""

import torch

from soundwave.model.llm import load_llm


def test_a_folder_loads_as_the_type_asked_for(tiny_llm):
    model, tokenizer = load_llm(str(tiny_llm), dtype=torch.bfloat16)
    assert model.get_input_embeddings().weight.dtype == torch.bfloat16
    assert tokenizer.decode(tokenizer.encode(" press one", add_special_tokens=False)) == " press one"
