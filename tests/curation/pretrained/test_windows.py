"""Clips in windows: every clip is heard alone, whatever stands beside it."""

from __future__ import annotations

import numpy as np
import pytest

from curation.pretrained.windows import in_batches, windows


@pytest.mark.parametrize(
    ("length", "starts"), [(1, [0]), (10, [0]), (11, [0, 1]), (20, [0, 4, 8, 10]), (18, [0, 4, 8]), (19, [0, 4, 8, 9])]
)
def test_windows_cover_a_clip_to_its_end(length: int, starts: list[int]) -> None:
    clip = np.arange(length, dtype=np.float32)
    found = windows(clip, 10, 4)
    assert [int(window[0]) for window in found] == starts
    assert found[-1][-1] == clip[-1] and {len(window) for window in found} == {min(10, length)}


def test_a_model_sees_windows_of_one_length_and_each_clip_gets_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.pretrained.windows.BATCH_SAMPLES", 30)
    clips = [np.full(length, length, np.float32) for length in (25, 3, 10, 3, 40, 7)]
    seen: list[tuple[int, ...]] = []

    def hear(batch: np.ndarray) -> np.ndarray:
        seen.append(batch.shape)
        return batch[:, :1]

    found = in_batches(clips, lambda clip: windows(clip, 10, 10), hear)
    assert [part[:, 0].tolist() for part in found] == [[25.0] * 3, [3.0], [10.0], [3.0], [40.0] * 4, [7.0]]
    assert all(count * size <= 30 for count, size in seen) and len(seen) < sum(map(len, found))
