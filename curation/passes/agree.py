"""Whether a recogniser hears what is written: error rates, and a score.

Two signals, since neither is right alone: error rates are what papers clean by (Soundwave: WER < 10 %), but a weak
recogniser errs on right transcripts; the score of the transcript itself, with the decoder told to say it, does not
depend on what the recogniser would rather say. Labels only: what is good enough is a rule's to say.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jiwer
import numpy as np
from numpy.typing import NDArray

from curation.passes.base import ModelPass, cut_audio, label, supervision
from curation.passes.shards import Row, ShardResult
from curation.pretrained.families import ModelFamilies
from curation.recognise import MOONSHINE, RECOGNISERS, Heard, load_recogniser
from curation.text.scoring import closest
from manifests.errors import Rejected
from manifests.reasons import Reason
from manifests.settings.makers import Maker

RATES = {"wer": jiwer.wer, "cer": jiwer.cer}


class Agree(ModelPass):
    """Labels wer and cer (errors a word or letter written; none for texts of signs alone), score, heard (the text)."""

    recogniser: str = MOONSHINE
    """moonshine-tiny-en, or the hub name or folder of a model of Hugging Face."""

    name: ClassVar[str] = "agree"
    version: ClassVar[str] = "1"
    field: ClassVar[str] = "recogniser"
    families: ClassVar[ModelFamilies[Any]] = RECOGNISERS

    def label_shard(self, rows: list[Row]) -> ShardResult:
        """Hear each row."""
        result = ShardResult()
        clips: dict[str, tuple[NDArray[np.float32], str, str]] = {}
        for row in rows:
            if reject := self.attempt(row, lambda row: self._read(row, clips)):
                result.rejects.append(reject)
        for row in rows:
            if str(row["id"]) in clips and (reject := self.attempt(row, lambda row: self._hear(row, clips, result))):
                result.rejects.append(reject)
        return result

    def _read(self, row: Row, clips: dict[str, tuple[NDArray[np.float32], str, str]]) -> None:
        said = supervision(row)
        text, language = said.get("text"), str(said.get("language") or "")
        if not isinstance(text, str) or not text.strip():
            raise Rejected(Reason.text_missing, "no transcript to compare with")
        if not load_recogniser(self._place).speaks(language):
            raise Rejected(Reason.unsupported_language, f"{self.recogniser} is not for the language {language or '?'}")
        clips[str(row["id"])] = (cut_audio(row), text, language)

    def _hear(self, row: Row, clips: dict[str, tuple[NDArray[np.float32], str, str]], result: ShardResult) -> None:
        clip, text, language = clips[str(row["id"])]
        (heard,) = load_recogniser(self._place).hear([clip], [text], language)
        for key, value in compared(text, heard, language).items():
            result.labels.append(label(self.name, row, key, value))
        result.labels.append(label(self.name, row, "heard", text=heard.text))


def compared(text: str, heard: Heard, language: str) -> dict[str, float]:
    """wer, cer and score of a transcript; wer is of characters where a language has no spaces between words."""
    written, found = closest(text, heard.text, language)
    rates = {name: float(rate(written, found)) for name, rate in RATES.items()} if written else {}
    return rates | ({} if heard.score is None else {"score": heard.score})


PASS = Maker(Agree, lambda job: job)
