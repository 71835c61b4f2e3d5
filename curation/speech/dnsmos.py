"""DNSMOS: what people would say of a clip's speech, its background and both, from 1 to 5, nothing to download.

The weights come with the wheel `speechmos` (MIT), whose package is not imported. Source: Reddy et al. 2022, "DNSMOS
P.835: a non-intrusive perceptual objective speech quality metric to evaluate noise suppressors". The model hears 9 s: a
shorter clip is said again until it is as long, as its authors do; of a longer one windows side by side are heard, where
they took one a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.pretrained.wheels import WeightsWheel, onnx_session
from curation.pretrained.windows import in_batches, windows

WHEEL = WeightsWheel("The pass `mos`", "speechmos", "speechmos==0.0.1.1")
MODEL = ("dnsmos_models", "sig_bak_ovr.onnx")
SIZE = 144_160  # samples at 16 kHz: 9.01 s
BATCH = 8  # windows at once on a GPU; on a CPU one by one is quicker by a seventh: more leave its caches
NAMES = ("sig", "bak", "ovr")
# From the network's figures to people's: a polynomial each, the highest power first (P.835, as its authors publish it).
CURVES = (
    (-0.08397278, 1.22083953, 0.0052439),
    (-0.13166888, 1.60915514, -0.39604546),
    (-0.06766283, 1.11546468, 0.04602535),
)


class Dnsmos:
    """The network."""

    def __init__(self) -> None:
        """Load it. Raises MissingPackageError, MissingFileError, and ManifestError for a damaged file."""
        self._session: Any = onnx_session(WHEEL.file(*MODEL), WHEEL.install, gpu=True)
        on_gpu = self._session.get_providers()[0] != "CPUExecutionProvider"
        self._batch = BATCH if on_gpu else 1

    def judge(self, clips: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """`sig`, `bak` and `ovr` of each clip (N,), 16 kHz mono, N > 0: (clips, 3)."""
        return np.stack([part.mean(axis=0) for part in in_batches(clips, _windows, self._hear)])

    def _hear(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        parts = (batch[start : start + self._batch] for start in range(0, len(batch), self._batch))
        raw = np.concatenate([self._session.run(None, {"input_1": part})[0] for part in parts])  # (B, 3)
        curved = [np.polyval(curve, column) for curve, column in zip(CURVES, raw.T, strict=True)]
        return np.stack(curved, axis=1).astype(np.float32)


@cache
def dnsmos() -> Dnsmos:
    """This process's network."""
    return Dnsmos()


def _windows(clip: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    level = np.clip(clip, -1, 1)
    return windows(np.resize(level, SIZE) if len(level) < SIZE else level, SIZE, SIZE)
