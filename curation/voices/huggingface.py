"""Any Hugging Face model with x-vectors: a hub name or a folder.

Torch and transformers are imported when a model is loaded: the list of encoders does not wait for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.pretrained import ModelKind, load_model, load_part
from curation.pretrained.families import ModelFamily
from curation.pretrained.windows import in_batches, windows
from curation.voices import unit
from manifests.settings.makers import Needs
from manifests.units import SAMPLE_RATE

KIND = ModelKind(
    "speaker encoder",
    "Expected resemblyzer, a hub name such as microsoft/wavlm-base-plus-sv, or a folder with a model that gives "
    "x-vectors and its feature extractor.",
)
WINDOW = 10 * SAMPLE_RATE  # samples; longer clips are heard in several
LEAST = SAMPLE_RATE  # shorter clips are said again until they are as long: x-vectors need some frames


class HuggingFaceVoice:
    """A checkpoint, loaded onto the GPU when there is one."""

    def __init__(self, name: str) -> None:
        """Load it.

        Raises:
            InputError: no speaker encoder loads from there.
        """
        import torch
        from transformers import AutoFeatureExtractor, AutoModelForAudioXVector

        self._extractor = load_part(AutoFeatureExtractor, name, KIND)
        model = load_model(AutoModelForAudioXVector, name, KIND)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = model.to(self._device).eval()

    def embed(self, clips: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Mean over a clip's windows; see `VoiceEncoder`."""
        return unit(np.stack([unit(part).mean(axis=0) for part in in_batches(clips, self._windows, self._hear)]))

    def _windows(self, clip: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        whole = np.resize(clip, LEAST) if len(clip) < LEAST else clip
        return windows(whole, WINDOW, WINDOW)

    def _hear(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, size) -> (B, D)."""
        import torch

        features = self._extractor([*batch], sampling_rate=SAMPLE_RATE, return_tensors="pt")
        inputs: dict[str, Any] = {name: value.to(self._device) for name, value in features.items()}
        with torch.inference_mode():
            found: NDArray[np.float32] = self._model(**inputs).embeddings.float().cpu().numpy()
        return found


VOICE = ModelFamily(HuggingFaceVoice, models="a hub name or a folder", needs=Needs(("torch", "transformers")))
