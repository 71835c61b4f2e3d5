"""Voice activity: speech between silences whose length is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from curation.speech.voice_activity import BLOCK, STEP, spoken_samples, voice_activity
from manifests.audio import decode


def spoken(samples: np.ndarray) -> float:
    """Seconds."""
    return spoken_samples(voice_activity().chances(samples), len(samples)) / 16000


@pytest.mark.assets
def test_silence_around_speech_is_not_counted(asterisk_sounds: Path) -> None:
    clip = decode(asterisk_sounds / "conf-getpin.g722")[0].reshape(-1)
    alone = spoken(clip)
    assert 0.6 * len(clip) / 16000 < alone <= len(clip) / 16000
    for before, after in ((0.5, 0.5), (0, 3), (3, 0)):
        padded = np.pad(clip, (int(before * 16000), int(after * 16000)))
        assert spoken(padded) == pytest.approx(alone, abs=0.15)
    assert spoken(np.zeros(16000, np.float32)) == 0
    assert spoken(clip[:1]) in (0, 1 / 16000)


@pytest.mark.assets
def test_a_long_clip_in_blocks_is_heard_as_one(asterisk_sounds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = decode(asterisk_sounds / "conf-getpin.g722")[0].reshape(-1)
    whole = voice_activity().chances(clip)
    assert len(whole) == -(-len(clip) // STEP) < BLOCK
    monkeypatch.setattr("curation.speech.voice_activity.BLOCK", 7)
    np.testing.assert_allclose(voice_activity().chances(clip), whole, atol=1e-6)


def test_the_last_step_counts_as_long_as_it_is() -> None:
    assert spoken_samples(np.array([0.9, 0.1, 0.9], np.float32), 2 * STEP + 100) == STEP + 100
