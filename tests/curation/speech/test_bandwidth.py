"""Bandwidth: audio of a slower rate that was made a faster one."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from curation.speech.bandwidth import bandwidth
from manifests.audio import decode


def sixteen_bits(samples: np.ndarray) -> np.ndarray:
    """As files keep it: what a resampler leaves above the old band drowns in steps of the last bit."""
    return (np.round(np.clip(samples, -1, 1) * 32767) / 32767).astype(np.float32)


@pytest.mark.assets
@pytest.mark.parametrize(("slow", "fast"), [(8000, 16000), (8000, 48000), (11025, 44100), (16000, 44100)])
@pytest.mark.parametrize("name", ["conf-getpin", "agent-loginok"])
def test_upsampled_speech_is_found(asterisk_sounds: Path, name: str, slow: int, fast: int) -> None:
    clip = decode(asterisk_sounds / f"{name}.g722")[0].reshape(-1)
    assert bandwidth(clip, 16000) == 8000
    slower = soxr.resample(clip, 16000, slow) if slow != 16000 else clip
    for made in (soxr.resample(slower, slow, fast), sixteen_bits(soxr.resample(slower, slow, fast))):
        assert 0.85 * slow / 2 <= bandwidth(made, fast) <= 1.02 * slow / 2


def test_a_codecs_cliff_is_found() -> None:
    noise = np.random.default_rng(0).standard_normal(3 * 44100).astype(np.float32) * 0.1
    stream = BytesIO()
    soundfile.write(stream, noise, 44100, format="MP3", subtype="MPEG_LAYER_III", compression_level=0.9)
    stream.seek(0)
    assert bandwidth(soundfile.read(stream, dtype="float32")[0], 44100) < 20000
    assert bandwidth(noise, 44100) == 22050


def test_odd_clips() -> None:
    assert bandwidth(np.zeros(1000, np.float32), 16000) == 0
    assert 0 <= bandwidth(np.ones(1, np.float32), 16000) <= 8000
    assert bandwidth(np.random.default_rng(0).standard_normal(300).astype(np.float32), 8000) == 4000
    times = np.arange(32000) / 16000
    assert bandwidth(np.sin(2 * np.pi * 1000 * times).astype(np.float32), 16000) <= 2000
