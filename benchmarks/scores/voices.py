"""Do vectors tell two voices apart? Fish Fillets' two lead characters, clips of 1.2 s and more.

Equal error rate: the share of wrong pairs where as many pairs of one voice are missed as pairs of two are taken for
one. Of single clips, and of means of three, which is what the audit `leakage_voice` asks for at least.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.rows import Row, row
from curation.passes.base import cut_audio
from curation.voices import RESEMBLYZER, load_voice_encoder, unit
from manifests.rows import cut_rows
from recipes import prepare

SPEAKERS = ("small-fish", "big-fish")
LEAST_SECONDS = 1.2


def two_voices(clips: int, seed: int) -> list[list[np.ndarray]]:
    """So many clips (N,) of each of SPEAKERS."""
    with tempfile.TemporaryDirectory() as folder:
        prepare("fillets", Path(folder))
        by_speaker: dict[str, list[dict]] = {name: [] for name in SPEAKERS}
        for cut in cut_rows(Path(folder) / "fillets"):
            speaker = str(cut["supervisions"][0].get("speaker") or "")
            name = next((one for one in SPEAKERS if speaker.endswith(one)), None)
            if name and cut["duration"] >= LEAST_SECONDS:
                by_speaker[name].append(cut)
        random = np.random.default_rng(seed)
        return [[cut_audio(cuts[at]) for at in random.permutation(len(cuts))[:clips]] for cuts in by_speaker.values()]


def equal_error(same: np.ndarray, other: np.ndarray) -> float:
    """Of likenesses of pairs of one voice (S,) and of two (O,)."""
    borders = np.sort(np.concatenate([same, other]))
    missed = np.searchsorted(np.sort(same), borders) / len(same)
    taken = 1 - np.searchsorted(np.sort(other), borders) / len(other)
    at = int(np.argmin(np.abs(missed - taken)))
    return float(missed[at] + taken[at]) / 2


def measure_voices(clips: int, seed: int) -> list[Row]:
    """speaker_eer and speaker_eer_of_three."""
    encoder = load_voice_encoder(RESEMBLYZER)
    one, two = (encoder.embed(sounds) for sounds in two_voices(clips, seed))
    rows = []
    for name, size in (("speaker_eer", 1), ("speaker_eer_of_three", 3)):
        first, second = (_means(vectors, size) for vectors in (one, two))
        same = np.concatenate([(part @ part.T)[np.triu_indices(len(part), 1)] for part in (first, second)])
        rows.append(row(name, equal_error(same, (first @ second.T).ravel()), None, "share of pairs"))
    return rows


def _means(vectors: np.ndarray, size: int) -> np.ndarray:
    """Means of `size` vectors that stand side by side."""
    count = len(vectors) // size
    return unit(vectors[: count * size].reshape(count, size, -1).mean(axis=1))
