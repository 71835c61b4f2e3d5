"""A Whisper encoder from weights in memory, in the form of `curation.encoders.Encoder`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from transformers import WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder as Encoder

from curation.encoders.whisper import WhisperEncoder
from manifests.units import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray


class AudioTower(WhisperEncoder):
    """As `curation.encoders.whisper.WhisperEncoder`: windows of 30 s, each clip's frames its own."""

    def __init__(
        self, name: str, config: Any, weights: Mapping[str, Tensor], *, whole: bool = False, batch: int = 8
    ) -> None:
        """The encoder of a WhisperConfig with these weights (by transformers' names), in float32.

        whole: the silence that fills a clip's last window has frames too. The released code hears it so; else a clip
        of d seconds has ceil(d x frame_rate) frames.
        """
        self.name, self.whole = name, whole
        self.dim = int(config.d_model)
        self._batch = batch
        self._frames = int(config.max_source_positions)
        hop = 160  # samples, in every Whisper
        self._window = self._frames * 2 * hop
        self.frame_rate = SAMPLE_RATE * self._frames / self._window
        seconds = self._window // SAMPLE_RATE
        self._extractor = WhisperFeatureExtractor(
            feature_size=config.num_mel_bins, hop_length=hop, chunk_length=seconds
        )
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        with torch.device("meta"):
            model = Encoder(config)
        model.load_state_dict({key: value.float() for key, value in weights.items()}, assign=True)
        self._model = model.to(self._device).eval()

    def encode(self, clips: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Frames (T, dim) float32 of each clip (N,), 16 kHz mono."""
        if self.whole:
            clips = [np.pad(clip, (0, -len(clip) % self._window or self._window * (not len(clip)))) for clip in clips]
        return super().encode(clips)
