"""Encoders by name: a clip's frames depend on that clip alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from curation.encoders import load_encoder
from curation.encoders.whisper import WhisperEncoder
from manifests.errors import InputError
from tests.curation.labelling import tone
from tests.tolerance import half_the_digits


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_whisper(tmp_path_factory.mktemp("whisper"))


def make_whisper(folder: Path) -> Path:
    """A tiny Whisper with random weights and windows of 2 s, in `folder`."""
    import torch
    from transformers import WhisperConfig, WhisperFeatureExtractor
    from transformers.models.whisper.modeling_whisper import WhisperModel

    torch.manual_seed(0)
    sizes = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "vocab_size": 60, "max_source_positions": 100}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    config = WhisperConfig(num_mel_bins=8, max_target_positions=8, **sizes, **heads, **tokens)
    WhisperModel(config).save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=8, chunk_length=2).save_pretrained(folder)
    return folder


def test_whisper_frames_follow_the_clips_length(whisper: Path) -> None:
    encoder = load_encoder(str(whisper))
    assert (encoder.dim, encoder.frame_rate, encoder.name) == (16, 50.0, str(whisper))
    clips = [tone(1.0), tone(0.51), tone(2.0), tone(3.3), np.zeros(1, np.float32)]
    frames = encoder.encode(clips)
    assert [part.shape for part in frames] == [(50, 16), (26, 16), (100, 16), (165, 16), (1, 16)]
    assert all(part.dtype == np.float32 for part in frames)


def test_whisper_batch_equals_single(whisper: Path) -> None:
    encoder = WhisperEncoder.load(str(whisper), batch=3)
    clips = [tone(seconds, level=0.3) for seconds in (0.4, 1.9, 0.7, 2.6, 1.1)]
    together = encoder.encode(clips)
    for clip, frames in zip(clips, together, strict=True):
        atol = half_the_digits(np.float32) * float(np.abs(frames).max())
        np.testing.assert_allclose(encoder.encode([clip])[0], frames, rtol=0, atol=atol)


def test_an_unknown_encoder_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="moonshine-tiny-en"):
        load_encoder(str(tmp_path))
