"""torchaudio's pretrained CTC bundles: WAV2VEC2_..., MMS_FA.

MMS_FA is for over a thousand languages in Latin letters, each of the others for one language.
Weights are downloaded by torchaudio on first use. What MMS_FA's letters (a-z and ') lack, accents aside, goes through
the wildcard: romanise other scripts first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.align.base import Aligner
from curation.align.ctc_aligner import CTCAligner, CTCOptions
from curation.align.ctc_model import in_windows, letter_ids, pick_columns
from manifests.errors import InputError, SettingsError, require
from manifests.settings.makers import Maker, Needs
from manifests.units import SAMPLE_RATE, Seconds

NAME = "torchaudio"
DEFAULT = "WAV2VEC2_ASR_BASE_960H"
INSTALL = 'uv pip install "torch>=2.8,<2.12" "torchaudio>=2.8,<2.12" (a pair from the same index)'
BLANK = "-"


class BundleOptions(CTCOptions):
    """Options of this aligner."""

    model: str = DEFAULT
    """The bundle."""


def _make(options: BundleOptions) -> Aligner:
    """Raises MissingPackageError without torchaudio, SettingsError where it has no such bundle."""
    _bundle(options.model)
    return CTCAligner.from_options(Bundle(options.model), options)


ALIGNER = Maker(BundleOptions, _make, Needs(("torchaudio",), INSTALL))


@dataclass(frozen=True)
class Bundle:
    """A bundle by name."""

    model: str
    name: str = NAME

    @property
    def version(self) -> str:
        """torchaudio never changes a bundle's weights."""
        return f"1-{self.model}"

    def __call__(self) -> BundleModel:
        """The model, loaded once per process."""
        return _load(self.model)


@lru_cache(maxsize=2)
def _load(model: str) -> BundleModel:
    return BundleModel(_bundle(model), model)


def _bundle(model: str) -> Any:
    pipelines = require("torchaudio.pipelines", used_for=f"The aligner `{NAME}`", install=INSTALL)
    known = sorted(name for name in dir(pipelines) if hasattr(getattr(pipelines, name), "get_labels"))
    if model not in known:
        raise SettingsError(f"torchaudio has no CTC bundle {model!r}, expected one of: {', '.join(known)}.")
    return getattr(pipelines, model)


class BundleModel:
    """A bundle, loaded. T frames, V labels."""

    def __init__(self, bundle: Any, model: str) -> None:
        """Load the weights of `bundle`: an object with sample_rate, get_model() and get_labels(), as torchaudio's have.

        Raises:
            InputError: the weights cannot be downloaded, or the bundle is for another sampling rate.
        """
        import torch

        if int(bundle.sample_rate) != SAMPLE_RATE:
            raise InputError(f"{model} reads {bundle.sample_rate:g} Hz, expected {SAMPLE_RATE} Hz.")
        star = model == "MMS_FA"
        try:
            loaded = bundle.get_model(with_star=False) if star else bundle.get_model()
        except Exception as error:  # of the network, or of a file that an earlier download left half-written
            raise InputError(
                f"The weights of {model} do not load: {error}. torchaudio downloads them on first use; where that was "
                "cut short, delete its file in the folder of torch.hub."
            ) from error
        labels = bundle.get_labels(star=None) if star else bundle.get_labels()
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model: Any = loaded.to(self._device).eval()
        self._language = "" if star else (model.rpartition("_")[2].lower() if model.startswith("VOXPOPULI") else "en")
        vocabulary = {label: number for number, label in enumerate(labels)}
        self.blank = vocabulary[BLANK]
        self.separator: int | None = vocabulary.get("|")
        self._others = [] if self.separator is None else [self.separator]
        spoken = {label: number for label, number in vocabulary.items() if label not in (BLANK, "|")}
        self.spell = letter_ids(spoken, where=model)
        self._stride = self._measure()
        self.frame: Seconds = self._stride / SAMPLE_RATE

    def speaks(self, language: str) -> bool:
        """MMS_FA: all; the others: the language of their bundle."""
        return not self._language or language == self._language

    def emit(self, samples: NDArray[np.float32], tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """Log-probabilities (T, 2 + C); see `CTCModel`."""
        return pick_columns(in_windows(self._run, samples, self._stride), self.blank, tokens, self._others)

    def _run(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        padded = np.pad(samples, (0, max(0, 1200 - len(samples))))  # the first convolutions reach over 25 ms
        with torch.inference_mode():
            scores, _ = self._model(torch.from_numpy(padded)[None].to(self._device))  # (1, T, V)
        # MMS_FA gives log-probabilities, which the softmax leaves as they are; the others give logits.
        frames: NDArray[np.float32] = scores[0].float().log_softmax(-1).cpu().numpy()
        return frames

    def _measure(self) -> int:
        """Samples from frame to frame: bundles do not say."""
        short, long = (len(self._run(np.zeros(length, np.float32))) for length in (SAMPLE_RATE, 2 * SAMPLE_RATE))
        return round(SAMPLE_RATE / (long - short))
