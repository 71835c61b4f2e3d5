"""A text that leaves speech over does not say what is heard, however well its words score."""

from __future__ import annotations

import numpy as np
import pytest

from curation.align.base import AlignedWord
from curation.align.fit import LEFT_OVER, fit
from tests.curation.sounding import clip

SPEECH = clip(0, 4.0)


def words(*spans: tuple[float, float], score: float = -1.0) -> list[AlignedWord]:
    return [AlignedWord(place, start, end, score) for place, (start, end) in enumerate(spans)]


def test_words_that_cover_what_is_loud_fit_as_they_score() -> None:
    assert fit(SPEECH, words((0.0, 2.0), (2.0, 4.0))) == pytest.approx(-1.0)
    # Edges are not exact, and spikes of CTC models end before their sounds.
    assert fit(SPEECH, words((0.1, 1.7), (2.1, 3.95))) == pytest.approx(-1.0)


def test_a_short_word_in_long_speech_does_not_fit() -> None:
    found = fit(SPEECH, words((1.0, 1.3), score=-0.5))
    assert LEFT_OVER < found < -4.0


def test_silence_and_what_is_known_to_lack_words_count_neither_way() -> None:
    padded = np.concatenate([np.zeros(32000, np.float32), SPEECH, np.full(32000, 1e-4, np.float32)])
    assert fit(padded, words((2.0, 6.0))) == pytest.approx(-1.0)
    assert fit(SPEECH, words((1.0, 1.3)), [(0.0, 0.9), (1.4, 4.0)]) == pytest.approx(-1.0)


def test_a_clip_shorter_than_a_frame_fits_as_it_scores() -> None:
    assert fit(SPEECH[:50], words((0.0, 0.003))) == pytest.approx(-1.0)


def test_louder_recordings_fit_alike() -> None:
    found = words((1.0, 2.0))
    assert fit(0.01 * SPEECH, found) == pytest.approx(fit(SPEECH, found))
