"""Pretrained LLMs by name: names that load, names that do not, folders that are damaged."""

import json
import re
import shutil

import pytest
import torch
from transformers import AutoTokenizer

from curation.pretrained.generation import OUTPUTS
from manifests.errors import InputError
from soundwave.model.llm import load_llm
from soundwave.model.pretrained import converted_smollm2, load_tokenizer
from soundwave.model.settings import SMOLLM2
from tests.damaged_models import ANY, CONFIG, POINTER, cut, drop, edit, of_shape, put, without

TOKENIZER, ABOUT = "tokenizer.json", "tokenizer_config.json"


def more_tokens(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<one>", "<two>"])
    tokenizer.save_pretrained(folder)


DAMAGED = ANY | {
    "layer missing": (without("layers.1.mlp.up_proj.weight"), "missing for a causal LLM: .*layers.1.mlp.up_proj"),
    "layers missing": (edit(CONFIG, num_hidden_layers=3), "missing for a causal LLM: model.layers.2"),
    "layers left over": (edit(CONFIG, num_hidden_layers=1), "more than its config.json has places for: model.layers.1"),
    "another shape": (of_shape("layers.1.mlp.up_proj.weight", 3, 3), r"\(3, 3\), expected \(64, 32\)"),
    "absurd size": (edit(CONFIG, intermediate_size=10**12), "another shape than its config.json says"),
    "no heads": (edit(CONFIG, num_attention_heads=0), "loads from"),
    "no causal LLM": (edit(CONFIG, model_type="wav2vec2"), "No causal LLM loads from"),
    "code": (edit(CONFIG, model_type="mine", auto_map={"AutoConfig": "code.Config"}), "code of its own .*never run"),
    "no tokenizer": (drop(TOKENIZER, ABOUT), "No causal LLM loads from"),
    "half a tokenizer": (cut(TOKENIZER, 500), "tokenizer.json is no valid JSON"),
    "empty tokenizer": (cut(TOKENIZER, 0), "tokenizer.json is empty"),
    "tokenizer of nothing": (put(TOKENIZER, b"{}"), "No causal LLM loads from"),
    "tokenizer of another kind": (edit(TOKENIZER, model={"type": "Zzz"}), "No causal LLM loads from"),
    "pointer to a tokenizer": (put(TOKENIZER, POINTER), "tokenizer.json is a Git LFS pointer"),
    "list about a tokenizer": (put(ABOUT, b"[]"), "tokenizer_config.json holds list"),
    "half a way to generate": (put("generation_config.json", b"{"), "generation_config.json is no valid JSON"),
    "a token that is no number": (
        put("generation_config.json", b'{"bos_token_id": -1e400, "eos_token_id": 2}'),
        "says bos_token_id: -inf, expected the number of a token",
    ),
    "a length that is text": (edit(ABOUT, model_max_length="long"), "No causal LLM loads from .*'>' not supported"),
    "more tokens": (more_tokens, "more tokens than the LLM has embeddings: 2 of them, such as '<one>'"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_llm_is_a_sentence(tiny_llm, tmp_path, name):
    damage, said = DAMAGED[name]
    folder = shutil.copytree(tiny_llm, tmp_path / "llm")
    damage(folder)
    with pytest.raises(InputError) as caught:
        load_llm(str(folder), dtype=torch.float32)
    assert re.search(said, str(caught.value))


@pytest.mark.parametrize("asked", [True, [[]]], ids=str)
@pytest.mark.parametrize("output", OUTPUTS)
def test_what_a_folder_asks_of_generate_is_not_given(tiny_llm, tmp_path, output, asked):
    folder = shutil.copytree(tiny_llm, tmp_path / "llm")
    put("generation_config.json", json.dumps({output: asked}).encode())(folder)
    model, _ = load_llm(str(folder), dtype=torch.float32)
    found = model.generate(torch.tensor([[1, 2]]), max_new_tokens=2, do_sample=False)
    assert isinstance(found, torch.Tensor)


@pytest.mark.parametrize("name", ["", "./none", "/no/such", "a/b/c", "bad name!"])
def test_a_name_that_is_none(name):
    with pytest.raises(InputError, match=f"No such folder: .*Expected '{SMOLLM2}', a hub name"):
        load_tokenizer(name)


def test_a_file_is_no_llm(tiny_llm):
    with pytest.raises(InputError, match="is a file, expected the folder of a causal LLM"):
        load_tokenizer(str(tiny_llm / CONFIG))


@pytest.mark.assets
def test_the_wheel_is_converted_once_and_answers():
    folder = converted_smollm2()
    stamp = (folder / "config.json").stat().st_mtime_ns
    model, tokenizer = load_llm(SMOLLM2, dtype=torch.float32)
    assert (folder / "config.json").stat().st_mtime_ns == stamp
    ids = tokenizer("The capital of France is", return_tensors="pt").input_ids
    answer = model.generate(ids, max_new_tokens=4, do_sample=False)
    assert "Paris" in tokenizer.decode(answer[0])
