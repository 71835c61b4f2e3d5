"""Noise of a known level, silence of a known length: what the passes `speech` and `mos` make of them.

Clips are real prompts whose own estimate is 30 dB and more, so that the level that is asked for is the one that is
there.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import soxr

from benchmarks.rows import Row, row
from curation.speech.bandwidth import bandwidth
from curation.speech.dnsmos import NAMES, dnsmos
from curation.speech.noise import snr
from curation.speech.voice_activity import spoken_samples, voice_activity

LEVELS = (30, 15, 5, 0)  # dB
CLEAN = 30.0
NOISES = ("white", "pink", "babble")
SILENCES = (0.5, 1.0, 3.0)  # seconds, on each side


def with_noise(clip: np.ndarray, noise: np.ndarray, level: float) -> np.ndarray:
    """Clip (N,) with noise (N,) that many decibels below it, both over the whole length."""
    scale = np.sqrt(np.mean(clip**2) / np.mean(noise**2)) * 10 ** (-level / 20)
    return (clip + scale * noise).astype(np.float32)


def noises(clips: list[np.ndarray], size: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    """One of each of NOISES; babble is eight of the clips at once."""
    white = random.standard_normal(size)
    spectrum = np.fft.rfft(random.standard_normal(size))
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), size)
    babble = sum(np.resize(clips[at], size) for at in random.integers(len(clips), size=8))
    return dict(zip(NOISES, (white, pink, babble), strict=True))


def measure_speech(sounds: list[np.ndarray], seed: int) -> list[Row]:
    """snr_error_KIND_LEVEL, snr_monotone, vad_silence_error, bandwidth_found and bandwidth_kept."""
    random = np.random.default_rng(seed)
    clips = [clip for clip in sounds if snr(clip) >= CLEAN]
    found: dict[str, list[list[float]]] = {kind: [] for kind in NOISES}
    for clip in clips:
        for kind, noise in noises(sounds, len(clip), random).items():
            found[kind].append([snr(with_noise(clip, noise, level)) for level in LEVELS])
    rows = [row("snr_clips", len(clips), None, "clips", better="high")]
    for kind, levels in found.items():
        errors = np.abs(np.array(levels) - LEVELS).mean(axis=0)
        rows += [
            row(f"snr_error_{kind}_{level}", float(error), None, "dB")
            for level, error in zip(LEVELS, errors, strict=True)
        ]
    steps = [one > other for levels in found.values() for clip in levels for one, other in pairwise(clip)]
    return [
        *rows,
        row("snr_monotone", float(np.mean(steps)), None, "share of steps", better="high"),
        row("vad_silence_error", _silence_error(sounds), None, "s"),
        *_bandwidths(sounds),
    ]


def _silence_error(sounds: list[np.ndarray]) -> float:
    """Mean difference of the seconds of speech when silence stands on both sides."""
    detector = voice_activity()
    differences = []
    for clip in sounds:
        alone = spoken_samples(detector.chances(clip), len(clip))
        for seconds in SILENCES:
            padded = np.pad(clip, round(seconds * 16_000))
            differences.append(abs(spoken_samples(detector.chances(padded), len(padded)) - alone) / 16_000)
    return float(np.mean(differences))


def _bandwidths(sounds: list[np.ndarray]) -> list[Row]:
    """Share of clips of 8 kHz made 16 kHz (16 bits) that are found, and of the originals that are left in peace."""
    made = [soxr.resample(soxr.resample(clip, 16_000, 8_000), 8_000, 16_000) for clip in sounds]
    made = [(np.round(np.clip(clip, -1, 1) * 32767) / 32767).astype(np.float32) for clip in made]
    shares = {"found": [bandwidth(clip, 16_000) <= 4_200 for clip in made]}
    shares["kept"] = [bandwidth(clip, 16_000) > 7_000 for clip in sounds]
    return [
        row(f"bandwidth_{name}", float(np.mean(right)), None, "share of clips", better="high")
        for name, right in shares.items()
    ]


def measure_mos(sounds: list[np.ndarray], seed: int, clips: int) -> list[Row]:
    """mos_NAME_LEVEL: the mean over so many clips in white noise."""
    random = np.random.default_rng(seed)
    chosen = [clip for clip in sounds if snr(clip) >= CLEAN][:clips]
    rows = []
    for level in LEVELS:
        noisy = [with_noise(clip, random.standard_normal(len(clip)), level) for clip in chosen]
        means = dnsmos().judge(noisy).mean(axis=0)
        rows += [
            row(f"mos_{name}_{level}", float(mean), None, "1 to 5", better="high")
            for name, mean in zip(NAMES, means, strict=True)
        ]
    return rows
