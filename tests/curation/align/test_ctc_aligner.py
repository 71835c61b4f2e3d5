"""CTC aligners: words out of emissions, and the models that give them. Weights are random: paths, not quality."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from curation.align import load_aligner
from curation.align.ctc_aligner import CTCAligner
from curation.align.ctc_model import in_windows, letter_ids
from curation.align.torchaudio import BundleModel
from curation.ctc import WILDCARD
from curation.passes.align import Align
from curation.passes.runner import run_pass
from curation.text import normalise
from manifests.errors import InputError, MissingFileError, Rejected, SettingsError
from manifests.reasons import Reason
from tests.curation.labelling import cut, table, tone, write_made
from tests.curation.written import FRAME, LETTERS, Written_, heard


def align(frames: str, text: str, *, separator: bool = False) -> list[tuple[str, int, int]]:
    words = normalise(text)
    found = CTCAligner(Written_(separator)).align(heard(frames), words)
    return [(words[w.position].text, round(w.start / FRAME), round(w.end / FRAME)) for w in found]


def test_words_reach_from_their_first_to_their_last_token() -> None:
    assert align("..cc.a.t...d.oo.g.", "Cat -- dog!") == [("Cat", 2, 8), ("dog", 11, 17)]
    assert align("..ca.t.|.do.g.", "cat, dog", separator=True) == [("cat", 2, 6), ("dog", 9, 13)]


def test_the_audio_chooses_between_readings() -> None:
    words = normalise("#")
    assert words[0].readings[0] == ("pound",)
    assert align(".h.a.s.h.", "#") == [("#", 1, 8)]
    spikes = CTCAligner(Written_()).spikes(heard(".oneninee.eigh.t.four."), normalise("1984"))
    assert spikes[0].spoken == "one nine eight four" and spikes[0].score > -1.5


def test_what_cannot_be_spelled_goes_through_the_wildcard_and_says_so() -> None:
    words = normalise("cat 日 dog")
    assert words[1].flag == "unknown"
    spikes = CTCAligner(Written_()).spikes(heard(".ca.t..xyx..d.o.g"), words)
    assert [spike.wildcard for spike in spikes] == [False, True, False]
    assert 6 <= round(spikes[1].first / FRAME) < round(spikes[1].last / FRAME) <= 12
    assert spikes[2].first == pytest.approx(12 * FRAME)


def test_letters_are_found_in_either_case_and_without_accents() -> None:
    spell = letter_ids({letter: n for n, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1)}, where="x")
    assert spell("café") == [3, 1, 6, 5]
    assert spell("žЖЖa") == [26, WILDCARD, 1]
    with pytest.raises(InputError, match="holds no letters"):
        letter_ids({"<pad>": 0, "ʃ": 1, "aɪ": 2}, where="phones")


def test_a_clip_that_cannot_be_aligned_is_rejected_with_its_reason() -> None:
    with pytest.raises(Rejected) as caught:
        align("..", "a long transcript")
    assert caught.value.reason == Reason.transcript_too_long
    with pytest.raises(Rejected) as caught:
        align("....", "... !")
    assert caught.value.reason == Reason.empty_text
    # One reading fits, the likeliest one does not.
    assert align(".hash.", "#") == [("#", 1, 5)]


def test_windows_give_what_one_run_gives() -> None:
    stride, reach = 320, 160

    def run(samples: np.ndarray) -> np.ndarray:
        padded = np.pad(samples, reach)
        rows = [padded[at : at + stride + 2 * reach].sum() for at in range(0, len(samples) - stride + 1, stride)]
        return np.array(rows, np.float64)[:, None]

    rng = np.random.default_rng(0)
    for seconds in (1.0, 33.99, 34.02, 64.5, 95.03):
        samples = rng.integers(-99, 100, int(seconds * 16000)).astype(np.float64)  # whose sums are exact
        np.testing.assert_array_equal(in_windows(run, samples, stride), run(samples))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Wav2Vec2ForCTC of one layer, its tokenizer and feature extractor."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

    folder = tmp_path_factory.mktemp("checkpoint")
    vocabulary = ["<pad>", "<s>", "</s>", "<unk>", "|", *LETTERS.upper()]
    (folder / "vocab.json").write_text(json.dumps({token: n for n, token in enumerate(vocabulary)}))
    Wav2Vec2CTCTokenizer(str(folder / "vocab.json")).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(feature_size=1, do_normalize=True).save_pretrained(folder)
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
        pad_token_id=0,
    )
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    return folder


def test_a_checkpoint_aligns_in_order_and_the_same_in_another_process(checkpoint: Path) -> None:
    aligner = load_aligner("hf-ctc", model=str(checkpoint))
    rng = np.random.default_rng(0)
    samples = rng.standard_normal(32000).astype(np.float32) * 0.1
    words = normalise("Press #1, please ... 日")
    found = aligner.align(samples, words)
    assert [word.position for word in found] == [n for n, word in enumerate(words) if word.flag != "punctuation"]
    edges = [edge for word in found for edge in (word.start, word.end)]
    assert edges == sorted(edges) and edges[0] >= 0 and edges[-1] <= 2.0
    assert all(word.score < 0 for word in found)
    again = pickle.loads(pickle.dumps(aligner))
    assert again.align(samples, words) == found and again.version == aligner.version
    assert aligner.speaks("en-GB")


def test_the_version_names_the_weights(checkpoint: Path, tmp_path: Path) -> None:
    import shutil

    other = shutil.copytree(checkpoint, tmp_path / "copy")
    assert load_aligner("hf-ctc", model=str(other)).version == load_aligner("hf-ctc", model=str(checkpoint)).version
    with (tmp_path / "changed").open("w"):
        pass
    changed = shutil.copytree(checkpoint, tmp_path / "other")
    (changed / "vocab.json").write_text((changed / "vocab.json").read_text() + " ")
    assert load_aligner("hf-ctc", model=str(changed)).version != load_aligner("hf-ctc", model=str(checkpoint)).version


def test_the_pass_runs_on_a_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    audio = tmp_path / "tone.wav"
    soundfile.write(audio, tone(1.0), 16000)
    corpus = write_made(
        tmp_path / "made", [cut("a", audio=audio, text="Hello — $5!"), cut("b", audio=audio, text="too long " * 40)]
    )
    aligner = load_aligner("hf-ctc", model=str(checkpoint))
    job = Align(aligner, least_score=-99.0)
    run_pass(job, corpus, tmp_path / "labels", workers=0)
    folder = tmp_path / "labels" / "align" / "made"
    assert [(row["cut_id"], row["backend"], row["symbol"]) for row in table(folder, "words")] == [
        ("a", "hf-ctc", "Hello"),
        ("a", "hf-ctc", "$5"),
    ]
    assert [(row["cut_id"], row["reason"]) for row in table(folder, "rejects")] == [("b", "transcript_too_long")]


class TinyBundle:
    """What torchaudio's bundles offer, with random weights."""

    sample_rate = 16000

    def get_labels(self, **_: Any) -> tuple[str, ...]:
        return ("-", "|", *LETTERS.upper())

    def get_model(self, **_: Any) -> Any:
        import torch
        from torchaudio.models import wav2vec2_model

        torch.manual_seed(0)
        return wav2vec2_model(
            extractor_mode="group_norm",
            extractor_conv_layer_config=[(8, 10, 5), (8, 3, 2), (8, 3, 2), (8, 3, 2), (8, 3, 2), (8, 2, 2), (8, 2, 2)],
            extractor_conv_bias=False,
            encoder_embed_dim=16,
            encoder_projection_dropout=0.0,
            encoder_pos_conv_kernel=8,
            encoder_pos_conv_groups=2,
            encoder_num_layers=1,
            encoder_num_heads=2,
            encoder_attention_dropout=0.0,
            encoder_ff_interm_features=16,
            encoder_ff_interm_dropout=0.0,
            encoder_dropout=0.0,
            encoder_layer_norm_first=False,
            encoder_layer_drop=0.0,
            aux_num_out=29,
        )


