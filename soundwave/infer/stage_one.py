"""A finished stage-I run as a forced aligner: corpora are aligned again with the model that they trained.

Only what the CTC path needs is loaded: encoder, alignment adapter, CTC head and tokenizer, not the LLM.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from curation import encoders
from curation.align.ctc_aligner import CTCAligner
from curation.align.ctc_model import in_windows
from curation.ctc import WILDCARD
from curation.pretrained.weights import read_weights
from manifests.errors import ManifestError
from manifests.fingerprint import file_sha256
from manifests.runs import WEIGHTS, final_model, read_run
from manifests.units import SAMPLE_RATE, Seconds
from soundwave.model.alignment_adapter import AlignmentAdapter
from soundwave.model.config import SpeechConfig
from soundwave.model.pretrained import load_tokenizer, need_embeddings
from soundwave.model.settings import ModelSettings
from soundwave.model.tokens import TokenTable, Unit, written_unit

GO_ON = "Train the run again, or take its folder from a copy."
CHUNK = 64  # frames whose logits over the whole vocabulary are held at once


def run_aligner(run: Path) -> CTCAligner:
    """The aligner of a run folder; the model is loaded with its first use, once per process.

    Raises:
        MissingFileError: no run there.
        StaleError: the run is not finished.
    """
    return CTCAligner(_Loader(final_model(run).resolve()))


@dataclass(frozen=True)
class _Loader:
    """How to load the model of a run; small enough to be sent to a worker process."""

    folder: Path  # the run's final/
    name: str = "soundwave"

    @property
    def version(self) -> str:
        """Changes with the weights."""
        return f"1-{_digest(self.folder / WEIGHTS)}"

    def __call__(self) -> StageOne:
        return _loaded(self.folder)


@lru_cache(maxsize=8)
def _digest(path: Path) -> str:
    return file_sha256(path)[:16]


@lru_cache(maxsize=2)
def _loaded(folder: Path) -> StageOne:
    return StageOne.load(folder)


class StageOne:
    """The CTC path of a run. T frames, D width, C classes with the blank last."""

    separator = None  # a word's first token carries the space before it

    def __init__(
        self,
        encoder: encoders.Encoder,
        adapter: AlignmentAdapter,
        head: tuple[Tensor, Tensor],
        table: TokenTable,
        unit: Unit,
    ) -> None:
        """head: weight (C, D) and bias (C,); unit: what the run's last targets were made of."""
        self.encoder, self.adapter, self.table, self.unit = encoder, adapter.eval(), table, unit
        self.weight, self.bias = head
        self.frame: Seconds = adapter.stack / encoder.frame_rate
        self._stride = round(self.frame * SAMPLE_RATE)

    @classmethod
    def load(cls, folder: Path) -> StageOne:
        """The model in a run's final/.

        Raises:
            MissingFileError, ManifestError: no model of ours there.
            InputError: an LLM whose tokenizer has become another.
        """
        config = SpeechConfig.read(folder)
        settings = ModelSettings(**config.settings)
        weights = read_weights(folder / WEIGHTS, mend=GO_ON)
        weight = weights.get("ctc_head.weight", torch.empty(0, 0))
        head = weight, weights.get("ctc_head.bias", weight.new_zeros(len(weight)))
        try:
            adapter = AlignmentAdapter.of(settings, config.feature_dim, weight.shape[1])
            adapter.load_state_dict(_part(weights, "alignment."))
        except (RuntimeError, ValueError, ZeroDivisionError) as error:
            said = " ".join(str(error).split())[:200]
            raise ManifestError(f"{folder / WEIGHTS} does not fit its config.json ({said}). {GO_ON}") from error
        tokenizer = load_tokenizer(settings.llm)
        if config.token_ids is None:  # classes are the LLM's tokens
            need_embeddings(settings.llm, len(weight) - 1, tokenizer)
        table = TokenTable(tokenizer, config.token_ids)
        return cls(encoders.load_encoder(config.encoder), adapter, head, table, _unit(folder.parent, settings))

    def speaks(self, language: str) -> bool:
        """Only English: stage I has CTC targets in no other language."""
        return language == "en"

    def spell(self, spoken: str) -> list[int]:
        """CTC classes of one word in what the run was trained on last; the wildcard where they do not spell it."""
        classes = self.table.encode(spoken, self.unit)
        return classes if self.table.decode(classes) == spoken else [WILDCARD]

    def emit(self, samples: NDArray[np.float32], tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """Log-probabilities (T, 2 + C') of the blank, each of `tokens` (C',), and the best class but the blank."""
        return in_windows(lambda part: self._emit(part, tokens), samples, self._stride)

    def _emit(self, samples: NDArray[np.float32], tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        [features] = self.encoder.encode([samples])  # (T, F)
        places = torch.from_numpy(tokens)
        with torch.inference_mode():
            frames, _ = self.adapter(torch.from_numpy(features)[None], torch.tensor([len(features)]))
            rows = []
            for chunk in frames[0].split(CHUNK):  # (<= CHUNK, D): never all frames x a whole LLM's vocabulary
                scores = torch.nn.functional.linear(chunk, self.weight, self.bias).log_softmax(-1)
                best = scores[:, :-1].amax(dim=1, keepdim=True)
                rows.append(torch.cat([scores[:, -1:], scores[:, places], best], dim=1))
        joined: NDArray[np.float32] = torch.cat(rows).numpy()
        return joined


def _part(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def _unit(run: Path, settings: ModelSettings) -> Unit:
    return written_unit(settings.ctc_vocabulary, read_run(run).settings.get("ctc_units", "tokens"))
