"""Taggers hear a clip alone, whatever stands beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from curation.tagging import load_tagger
from curation.tagging.yamnet import patches
from manifests.errors import InputError
from manifests.ontology import ontology
from tests.curation.passes.scores.tiny_models import classifier
from tests.curation.sounding import clip

CLIPS = [clip(0, 0.3), clip(1, 12.5), clip(2, 2.0), clip(3, 2.0)]


@pytest.mark.parametrize("kind", ["single_label_classification", "multi_label_classification"])
def test_neighbours_change_nothing(tmp_path: Path, kind: str) -> None:
    tagger = load_tagger(str(classifier(tmp_path / "model", ["Dog", "Rain", "Music"], problem_type=kind)))
    together = tagger.tag(CLIPS)
    alone = np.concatenate([tagger.tag([one]) for one in CLIPS])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert together.shape == (4, 3) and list(tagger.labels) == ["Dog", "Rain", "Music"]
    assert len({tuple(row) for row in together.round(6)}) == 4
    sums = together.sum(axis=1)
    assert np.allclose(sums, 1) == (kind == "single_label_classification")


def test_what_is_no_classifier_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="audio classifier"):
        load_tagger(str(tmp_path))


@pytest.mark.assets
def test_yamnet_knows_names_of_the_ontology_and_hears_clips_of_any_length() -> None:
    tagger = load_tagger("yamnet")
    assert len(tagger.labels) == 521 and set(tagger.labels) <= set(ontology())
    found = tagger.tag([np.zeros(16000, np.float32), np.zeros(1, np.float32), CLIPS[1]])
    assert found.shape == (3, 521) and (found >= 0).all() and (found <= 1).all()
    assert [tagger.labels[place] for place in found[:2].argmax(axis=1)] == ["Silence", "Silence"]


@pytest.mark.parametrize(("seconds", "count"), [(0.01, 1), (0.96, 1), (1.5, 2), (10.0, 19)])
def test_patches_overlap_by_half(seconds: float, count: int) -> None:
    found = patches(np.zeros(round(seconds * 16000), np.float32))
    assert len(found) == count and {patch.shape for patch in found} == {(96, 64)}
