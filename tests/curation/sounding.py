"""Clips with the structure of speech, made to measure: each seed another clip; and their re-encodings."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import soundfile
import soxr

RATE = 16000


def clip(seed: int, seconds: float = 3.0) -> np.ndarray:
    """Tones of changing pitch with harmonics, some twelve a second, float32 at 16 kHz."""
    random = np.random.default_rng(seed)
    pieces = []
    while sum(map(len, pieces)) < seconds * RATE:
        times = np.arange(int(random.uniform(0.05, 0.15) * RATE)) / RATE
        pitch = random.uniform(90, 250) * (1 + random.uniform(-1, 1) * times)
        weights = random.uniform(0, 1, 14) ** 3
        wave = sum(weight * np.sin(2 * np.pi * pitch * n * times) for n, weight in enumerate(weights, 1))
        pieces.append(wave * np.hanning(len(times)))
    samples = np.concatenate(pieces)[: round(seconds * RATE)]
    return (0.5 * samples / np.abs(samples).max()).astype(np.float32)


def encoded(samples: np.ndarray, rate: int, kind: str, subtype: str) -> tuple[np.ndarray, int]:
    """The clip through a lossy codec at its lowest quality but one."""
    stream = BytesIO()
    soundfile.write(stream, samples, rate, format=kind, subtype=subtype, compression_level=0.9)
    stream.seek(0)
    return soundfile.read(stream, dtype="float32")


def again(samples: np.ndarray) -> dict[str, tuple[np.ndarray, int]]:
    """The same sound in other clothes: name -> samples and rate."""
    noise = np.random.default_rng(0).standard_normal(len(samples)).astype(np.float32)
    return {
        "gain": (samples * np.float32(0.1), RATE),
        "mp3": encoded(samples, RATE, "MP3", "MPEG_LAYER_III"),
        "vorbis": encoded(samples, RATE, "OGG", "VORBIS"),
        "opus": encoded(soxr.resample(samples, RATE, 48000), 48000, "OGG", "OPUS"),
        "8 kHz": (soxr.resample(samples, RATE, 8000), 8000),
        "44.1 kHz": (soxr.resample(samples, RATE, 44100), 44100),
        "shifted": (np.concatenate([np.zeros(3791, np.float32), samples]), RATE),
        "cut": (samples[5000:-9000], RATE),
        "noise": (samples + noise * samples.std() * np.float32(0.03), RATE),
    }
