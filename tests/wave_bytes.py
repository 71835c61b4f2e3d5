"""WAV files made byte by byte, so that tests know every sample without a library."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

PCM, FLOAT, ALAW, MULAW = 1, 3, 6, 7  # format tags


def wav(data: bytes, *, rate: int = 16_000, channels: int = 1, bits: int = 16, tag: int = PCM) -> bytes:
    """A RIFF file around interleaved samples."""
    step = channels * bits // 8
    fmt = struct.pack("<HHIIHH", tag, channels, rate, min(rate * step, 2**32 - 1), step, bits)
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def pcm16(*channels: np.ndarray, rate: int = 16_000) -> bytes:
    """A WAV of 16 bits; each argument is a channel of whole numbers."""
    return wav(np.stack(channels, axis=1).astype("<i2").tobytes(), rate=rate, channels=len(channels))


def float32(*channels: np.ndarray, rate: int = 16_000) -> bytes:
    """A WAV of 32-bit floats; each argument is a channel."""
    data = np.stack(channels, axis=1).astype("<f4").tobytes()
    return wav(data, rate=rate, channels=len(channels), bits=32, tag=FLOAT)


def saved(path: Path, data: bytes) -> Path:
    """The file with these bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def noise(seed: int, count: int = 16_000) -> np.ndarray:
    """Whole numbers of 16 bits that no other seed gives."""
    return np.random.default_rng(seed).integers(-16_000, 16_000, count)
