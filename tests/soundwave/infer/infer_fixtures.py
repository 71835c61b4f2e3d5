"""A stand-in encoder for tests of inference: twelve features a frame, 40 frames a second, from the samples alone."""

import numpy as np
import soundfile

HOP = 400


class FakeEncoder:
    """Remembers how many samples it was given."""

    def __init__(self):
        self.heard = []

    def encode(self, clips):
        self.heard += [len(clip) for clip in clips]
        return [frames(clip) for clip in clips]


def frames(clip):
    hops = max(1, len(clip) // HOP)
    means = np.resize(clip, hops * HOP).reshape(hops, HOP)[:, :12]
    return np.ascontiguousarray(means, dtype=np.float32)


def write_noise(path, seconds, seed=0):
    """A WAV file of noise with a silence every 1.5 s."""
    samples = np.random.default_rng(seed).normal(size=round(seconds * 16000)).astype(np.float32) / 8
    for start in np.arange(1.5, seconds, 1.5):
        samples[round(start * 16000) : round((start + 0.2) * 16000)] = 0
    soundfile.write(path, samples, 16000)
    return path
