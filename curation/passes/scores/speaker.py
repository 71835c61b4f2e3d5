"""Whose voice it is: a vector that lies close to those of the same.

The audits `speaker_disagrees` and `leakage_voice` compare them.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from curation.passes.base import ModelPass
from curation.passes.scores.heard import hear_in_batches
from curation.passes.shards import Row, ShardResult
from curation.pretrained.families import ModelFamilies
from curation.voices import RESEMBLYZER, VOICES, load_voice_encoder
from manifests.errors import Rejected
from manifests.reasons import Reason
from manifests.settings.makers import Maker


class Speaker(ModelPass):
    """Writes the table `embeddings`: a vector of each cut of speech."""

    encoder: str = RESEMBLYZER
    """resemblyzer, or the hub name or folder of a model of Hugging Face with x-vectors."""

    name: ClassVar[str] = "speaker"
    version: ClassVar[str] = "1"
    field: ClassVar[str] = "encoder"
    families: ClassVar[ModelFamilies[Any]] = VOICES

    def label_shard(self, rows: list[Row]) -> ShardResult:
        """A vector of each row."""
        encoder = load_voice_encoder(self._place)
        return hear_in_batches(self, rows, lambda clips: [*encoder.embed(clips)], self._tell, _need_speech)

    def _tell(self, row: Row, vector: NDArray[np.float32], result: ShardResult) -> None:
        if not np.isfinite(vector).all() or not vector.any():
            raise Rejected(Reason.not_speech, "the encoder finds no voice")
        found = {"pass": self.name, "cut_id": str(row["id"]), "model": self.encoder, "vector": vector.tolist()}
        result.embeddings.append(found)


def _need_speech(row: Row) -> None:
    if (row.get("custom") or {}).get("task") == "sound":
        raise Rejected(Reason.not_speech, "a sound: nobody's voice")


PASS = Maker(Speaker, lambda job: job)
