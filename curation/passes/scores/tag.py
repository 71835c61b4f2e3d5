"""Which sounds a classifier hears, by AudioSet's names."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from curation.passes.base import ModelPass, label
from curation.passes.scores.heard import hear_in_batches
from curation.passes.shards import Row, ShardResult
from curation.pretrained.families import ModelFamilies
from curation.tagging import TAGGERS, YAMNET, load_tagger
from manifests.ontology import ontology, sounds_of, vocabulary
from manifests.settings.makers import Maker


class Tag(ModelPass):
    """Labels tag: a row for each of the likeliest sounds, its name in text, how sure the classifier is in value.

    Names are the ontology's where the classifier's label has some there (several: a row each), so that
    `is_a(text, 'Animal')` holds; other labels stay as the classifier has them.
    """

    tagger: str = YAMNET
    """yamnet, or the hub name or folder of an audio classifier of Hugging Face."""
    top: int = Field(default=5, ge=1, le=1000)
    """So many of the classifier's labels, the likeliest first."""
    vocabulary: str = ""
    """Which list of manifests/ontology/labels.csv the classifier's labels are of, such as esc50; none: AudioSet's."""

    name: ClassVar[str] = "tag"
    version: ClassVar[str] = "1"
    field: ClassVar[str] = "tagger"
    families: ClassVar[ModelFamilies[Any]] = TAGGERS

    def check(self) -> None:
        """Raise MissingPackageError or InputError when the weights are not here, or no such vocabulary is."""
        if self.vocabulary:
            vocabulary(self.vocabulary)
        super().check()

    def label_shard(self, rows: list[Row]) -> ShardResult:
        """Tag each row."""
        tagger = load_tagger(self._place)
        names = [in_ontology(own, self.vocabulary) for own in tagger.labels]

        def tell(row: Row, scores: NDArray[np.float32], result: ShardResult) -> None:
            for name, score in self._best(scores, names).items():
                result.labels.append(label(self.name, row, "tag", score, name))

        return hear_in_batches(self, rows, lambda clips: [*tagger.tag(clips)], tell)

    def _best(self, scores: NDArray[np.float32], names: list[list[str]]) -> dict[str, float]:
        """Name -> score, the likeliest first; a name that several labels have counts once."""
        found: dict[str, float] = {}
        for place in np.argsort(-scores, kind="stable")[: self.top]:
            for name in names[place]:
                found.setdefault(name, float(scores[place]))
        return found


def in_ontology(own: str, words: str = "") -> list[str]:
    """What a classifier's label is called in the ontology, itself if it has no name there.

    words: the vocabulary that it is of, if it is not AudioSet's own name (in any letter case).
    """
    if words:
        return sounds_of(words, own) or [own]
    known = {name.lower(): name for name in ontology()}
    return [known.get(own.strip().lower(), own)]


PASS = Maker(Tag, lambda job: job)
