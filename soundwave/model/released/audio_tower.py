"""The Whisper encoder inside released weights, in the form of `curation.encoders.Encoder`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from transformers import WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder as Encoder

from curation.encoders.whisper import WhisperEncoder
from manifests.units import SAMPLE_RATE

HOP = 160  # samples, in every Whisper


class AudioTower(WhisperEncoder):
    """As `curation.encoders.whisper.WhisperEncoder`: windows of 30 s, each clip's frames its own."""

    def __init__(self, name: str, config: Any, weights: Mapping[str, Tensor], *, whole: bool = False) -> None:
        """The encoder of a WhisperConfig with these weights (by transformers' names), in float32.

        whole: the silence that fills a clip's last window has frames too. The released code hears it so; else a clip
        of d seconds has ceil(d x frame_rate) frames.
        """
        with torch.device("meta"):
            model = Encoder(config)
        model.load_state_dict({key: value.float() for key, value in weights.items()}, assign=True)
        seconds = config.max_source_positions * 2 * HOP // SAMPLE_RATE
        extractor = WhisperFeatureExtractor(feature_size=config.num_mel_bins, hop_length=HOP, chunk_length=seconds)
        super().__init__(name, model, extractor)
        self.whole = whole

    def encode_there(self, clips: Sequence[NDArray[np.float32] | Tensor]) -> list[Tensor]:
        """Frames (T, dim) float32 of each clip (N,), 16 kHz mono, on the tower's device."""
        if self.whole:
            clips = [self._filled(clip) for clip in clips]
        return super().encode_there(clips)

    def _filled(self, clip: NDArray[np.float32] | Tensor) -> NDArray[np.float32] | Tensor:
        """A clip (N,) with the silence that fills its last window."""
        silence = -len(clip) % self._window or self._window * (not len(clip))
        return F.pad(clip, (0, silence)) if isinstance(clip, Tensor) else np.pad(clip, (0, silence))
