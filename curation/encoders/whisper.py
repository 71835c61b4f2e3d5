"""The encoder of any Hugging Face Whisper checkpoint.

Torch and transformers are imported when a model is loaded: the list of encoders does not wait for them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curation.pretrained.families import ModelFamily
from manifests.settings.makers import Needs
from manifests.units import SAMPLE_RATE

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 8  # windows that a GPU computes at once; on a CPU one alone stays in the caches, and is faster
QUIETEST = 1e-10  # power that counts as silence
RANGE = 8.0  # powers of ten under a window's loudest that are heard


class WhisperEncoder:
    """The encoder of any Hugging Face Whisper checkpoint.

    Whisper hears windows of a fixed length (30 s in all published models). A clip is cut into such windows,
    each padded with silence; frames that stand for padding are trimmed, so a clip of d seconds gives
    ceil(d * frame_rate) frames whatever it is batched with.
    """

    def __init__(self, name: str, model: Any, extractor: Any, *, batch: int | None = None) -> None:
        """An encoder of transformers with its feature extractor, on the GPU when there is one.

        Args:
            name: as given to `load_encoder`.
            model: the encoder alone, without the decoder.
            extractor: makes the mel spectrograms that the encoder was trained on.
            batch: how many windows go through the model at once; None: as many as the device is best at.
        """
        import torch

        self.name = name
        self.half = False
        """Compute in bfloat16: for training, where a GPU does."""
        self._extractor = extractor
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.stays = self.device.type != "cpu"
        """Frames for training stay on the device: `encode_there`."""
        self.one_at_a_time = not self.stays  # on a CPU threads gain more than batches
        self._batch = batch or (BATCH if self.stays else 1)
        self._model = model.to(self.device).eval()
        self.dim = int(model.config.d_model)
        self._frames = int(model.config.max_source_positions)
        self._window = self._frames * 2 * int(extractor.hop_length)  # samples; conv2 halves the frames
        self.frame_rate = SAMPLE_RATE * self._frames / self._window
        self.window_seconds = self._window / SAMPLE_RATE

    @classmethod
    def load(cls, name: str, *, batch: int | None = None) -> WhisperEncoder:
        """The encoder of a checkpoint: a hub name, or a folder.

        Raises:
            InputError: no Whisper loads from there.
        """
        from transformers import WhisperFeatureExtractor
        from transformers.models.whisper.modeling_whisper import WhisperModel

        from curation.pretrained import ModelKind, library_errors, load_model, load_part

        kind = ModelKind(
            "Whisper encoder",
            "Expected moonshine-tiny-en, a hub name such as openai/whisper-large-v3, or a folder with such a model.",
            re.compile("^(?!encoder)"),  # the decoder stays unused
        )
        extractor = load_part(WhisperFeatureExtractor, name, kind)
        model = load_model(WhisperModel, name, kind).get_encoder()
        with library_errors(name, kind):  # odd settings show when they are used
            encoder = cls(name, model, extractor, batch=batch)
            found = tuple(encoder.features([np.zeros(1, np.float32)]).shape)
            if found != (1, model.config.num_mel_bins, 2 * model.config.max_source_positions):
                raise ValueError(
                    f"its extractor makes {found[1]} x {found[2]} features, its weights read "
                    f"{model.config.num_mel_bins} x {2 * model.config.max_source_positions}"
                )
        return encoder

    def encode(self, clips: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Frames (T, dim) float32 of each clip (N,)."""
        return [frames.cpu().numpy() for frames in self.encode_there(clips)]

    def encode_there(self, clips: Sequence[NDArray[np.float32] | Tensor]) -> list[Tensor]:
        """The same on the encoder's device, where the clips may be too."""
        import torch

        windows = [
            (number, clip[at : at + self._window])
            for number, clip in enumerate(clips)
            for at in range(0, max(len(clip), 1), self._window)
        ]
        pieces: list[list[Tensor]] = [[] for _ in clips]
        for first in range(0, len(windows), self._batch):
            chosen = windows[first : first + self._batch]
            for (number, _), frames in zip(chosen, self._run([piece for _, piece in chosen]), strict=True):
                pieces[number].append(frames)
        return [torch.cat(parts) for parts in pieces]

    def features(self, windows: Sequence[NDArray[np.float32] | Tensor]) -> Any:
        """Mel spectrograms (B, mels, 2 * frames) of windows (N,), padded with silence to their full length."""
        if not isinstance(windows[0], np.ndarray):
            return self._features_there(windows)
        return self._extractor(
            list(windows),
            sampling_rate=SAMPLE_RATE,
            return_tensors="pt",
            padding="max_length",
            max_length=self._window,
            truncation=True,
            device=str(self.device),
        ).input_features

    def _features_there(self, windows: Sequence[Any]) -> Tensor:
        """The same of windows that are tensors, without a way through NumPy."""
        import torch

        size, hop = self._extractor.n_fft, self._extractor.hop_length
        padded = torch.stack([torch.nn.functional.pad(part, (0, self._window - len(part))) for part in windows])
        shape = torch.hann_window(size, device=padded.device)
        # (B, N) -> (B, bins, 2 * frames): the last column stands for what would come after the window
        power = torch.stft(padded, size, hop, window=shape, return_complex=True)[..., :-1].abs() ** 2
        mels = torch.as_tensor(self._extractor.mel_filters, dtype=power.dtype, device=power.device)  # (bins, mels)
        levels = (mels.T @ power).clamp(min=QUIETEST).log10()
        return (torch.maximum(levels, levels.amax(dim=(1, 2), keepdim=True) - RANGE) + 4.0) / 4.0

    def _run(self, windows: Sequence[NDArray[np.float32] | Tensor]) -> list[Tensor]:
        import torch

        spectrograms = self.features(windows).to(self.device)
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            hidden = self._model(spectrograms).last_hidden_state  # (B, frames, dim)
        kept = [max(1, math.ceil(len(window) * self._frames / self._window)) for window in windows]
        return [row[:count].float() for row, count in zip(hidden, kept, strict=True)]


ENCODER = ModelFamily(WhisperEncoder.load, models="a hub name, or a folder", needs=Needs(("torch", "transformers")))
