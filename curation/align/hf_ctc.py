"""CTC checkpoints of transformers: Wav2Vec2, HuBERT, WavLM, Data2Vec.

The checkpoint is a hub name (with a revision: NAME@REVISION) or a local folder; it must read raw samples and spell in
letters. A checkpoint does not say which language it was trained on: the user chooses one.

Torch and transformers are imported when a model is loaded: the list of aligners does not wait for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.align.base import Aligner
from curation.align.ctc_aligner import CTCAligner, CTCOptions
from curation.align.ctc_model import in_windows, letter_ids, pick_columns
from curation.storage import model_place
from manifests.errors import InputError, SettingsError
from manifests.fingerprint import file_sha256, fingerprint
from manifests.settings.makers import Maker, Needs
from manifests.units import SAMPLE_RATE, Seconds

NAME = "hf-ctc"
EXAMPLE = "facebook/wav2vec2-base-960h"
EXPECTED = (
    f"Expected a hub name such as {EXAMPLE}, or a folder with a CTC model, its tokenizer and its feature extractor."
)


class CheckpointOptions(CTCOptions):
    """Options of this aligner."""

    model: str | None = None
    """The checkpoint: a hub name, NAME@REVISION, or a local folder."""


def _make(options: CheckpointOptions) -> Aligner:
    if not options.model:
        raise SettingsError(f"The aligner `{NAME}` needs a checkpoint as `model`: {EXAMPLE}, or a local folder.")
    return CTCAligner.from_options(Checkpoint(model_place(options.model)), options)


ALIGNER = Maker(CheckpointOptions, _make, Needs(("torch", "transformers")))


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint by name."""

    model: str
    name: str = NAME

    @property
    def version(self) -> str:
        """Of a local folder its files' contents, of a hub name the name."""
        return f"1-{_digest(self.model)}"

    def __call__(self) -> HuggingFaceCTC:
        """The model, loaded once per process."""
        return _load(self.model)


@lru_cache(maxsize=8)
def _digest(model: str) -> str:
    folder = Path(model)
    if not folder.is_dir():
        return model
    kept = (path for path in sorted(folder.iterdir()) if path.suffix in (".json", ".safetensors", ".bin"))
    return fingerprint([(path.name, file_sha256(path)) for path in kept])[:16]


@lru_cache(maxsize=2)
def _load(model: str) -> HuggingFaceCTC:
    return HuggingFaceCTC(model)


class HuggingFaceCTC:
    """A checkpoint, loaded. T frames, V tokens."""

    def __init__(self, model: str) -> None:
        """Load it, onto the GPU when there is one.

        Raises:
            InputError: no such checkpoint, or one of another kind.
        """
        import torch

        self._extractor, self._tokenizer, loaded = _pretrained(model)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = loaded.to(self._device).eval()
        if self._extractor.model_input_names[0] != "input_values":
            raise InputError(f"{model} reads {self._extractor.model_input_names[0]}, expected a model of raw samples.")
        if self._extractor.sampling_rate != SAMPLE_RATE:
            raise InputError(f"{model} reads {self._extractor.sampling_rate} Hz, expected {SAMPLE_RATE} Hz.")
        self._stride = int(loaded.config.inputs_to_logits_ratio)
        self.frame: Seconds = self._stride / SAMPLE_RATE
        vocabulary: dict[str, int] = self._tokenizer.get_vocab()
        special = {int(number) for number in self._tokenizer.all_special_ids}
        _check_classes(model, self._tokenizer, vocabulary, int(loaded.config.vocab_size))
        self.blank = int(self._tokenizer.pad_token_id)
        mark = getattr(self._tokenizer, "word_delimiter_token", None)
        self.separator: int | None = vocabulary.get(mark) if mark else None
        if self.separator is not None:
            special.add(self.separator)
        self._others = sorted(special - {self.blank})
        spoken = {token: number for token, number in vocabulary.items() if number not in {self.blank, *self._others}}
        self.spell = letter_ids(spoken, where=model)

    def speaks(self, language: str) -> bool:
        """Whatever the user chose it for."""
        return bool(language)

    def emit(self, samples: NDArray[np.float32], tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """Log-probabilities (T, 2 + C); see `CTCModel`."""
        return pick_columns(in_windows(self._run, samples, self._stride), self.blank, tokens, self._others)

    def _run(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        least = 2 * self._stride + SAMPLE_RATE // 40  # the first convolutions reach over 25 ms
        padded = np.pad(samples, (0, max(0, least - len(samples))))
        inputs = self._extractor(padded, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_values
        with torch.inference_mode():
            logits = self._model(inputs.to(self._device)).logits[0]  # (T, V)
        frames: NDArray[np.float32] = logits.float().log_softmax(-1).cpu().numpy()
        return frames


def _check_classes(model: str, tokenizer: Any, vocabulary: Mapping[str, int], classes: int) -> None:
    """Refuse a tokenizer without a blank, or with tokens that the model has no class for.

    Raises:
        InputError: says which.
    """
    if tokenizer.pad_token_id is None:
        raise InputError(f"The tokenizer of {model} has no `pad_token`, which is CTC's blank. {EXPECTED}")
    over = sorted((number, token) for token, number in vocabulary.items() if number >= classes)
    # Marks of a sentence's ends are often added and never written.
    if over := [row for row in over if row[1] not in tokenizer.all_special_tokens]:
        raise InputError(
            f"The tokenizer of {model} has tokens without a class in the model, such as {over[0][1]!r} with id "
            f"{over[0][0]} of {classes} classes. {EXPECTED}"
        )


def _pretrained(model: str) -> tuple[Any, Any, Any]:
    from transformers import AutoFeatureExtractor, AutoModelForCTC, AutoTokenizer

    from curation.pretrained import ModelKind, load_model, load_part

    name, _, revision = (model, "", "") if Path(model).is_dir() else model.partition("@")
    options = {"revision": revision} if revision else {}
    kind = ModelKind(
        "CTC checkpoint",
        EXPECTED,
        re.compile("masked_spec_embed$"),  # for training alone
    )
    return (
        load_part(AutoFeatureExtractor, name, kind, **options),
        load_part(AutoTokenizer, name, kind, **options),
        load_model(AutoModelForCTC, name, kind, **options),
    )
