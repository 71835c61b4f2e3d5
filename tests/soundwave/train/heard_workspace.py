"""The small workspace with real sound and no stored frames, so that a training encodes what it draws."""

import shutil

import numpy as np
import soundfile

from curation.catalog import build
from tests.soundwave.conftest import make_workspace


def make_heard_workspace(root):
    """Its clips are noise, each its own; the plan `mixed` is the same as with stored frames."""
    make_workspace(root)
    shutil.rmtree(root / "labels" / "encode")
    for number in range(24):
        seconds = 0.5 * (3 + number % 3)
        noise = 0.1 * np.random.default_rng(number).standard_normal(round(16000 * seconds))
        soundfile.write(sound_of(root, f"tiny-{number:02d}"), noise.astype(np.float32), 16000, subtype="PCM_16")
    build(root / "corpora", root / "labels", root / "catalog")
    return root


def sound_of(root, cut_id):
    """The file of a cut."""
    return root / "corpora" / "tiny" / f"{cut_id}.wav"
