"""Signal-to-noise ratio: noise of a known level under speech."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from curation.speech.noise import LEAST, MOST, snr
from manifests.audio import decode

LEVELS = (20, 10, 5, 0)
PROMPTS = ("conf-getpin", "agent-loginok", "vm-nomore", "conf-onlyperson")


def pink(random: np.random.Generator, size: int) -> np.ndarray:
    spectrum = np.fft.rfft(random.standard_normal(size))
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), size)


def noisy(clip: np.ndarray, noise: np.ndarray, level: float) -> np.ndarray:
    scale = np.sqrt(np.mean(clip**2) / np.mean(noise**2)) * 10 ** (-level / 20)
    return (clip + scale * noise).astype(np.float32)


@pytest.mark.assets
@pytest.mark.parametrize(
    ("kind", "error"), [(lambda random, size: random.standard_normal(size), 1.5), (pink, 3.5)], ids=["white", "pink"]
)
def test_noise_under_real_speech_is_measured(
    asterisk_sounds: Path, kind: Callable[[np.random.Generator, int], np.ndarray], error: float
) -> None:
    random = np.random.default_rng(0)
    for name in PROMPTS:
        clip = decode(asterisk_sounds / f"{name}.g722")[0].reshape(-1)
        noise = kind(random, len(clip))
        found = [snr(noisy(clip, noise, level)) for level in LEVELS]
        assert found == sorted(found, reverse=True)
        assert found == pytest.approx(LEVELS, abs=error)
        assert snr(clip) > found[0] + 3
        assert snr(0.05 * clip) == pytest.approx(snr(clip), abs=0.1)  # loudness is no matter


def test_what_has_no_noise_or_nothing_else() -> None:
    random = np.random.default_rng(1)
    burst = np.zeros(16000, np.float32)
    burst[4000:8000] = random.standard_normal(4000) * 0.1
    assert snr(burst) == MOST
    assert snr(np.zeros(8000, np.float32)) == snr(np.zeros(1, np.float32)) == LEAST
    assert snr(random.standard_normal(32000).astype(np.float32)) < 0
    assert np.isfinite(snr(np.full(100, 0.5, np.float32)))
