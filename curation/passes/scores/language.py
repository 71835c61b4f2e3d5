"""Which language a text is written in; with a model, which is heard."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import regex
from numpy.typing import NDArray

from curation.language import code_of, guess_language
from curation.language.written import language_model
from curation.passes.base import ModelPass, label, supervision
from curation.passes.scores.heard import hear_in_batches
from curation.passes.shards import Row, ShardResult
from curation.pretrained.families import ModelFamilies
from curation.tagging import TAGGERS, load_tagger
from curation.text import base_language
from manifests.errors import Rejected, SettingsError
from manifests.reasons import Reason
from manifests.settings.makers import Maker

LETTERS = regex.compile(r"\p{L}")
LEAST_LETTERS = 2


class Language(ModelPass):
    """Labels language (the text's likeliest: its code in text, how likely in value) and declared_language (the row's).

    With a classifier of audio also heard_language and heard_declared, the same of what is heard. There is no label of
    a declared language where the row names none, or one that the model does not know.
    """

    classifier: str = ""
    """The hub name or folder of an audio classifier whose labels are languages; none: only the text is read."""

    name: ClassVar[str] = "language"
    version: ClassVar[str] = "1"
    field: ClassVar[str] = "classifier"
    families: ClassVar[ModelFamilies[Any]] = TAGGERS

    def check(self) -> None:
        """Raise MissingPackageError or InputError when a model's weights are not here."""
        language_model()
        super().check()

    def label_shard(self, rows: list[Row]) -> ShardResult:
        """Read each row, then hear it."""
        language_model()  # a machine without it is no fault of the rows
        if not self.classifier:
            return self.each(rows, self._read)
        tagger = load_tagger(self._place)
        codes = [code_of(own) for own in tagger.labels]
        if not any(codes):
            raise SettingsError(
                f"The setting `classifier` is {self.classifier!r}, whose labels are no languages "
                f"({', '.join(tagger.labels[:3])}, ...). Expected a classifier of spoken languages."
            )

        def tell(row: Row, scores: NDArray[np.float32], result: ShardResult) -> None:
            if _letters(row):
                self._read(row, result)
            self._hear(row, by_code(scores, codes), result)

        return hear_in_batches(self, rows, lambda clips: [*tagger.tag(clips)], tell, _need_speech)

    def _read(self, row: Row, result: ShardResult) -> None:
        if not _letters(row):
            raise Rejected(Reason.text_missing, "no text of letters")
        guess = guess_language(str(supervision(row)["text"]), _declared(row))
        result.labels.append(label(self.name, row, "language", guess.chance, guess.language))
        if guess.declared is not None:
            result.labels.append(label(self.name, row, "declared_language", guess.declared, _declared(row)))

    def _hear(self, row: Row, found: dict[str, float], result: ShardResult) -> None:
        best = max(found, key=lambda code: found[code])
        result.labels.append(label(self.name, row, "heard_language", found[best], best))
        declared = _declared(row)
        if declared and base_language(declared) in found:
            chance = found[base_language(declared)]
            result.labels.append(label(self.name, row, "heard_declared", chance, declared))


def by_code(scores: NDArray[np.float32], codes: list[str | None]) -> dict[str, float]:
    """Code -> how sure a classifier is; scores: (L,), codes: of its labels, None for those that are no language."""
    found: dict[str, float] = {}
    for score, code in zip(scores, codes, strict=True):
        if code is not None:
            found[code] = found.get(code, 0.0) + float(score)
    return found


def _letters(row: Row) -> bool:
    text = supervision(row).get("text")
    return isinstance(text, str) and len(LETTERS.findall(text)) >= LEAST_LETTERS


def _declared(row: Row) -> str:
    return str(supervision(row).get("language") or "")


def _need_speech(row: Row) -> None:
    if (row.get("custom") or {}).get("task") == "sound":
        raise Rejected(Reason.not_speech, "a sound: in no language")


PASS = Maker(Language, lambda job: job)
