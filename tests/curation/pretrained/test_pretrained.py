"""CTC checkpoints and Whisper encoders that are damaged, incomplete, of another kind, or not there."""

import re
import shutil

import pytest
import torch

from curation.align.hf_ctc import HuggingFaceCTC
from curation.encoders.whisper import WhisperEncoder
from manifests.errors import InputError, MissingPackageError
from tests.curation.tiny_whisper import wav2vec
from tests.damaged_models import ANY, CONFIG, cut, edit, of_shape, put, without

VOCAB = "vocab.json"
CTC = ANY | {
    "layer missing": (without("feed_forward.output_dense.weight"), "missing for a CTC checkpoint: .*output_dense"),
    "not trained for CTC": (without("lm_head.weight"), "missing for a CTC checkpoint: lm_head.weight"),
    "another shape": (of_shape("lm_head.bias", 3), r"another shape .*lm_head.bias \(3,\), expected \(32,\)"),
    "no vocabulary": (cut(VOCAB, 0), "vocab.json is empty"),
    "half a vocabulary": (cut(VOCAB, 30), "vocab.json is no valid JSON"),
    "letters without a class": (put(VOCAB, b'{"<pad>": 0, "A": 400, "<unk>": 3, "|": 4}'), "tokens without a class"),
    "another kind": (edit(CONFIG, model_type="llama"), "loads from"),
    "code": (edit(CONFIG, model_type="mine", auto_map={"AutoConfig": "code.Config"}), "code of its own"),
}
WHISPER = ANY | {
    "layer missing": (without("encoder.layers.0.fc1.weight"), "missing for a Whisper encoder: encoder.layers.0.fc1"),
    "another shape": (of_shape("encoder.layers.0.fc1.bias", 3), r"fc1.bias \(3,\), expected \(16,\)"),
    "no features": (lambda folder: (folder / "preprocessor_config.json").unlink(), "loads from"),
    "features padded oddly": (edit("preprocessor_config.json", padding_side="x"), "loads from .*padding strategy"),
    "dropout that is no share": (edit("config.json", dropout=7.5), "says dropout: 7.5, expected a share from 0 to 1"),
    "features of another number": (edit("preprocessor_config.json", feature_size=9), "makes 9 x .* its weights read"),
    "features cut short": (cut("preprocessor_config.json", 9), "preprocessor_config.json is no valid JSON"),
}
# transformers reads a Whisper whatever the config calls its architecture; only CTC has these faults.
for name in ("no architecture", "unknown architecture"):
    WHISPER.pop(name)


@pytest.fixture(scope="module")
def ctc(tmp_path_factory):
    return wav2vec(tmp_path_factory.mktemp("ctc") / "model")


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

    folder = tmp_path_factory.mktemp("whisper") / "model"
    torch.manual_seed(0)
    config = WhisperConfig(
        vocab_size=60, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, num_mel_bins=8,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, max_source_positions=100,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
    )  # fmt: skip
    WhisperModel(config).save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=8, chunk_length=2).save_pretrained(folder)
    return folder


def said_of(load, whole, folder, damage):
    """The error over a damaged copy of a model's folder, on one line."""
    shutil.copytree(whole, folder)
    damage(folder)
    with pytest.raises(InputError) as caught:
        load(str(folder))
    return str(caught.value)


@pytest.mark.parametrize("name", CTC)
def test_a_damaged_ctc_checkpoint_is_a_sentence(ctc, tmp_path, name):
    damage, said = CTC[name]
    assert re.search(said, said_of(HuggingFaceCTC, ctc, tmp_path / "a@b", damage))


@pytest.mark.parametrize("name", WHISPER)
def test_a_damaged_whisper_is_a_sentence(whisper, tmp_path, name):
    damage, said = WHISPER[name]
    assert re.search(said, said_of(WhisperEncoder.load, whisper, tmp_path / "model", damage))


def test_whole_models_load(ctc, whisper, tmp_path):
    shutil.copytree(ctc, tmp_path / "a@b")  # no revision: a folder
    without("masked_spec_embed")(tmp_path / "a@b")  # training alone needs it
    assert HuggingFaceCTC(str(tmp_path / "a@b")).blank == 0
    shutil.copytree(whisper, tmp_path / "whisper")
    without("decoder.layers.0.fc1.weight")(tmp_path / "whisper")  # the decoder stays unused
    assert WhisperEncoder.load(str(tmp_path / "whisper")).dim == 16


@pytest.mark.parametrize("load", [HuggingFaceCTC, WhisperEncoder.load])
@pytest.mark.parametrize("name", ["", "./none", "/no/such", "a/b/c", "bad name!"])
def test_no_such_folder(load, name):
    with pytest.raises(InputError, match=r"No such folder: .*Expected"):
        load(name)


@pytest.mark.parametrize("load", [HuggingFaceCTC, WhisperEncoder.load])
def test_a_hub_name_without_a_network(load, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"no such folder here, and the Hugging Face hub .*name a folder that holds"):
        load("nobody/nothing")


def test_a_package_that_a_model_needs_is_named(ctc, tmp_path):
    shutil.copytree(ctc, tmp_path / "model")
    edit(CONFIG, quantization_config={"quant_method": "gptq", "bits": 4})(tmp_path / "model")
    with pytest.raises(MissingPackageError, match=r"CTC checkpoint .*needs a package that is not here: .*optimum"):
        HuggingFaceCTC(str(tmp_path / "model"))
