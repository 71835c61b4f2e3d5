"""Models out of released weights: whole or not at all, and what their code gives."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from manifests.errors import InputError, ManifestError
from soundwave.model.batch import AUDIO, AUDIO_MARK, pad_features
from soundwave.model.llm import load_llm
from soundwave.model.released import layout
from soundwave.model.released.load import released_tower
from soundwave.model.sequences import embed_sequences, hidden_states
from soundwave.model.speech_llm import SpeechLLM
from tests.soundwave.model.released.released_model import write_released
from tests.soundwave.model.speech_samples import ANSWERS
from tests.tolerance import half_the_digits

RATE = 16_000


@pytest.fixture(scope="module")
def folder(tiny_llm, tmp_path_factory):
    folder = tmp_path_factory.mktemp("released")
    write_released(folder, tiny_llm, shards=3)
    return folder


@pytest.fixture(scope="module")
def single(tiny_llm, tmp_path_factory):
    folder = tmp_path_factory.mktemp("single")
    return folder, write_released(folder, tiny_llm)


@pytest.fixture(scope="module")
def theirs(single):
    return single[1]


@pytest.fixture(scope="module")
def ours(folder):
    return SpeechLLM.from_pretrained(folder)


def test_one_file_and_shards_hold_the_same_model(single, ours):
    one = SpeechLLM.from_pretrained(single[0]).state_dict()
    assert all(torch.equal(value, one[name]) for name, value in ours.state_dict().items())


def clip(seconds, seed=0):
    rng = np.random.default_rng(seed)
    times = np.arange(int(RATE * seconds)) / RATE
    tones = sum(np.sin(2 * np.pi * times * rng.uniform(100, 2000)) for _ in range(3))
    return (0.1 * tones * np.sin(times * 9) + 0.02 * rng.normal(size=len(times))).astype(np.float32)


def test_every_key_of_the_release_is_one_of_ours_and_back(folder, ours):
    state = {}
    for path in folder.glob("*.safetensors"):
        state |= load_file(path)
    mine = layout.to_ours(state)
    tower = {name for name in mine if name.startswith("audio_tower.")}
    buffers = {"alignment.feature_mean", "alignment.feature_scale"}
    assert set(mine) - tower == set(ours.state_dict()) - buffers
    assert all(torch.equal(mine[name], ours.state_dict()[name]) for name in set(mine) - tower)
    back = layout.to_theirs(mine)
    assert back.keys() == state.keys() and all(torch.equal(back[name], state[name]) for name in state)


def half(expected):
    """Half of the digits of the largest number: two libraries' layers sum in their own orders."""
    return {"rtol": 0.0, "atol": half_the_digits(np.float32) * float(abs(expected).max())}


def test_reference_gives_what_the_released_code_gives(ours, theirs):
    assert ours.settings.compat == "reference"
    encoder = ours.load_encoder()
    samples = clip(1.3)
    mel = encoder._extractor(samples, sampling_rate=RATE, return_tensors="pt").input_features[0]
    with torch.no_grad():
        frames, keep, kept = theirs.hear(mel)
        features, lengths = pad_features([torch.from_numpy(part) for part in encoder.encode([samples])], encoder.dim)
        heard = ours.hear(features, lengths)
        prompt = [5, 6, AUDIO, 7, 8, 9]
        rows, _ = embed_sequences(ours.llm, [prompt], [()], heard)
        logits = ours.llm.lm_head(hidden_states(ours.llm, rows, 0))[0]
        expected = theirs.logits([5, 6], kept, [7, 8, 9])
    assert 1 < keep.sum() < len(keep)  # there is something to shrink
    torch.testing.assert_close(heard.frames[0], frames, **half(frames))
    assert heard.runs.kept[0].tolist() == keep.nonzero().flatten().tolist()
    torch.testing.assert_close(heard.kept[0], kept, **half(kept))
    torch.testing.assert_close(logits, expected, **half(expected))


def test_paper_is_another_model(folder, ours):
    paper = SpeechLLM.from_pretrained(folder, compat="paper")
    features, lengths = pad_features([torch.from_numpy(part) for part in ours.load_encoder().encode([clip(1.3)])], 12)
    assert not torch.allclose(paper.align(features, lengths)[0], ours.align(features, lengths)[0], atol=1e-2)


def test_audio_of_any_length_is_answered_in_batches(ours):
    clips = [clip(0.4, 1), clip(5.3, 2), clip(1.9, 3)]  # windows are 2 s long
    user = [f"{AUDIO_MARK} what", f"first {AUDIO_MARK} then {AUDIO_MARK}"]
    conversations = [[{"role": "user", "content": content}] for content in user]
    options = {"max_new_tokens": 5, **ANSWERS}
    together = ours.reply(conversations, clips, **options)
    alone = ours.reply(conversations[:1], clips[:1], **options)
    alone += ours.reply(conversations[1:], clips[1:], **options)
    assert together == alone and all(together)
    with pytest.raises(InputError, match="3 places for audio, and 1 audios"):
        ours.reply(conversations, clips[:1])


def test_frames_of_padding_are_heard_as_the_released_code_hears_them(folder):
    whole, own = (released_tower(folder, whole=flag) for flag in (True, False))
    assert [len(part) for part in whole.encode([clip(0.5), clip(2.5)])] == [100, 200]
    assert [len(part) for part in own.encode([clip(0.5), clip(2.5)])] == [25, 125]
    expected = whole.encode([clip(0.5)])[0][:25]
    np.testing.assert_allclose(own.encode([clip(0.5)])[0], expected, **half(expected))


def test_trained_further_it_is_saved_and_loaded(folder, ours, tmp_path):
    ours.save_pretrained(tmp_path / "model")
    again = SpeechLLM.from_pretrained(tmp_path / "model", dtype="bfloat16")
    assert again.llm.dtype == torch.bfloat16 and again.encoder == str(folder)
    assert torch.equal(again.ctc_head.weight, ours.ctc_head.weight)


@pytest.fixture
def copied(single, tmp_path):
    """A folder of its own, to be spoilt."""
    return shutil.copytree(single[0], tmp_path / "copied")


def test_a_folder_without_one_of_its_tensors_is_refused(copied):
    state = load_file(copied / "model.safetensors")
    del state["model.out_norm.bias"]
    save_file(state, copied / "model.safetensors")
    with pytest.raises(ManifestError, match=r"missing: model\.out_norm\.bias"):
        SpeechLLM.from_pretrained(copied)
    with pytest.raises(ManifestError, match=r"missing: model\.out_norm\.bias"):  # as the LLM of a new model too
        load_llm(str(copied), dtype=torch.float32)


def test_a_config_that_does_not_fit(copied):
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps(config | {"audio_patch_token": 3}))
    with pytest.raises(ManifestError, match="the vocabulary's last token"):
        SpeechLLM.from_pretrained(copied)
    (copied / "config.json").write_text(json.dumps(config | {"audio_tower": "./not/a/name/of/the/hub"}))
    with pytest.raises(InputError, match=r"names the Whisper './not/a/name"):
        SpeechLLM.from_pretrained(copied)
