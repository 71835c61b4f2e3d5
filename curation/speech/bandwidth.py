"""Up to which frequency a clip has anything: audio of 8 kHz that was made 48 kHz has nothing above 4 kHz.

Resamplers and lossy codecs leave a cliff in the spectrum, which no room and no voice makes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from manifests.units import Seconds

FRAME: Seconds = 0.04
LOUD = 0.95  # the level of a frequency is this quantile over time: a cliff shows best while there is an s
STEP = 125.0  # Hz: the spectrum is looked at in steps of this width
CLIFF = 15.0  # dB from one side of a cliff to the other
FOOT = 45.0  # dB below the loudest step: the foot of a cliff is lower than that
SIDE = 4  # steps that are looked at below a cliff
RANGE = 90.0  # dB below the loudest step there is nothing
_NOTHING = 1e-20


def bandwidth(samples: NDArray[np.float32], rate: int) -> float:
    """The highest frequency (Hz) at which a clip has something; rate / 2 where it has something everywhere.

    Args:
        samples: (N,) mono at its file's own rate, N > 0.
        rate: Hz.
    """
    levels = _levels(samples, rate)
    if levels.max() <= 10 * np.log10(_NOTHING):
        return 0.0
    edge = int(np.flatnonzero(levels > levels.max() - RANGE)[-1]) + 1
    above = np.maximum.accumulate(levels[::-1])[::-1]  # the highest level from a step upwards
    for step in range(SIDE, edge - 1):
        below = float(np.median(levels[step - SIDE : step]))
        foot = float(above[step + 1])  # a cliff may fall within one step
        if below - foot > CLIFF and levels.max() - foot > FOOT:
            edge = step if below - float(levels[step]) > CLIFF / 2 else step + 1
            break
    return rate / 2 if edge == len(levels) else edge * STEP


def _levels(samples: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """Decibels of each STEP of the spectrum, from 0 Hz to rate / 2."""
    width = max(16, round(FRAME * rate))
    padded = np.pad(samples, (0, max(0, width - len(samples)))).astype(np.float64)
    frames = np.lib.stride_tricks.sliding_window_view(padded, width)[:: width // 2]
    power = np.square(np.abs(np.fft.rfft(frames * np.blackman(width), axis=1)))
    loud = np.quantile(power, LOUD, axis=0)
    steps = np.minimum((np.arange(len(loud)) * rate / width / STEP).astype(int), max(0, round(rate / 2 / STEP) - 1))
    sums = np.bincount(steps, loud) / np.bincount(steps)
    levels: NDArray[np.float64] = 10 * np.log10(np.maximum(sums, _NOTHING))
    return levels
