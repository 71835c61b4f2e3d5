"""Any Hugging Face audio classifier, a hub name or a folder: AST, Wav2Vec2.

Torch and transformers are imported when a model is loaded: the list of taggers does not wait for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.pretrained import ModelKind, load_model, load_part
from curation.pretrained.families import ModelFamily
from curation.pretrained.windows import in_batches, windows
from manifests.errors import ManifestError
from manifests.settings.makers import Needs
from manifests.units import SAMPLE_RATE

KIND = ModelKind(
    "audio classifier",
    "Expected yamnet, a hub name such as MIT/ast-finetuned-audioset-10-10-0.4593, or a folder with a model for audio "
    "classification and its feature extractor.",
)
WINDOW = 10 * SAMPLE_RATE  # samples, as AudioSet's clips; longer clips are heard in several
LEAST = SAMPLE_RATE // 2  # shorter clips are padded with silence: convolutions need some length


class HuggingFaceTagger:
    """A checkpoint, loaded onto the GPU when there is one."""

    def __init__(self, name: str) -> None:
        """Load it.

        Raises:
            InputError: no audio classifier loads from there.
            ManifestError: its config.json names no labels.
        """
        import torch
        from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

        self._extractor = load_part(AutoFeatureExtractor, name, KIND)
        model = load_model(AutoModelForAudioClassification, name, KIND)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = model.to(self._device).eval()
        names = {int(place): str(label) for place, label in (model.config.id2label or {}).items()}
        if sorted(names) != list(range(len(names))) or not names:
            raise ManifestError(
                f"The config.json of {name!r} names no labels (`id2label` from 0), expected one a class."
            )
        self.labels: Sequence[str] = [names[place] for place in range(len(names))]
        # Models of several labels a clip are trained with a chance for each; others with one that is shared out.
        self._several = model.config.problem_type == "multi_label_classification"

    def tag(self, clips: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Mean over a clip's windows; see `Tagger`."""
        return np.stack([part.mean(axis=0) for part in in_batches(clips, self._windows, self._hear)])

    def _windows(self, clip: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        return windows(np.pad(clip, (0, max(0, LEAST - len(clip)))), WINDOW, WINDOW)

    def _hear(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, size) -> (B, labels)."""
        import torch

        features = self._extractor([*batch], sampling_rate=SAMPLE_RATE, return_tensors="pt")
        inputs: dict[str, Any] = {name: value.to(self._device) for name, value in features.items()}
        with torch.inference_mode():
            logits = self._model(**inputs).logits.float()
        chances = logits.sigmoid() if self._several else logits.softmax(-1)
        found: NDArray[np.float32] = chances.cpu().numpy()
        return found


TAGGER = ModelFamily(HuggingFaceTagger, models="a hub name or a folder", needs=Needs(("torch", "transformers")))
