"""Signal-to-noise ratio of a clip alone: what stays when nobody speaks is noise.

In each of some narrow bands the quiet moments of a clip are its noise: speech leaves every band again and again, even
while it goes on (minimum statistics: Martin 2001, "Noise power spectral density estimation based on optimal smoothing
and minimum statistics", here as one quantile of the whole clip). Noise that comes and goes counts as signal, and a
sound that never stops as noise, so the figure says something of speech only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gamma

WINDOW, HOP = 512, 128  # samples at 16 kHz: 32 ms every 8 ms
BAND = 8  # bins of a band: 250 Hz
QUIET = 0.05  # the share of moments that are quiet for sure
PAUSE = 20  # moments that make a pause: 0.16 s
LEAST, MOST = -20.0, 80.0  # dB: what can be told at all; digital silence between words is MOST
_SHAPE = BAND / 1.9  # of the gamma distribution of a band's power: neighbouring bins of a Hann window go together
_BIAS = float(gamma.ppf(QUIET, _SHAPE) / _SHAPE)  # quantile of noise in a band, of its mean


def snr(samples: NDArray[np.float32]) -> float:
    """Decibels between the power of what is said and that of the noise under it, over the whole clip.

    Args:
        samples: (N,), 16 kHz mono, N > 0.
    """
    power = _bands(samples)  # (T, B)
    total = float(power.mean(axis=0).sum())
    noise = min(total, float((np.quantile(power, QUIET, axis=0) / _BIAS).sum()), _pause(power))
    signal = total - noise
    if noise <= 0 or signal <= 0:
        return MOST if signal > 0 else LEAST
    return float(np.clip(10 * np.log10(signal / noise), LEAST, MOST))


def _pause(power: NDArray[np.float64]) -> float:
    """Power in the quietest PAUSE of moments (T, B); every band has a say in which that is."""
    width = min(PAUSE, len(power))
    usual = np.maximum(np.median(power, axis=0), 1e-6 * power.mean(axis=0)) + np.finfo(np.float64).tiny
    sums = np.cumsum(np.pad((power / usual).mean(axis=1), (1, 0)))
    start = int(np.argmin(sums[width:] - sums[:-width]))
    return float(power[start : start + width].sum(axis=1).mean())


def _bands(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Power (T, B) of each band at each moment."""
    padded = np.pad(samples, (0, max(0, WINDOW - len(samples)))).astype(np.float64)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1)))[:, : WINDOW // 2 // BAND * BAND]
    banded: NDArray[np.float64] = power.reshape(len(power), -1, BAND).mean(axis=2)
    return banded
