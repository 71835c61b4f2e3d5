"""DNSMOS: worse with noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from curation.speech.dnsmos import dnsmos
from manifests.audio import decode


@pytest.mark.assets
def test_noise_makes_it_worse(asterisk_sounds: Path) -> None:
    clip = decode(asterisk_sounds / "conf-getpin.g722")[0].reshape(-1)
    noise = np.random.default_rng(0).standard_normal(len(clip)).astype(np.float32) * np.sqrt(np.mean(clip**2))
    found = dnsmos().judge([clip, (clip + noise).astype(np.float32)])
    assert found.shape == (2, 3) and (found > 0.9).all() and (found < 5).all()
    assert found[0, 1] > found[1, 1] + 1 and found[0, 2] > found[1, 2] + 0.8  # background, overall
