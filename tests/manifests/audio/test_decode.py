from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from manifests.audio import decode, read_audio
from manifests.errors import AudioError


def tone(seconds: float, rate: int, channels: int = 1) -> np.ndarray:
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (16_000, 2), (44_100, 2), (22_050, 1)])
def test_any_rate_and_channels_become_16k_mono(tmp_path: Path, rate: int, channels: int) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, tone(0.5, rate, channels), rate)
    samples = read_audio(path)
    assert samples.dtype == np.float32
    assert abs(len(samples) - 8_000) <= 1
    spectrum = np.abs(np.fft.rfft(samples[:8000], 8000))
    assert abs(int(spectrum.argmax()) * 2 - 440) <= 2  # 2 Hz a bin


def test_a_span(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    ramp = np.linspace(0, 0.9, 16_000, dtype=np.float32)
    soundfile.write(path, ramp, 16_000, subtype="FLOAT")
    np.testing.assert_array_equal(read_audio(path, start=0.25, duration=0.5), ramp[4000:12_000])


def test_missing_empty_and_not_audio(tmp_path: Path) -> None:
    with pytest.raises(AudioError) as missing:
        read_audio(tmp_path / "none.wav")
    assert missing.value.reason == "audio_missing"
    (tmp_path / "empty.flac").touch()
    with pytest.raises(AudioError, match="0 bytes"):
        read_audio(tmp_path / "empty.flac")
    for name in ("text.wav", "text.g722", "text.m4a"):
        (tmp_path / name).write_text("no audio at all")
    with pytest.raises(AudioError, match="does not decode"):
        read_audio(tmp_path / "text.wav")
    with pytest.raises(AudioError, match="does not decode"):
        read_audio(tmp_path / "text.m4a")


def test_a_truncated_file_is_an_error_not_a_short_clip(tmp_path: Path) -> None:
    whole = tmp_path / "whole.flac"
    noise = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    soundfile.write(whole, noise, 16_000)
    cut = tmp_path / "cut.flac"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(AudioError, match=r"truncated|does not decode"):
        read_audio(cut)


@pytest.mark.assets
def test_g722_is_16k(asterisk_sounds: Path) -> None:
    samples, rate = (
        decode(asterisk_sounds / "goodbye.g722")
        if (asterisk_sounds / "goodbye.g722").exists()
        else decode(asterisk_sounds / "vm-goodbye.g722")
    )
    assert rate == 16_000
    assert samples.shape[1] == 1
    assert 0.05 < np.abs(samples).max() <= 1.0
