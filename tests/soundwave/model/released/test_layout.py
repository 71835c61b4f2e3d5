"""A folder of released weights is whole or refused, and says what is wrong. No model is needed to tell."""

import pytest
import torch
from safetensors.torch import save_file

from manifests.errors import ManifestError, MissingFileError
from soundwave.model.released.layout import check_folder, is_released, our_names, to_ours, to_theirs

CONFIG = {"model_type": "Soundwave"}
WEIGHTS = {
    "model.norm.weight": torch.ones(4),
    "lm_head.weight": torch.zeros(6, 4),
    "model.lbm.encoder_attn.in_proj_bias": torch.arange(12.0),
}
EXPECTED = {name: tuple(value.shape) for name, value in WEIGHTS.items()}


def write(folder, weights=WEIGHTS, name="model.safetensors"):
    folder.mkdir(exist_ok=True)
    save_file(weights, folder / name)
    return folder


def test_tensors_are_found_in_one_file_and_in_shards(tmp_path):
    whole = check_folder(write(tmp_path / "whole"), CONFIG, EXPECTED)
    for number, (name, value) in enumerate(WEIGHTS.items()):
        write(tmp_path / "shards", {name: value}, f"model-{number}-of-3.safetensors")
    shards = check_folder(tmp_path / "shards", CONFIG, EXPECTED)
    for found in (whole, shards):
        assert found.tensors("llm.").keys() == {"llm.model.norm.weight", "llm.lm_head.weight"}
        assert found.tensors("shrinking.query.")["shrinking.query.bias"].tolist() == [0, 1, 2, 3]


def test_attention_in_one_tensor_is_parted_and_joined():
    ours = to_ours(WEIGHTS)
    assert ours["shrinking.query.bias"].tolist() == [0, 1, 2, 3]
    assert ours["shrinking.key_value.bias"].tolist() == [4, 5, 6, 7, 8, 9, 10, 11]
    back = to_theirs(ours)
    assert back.keys() == WEIGHTS.keys() and all(torch.equal(back[name], value) for name, value in WEIGHTS.items())
    assert our_names("model.something.else") == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model.norm.weight": None}, "missing: model.norm.weight"),
        ({"model.extra.weight": torch.ones(1)}, "unexpected: model.extra.weight"),
        ({"lm_head.weight": torch.ones(3, 4)}, r"wrong shape: lm_head.weight \(3, 4\), expected \(6, 4\)"),
    ],
)
def test_other_keys_or_shapes_are_named(tmp_path, change, said):
    changed = {name: value for name, value in (WEIGHTS | change).items() if value is not None}
    with pytest.raises(ManifestError, match=said):
        check_folder(write(tmp_path / "spoilt", changed), CONFIG, EXPECTED)


def test_a_tied_output_matrix_may_be_left_out(tmp_path):
    rest = {name: value for name, value in WEIGHTS.items() if name != "lm_head.weight"}
    folder = write(tmp_path / "tied", rest)
    check_folder(folder, CONFIG | {"tie_word_embeddings": True}, EXPECTED)
    with pytest.raises(ManifestError, match=r"missing: lm_head\.weight"):
        check_folder(folder, CONFIG, EXPECTED)


def test_files_that_are_cut_short_or_absent(tmp_path):
    folder = write(tmp_path / "cut")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(ManifestError, match="damaged or cut short"):
        check_folder(folder, CONFIG, EXPECTED)
    weights.unlink()
    with pytest.raises(MissingFileError, match="shards named"):
        check_folder(folder, CONFIG, EXPECTED)


def test_only_their_config_makes_a_folder_theirs(tmp_path):
    assert not is_released(tmp_path)
    for kind, found in (("soundwave-lab", False), ("Soundwave", True)):
        (tmp_path / "config.json").write_text(f'{{"model_type": "{kind}"}}')
        assert is_released(tmp_path) is found
