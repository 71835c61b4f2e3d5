"""Resemblyzer's speaker encoder: 256 numbers, nothing to download.

The weights come with the wheel `resemblyzer` (Apache-2.0); its package is not imported, and of its file only tensors
are read. Source: Wan et al. 2018, "Generalized end-to-end loss for speaker verification". A clip is heard in windows of
1.6 s, which overlap by half; their mean is its vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.pretrained.families import ModelFamily
from curation.pretrained.mels import MelBands
from curation.pretrained.wheels import WeightsWheel
from curation.pretrained.windows import in_batches, windows
from curation.voices import RESEMBLYZER, unit
from manifests.errors import ManifestError, SettingsError
from manifests.units import SAMPLE_RATE

WHEEL = WeightsWheel(RESEMBLYZER, "resemblyzer", "resemblyzer==0.1.4")
WIDTH, LAYERS = 256, 3
MELS = MelBands(40, window=400, hop=160, fft=400)
WINDOW, HOP = 8 * SAMPLE_RATE // 5, 4 * SAMPLE_RATE // 5  # samples
FRAMES = 160  # of a window
LOUDNESS = 10 ** (-30 / 20)  # clips are made this loud (root mean square): its mel bands are no logarithms


class Resemblyzer:
    """The encoder, on the GPU when there is one."""

    def __init__(self) -> None:
        """Load it. Raises MissingPackageError, MissingFileError, and ManifestError for a damaged file."""
        import torch

        class VoiceLstm(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.lstm = torch.nn.LSTM(MELS.bands, WIDTH, LAYERS, batch_first=True)
                self.linear = torch.nn.Linear(WIDTH, WIDTH)

            def forward(self, mels: Any) -> Any:  # (B, T, bands) -> (B, WIDTH), length 1
                _, (hidden, _) = self.lstm(mels)
                return torch.nn.functional.normalize(self.linear(hidden[-1]).relu(), dim=1)

        model = VoiceLstm()
        model.load_state_dict(_weights(WHEEL.file("pretrained.pt"), [*model.state_dict()]))
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = model.to(self._device).eval()

    def embed(self, clips: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Mean over a clip's windows; see `VoiceEncoder`."""
        heard = in_batches([_level(clip) for clip in clips], _windows, self._hear)
        return unit(np.stack([part.mean(axis=0) for part in heard]))

    def _hear(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        mels = torch.from_numpy(np.stack([MELS(window)[:FRAMES] for window in batch])).to(self._device)
        with torch.inference_mode():
            found: NDArray[np.float32] = self._model(mels).cpu().numpy()
        return found


def _windows(clip: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return windows(np.pad(clip, (0, max(0, WINDOW - len(clip)))), WINDOW, HOP)


def _level(clip: NDArray[np.float32]) -> NDArray[np.float32]:
    loudness = float(np.sqrt(np.mean(np.square(clip, dtype=np.float64))))
    return clip * np.float32(LOUDNESS / loudness) if loudness > 0 else clip


def _weights(path: Path, names: list[str]) -> dict[str, Any]:
    """The encoder's tensors; the file has more, which only training needs."""
    import torch

    try:
        held = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
        return {name: held[name] for name in names}
    except Exception as error:  # whatever its reader raises of a damaged file
        said = " ".join(str(error).split())[:200]
        raise ManifestError(f"{path} is damaged ({said}). Install the wheel again: {WHEEL.install}") from error


def load(name: str) -> Resemblyzer:
    """The encoder. Raises SettingsError for another than the one whose weights the wheel has."""
    if name != RESEMBLYZER:
        raise SettingsError(f"There is no speaker encoder `{name}`, expected {RESEMBLYZER}.")
    return Resemblyzer()


VOICE = ModelFamily(load, models=RESEMBLYZER, needs=WHEEL.needs, check=lambda: WHEEL.file("pretrained.pt"))