@dataclass(frozen=True)
class TinyLoader:
    name: str = "torchaudio"
    version: str = "1-tiny"

    def __call__(self) -> BundleModel:
        return BundleModel(TinyBundle(), "WAV2VEC2_TINY")


def test_a_bundle_aligns_as_torchaudio_does() -> None:
    import torch
    from torchaudio.functional import forced_align

    aligner = CTCAligner(TinyLoader())
    model = TinyLoader()()
    assert (model.frame, model.separator, model.blank) == (0.02, 1, 0)
    samples = np.random.default_rng(0).standard_normal(24000).astype(np.float32)
    found = aligner.spikes(samples, normalise("hello world"))
    with torch.inference_mode():
        scores = TinyBundle().get_model().eval()(torch.from_numpy(samples)[None])[0].log_softmax(-1)
    targets = torch.tensor([[*model.spell("hello"), 1, *model.spell("world")]], dtype=torch.int32)
    path = forced_align(scores, targets, blank=0)[0][0].numpy()
    spoken = np.flatnonzero(path > 1)
    assert found[0].first == pytest.approx(spoken[0] * 0.02) and found[1].last == pytest.approx((spoken[-1] + 1) * 0.02)
    assert model.speaks("en") and not model.speaks("de")


def test_wrong_use_is_answered_in_a_sentence(tmp_path: Path) -> None:
    wrong: list[tuple[str, dict[str, str], type[InputError], str]] = [
        ("none", {}, SettingsError, "No aligner is called `none`"),
        ("hf-ctc", {}, SettingsError, "needs a checkpoint as `model`"),
        ("hf-ctc", {"models": "x"}, SettingsError, "the aligner `hf-ctc`: unknown key `models`.*model"),
        ("torchaudio", {"model": "WAV2VEC3"}, SettingsError, "no CTC bundle 'WAV2VEC3'.*MMS_FA"),
        ("pocketsphinx", {"model": "x"}, SettingsError, "the aligner `pocketsphinx`: unknown key `model`"),
        ("pocketsphinx", {"calibration": "c.json"}, SettingsError, "unknown key `calibration`"),
        ("torchaudio", {"calibration": str(tmp_path / "c.json")}, MissingFileError, "c.json"),
    ]
    for name, options, error, said in wrong:
        with pytest.raises(error, match=said):
            load_aligner(name, **options)
    with pytest.raises(InputError, match=r"No such CTC checkpoint: .*Expected a hub name"):
        load_aligner("hf-ctc", model=str(tmp_path)).check()
