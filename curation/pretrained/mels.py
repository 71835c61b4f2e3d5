"""Power in mel bands, as models were trained on it: each has its own window, hop, scale and way to begin."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from manifests.units import SAMPLE_RATE


@dataclass(frozen=True)
class MelBands:
    """How a model's spectrogram is made of 16 kHz samples."""

    bands: int
    window: int  # samples of a Hann window
    hop: int
    fft: int
    low: float = 0.0  # Hz
    high: float = SAMPLE_RATE / 2
    scale: Literal["htk", "slaney"] = "slaney"
    norm: Literal["slaney"] | None = "slaney"
    power: float = 2.0
    centred: bool = field(default=True)  # a frame's middle is at a multiple of the hop; the clip is padded with zeros

    @cached_property
    def _bank(self) -> NDArray[np.float32]:
        from transformers.audio_utils import mel_filter_bank  # seconds: lists of models do not wait for it

        bank = mel_filter_bank(
            self.fft // 2 + 1, self.bands, self.low, self.high, SAMPLE_RATE, norm=self.norm, mel_scale=self.scale
        )
        return np.asarray(bank, np.float32)

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Frames (T, bands), T > 0, of a clip (N,)."""
        margin = self.fft // 2 if self.centred else 0
        padded = np.pad(samples, (margin, margin + max(0, self.fft - len(samples) - 2 * margin)))
        frames = np.lib.stride_tricks.sliding_window_view(padded, self.fft)[:: self.hop]
        hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.window) / self.window)).astype(np.float32)
        before = (self.fft - self.window) // 2  # the window stands in the middle of the transform, as torch has it
        shaped = frames * np.pad(hann, (before, self.fft - self.window - before))
        spectrum = np.abs(np.fft.rfft(shaped, axis=1)) ** self.power
        mels: NDArray[np.float32] = spectrum.astype(np.float32) @ self._bank
        return mels
