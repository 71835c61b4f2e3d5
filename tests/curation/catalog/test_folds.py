"""Folds of a catalog's cuts."""

import pytest

from curation.catalog.folds import corpus_folds
from manifests.errors import InputError
from tests.soundwave.ablation.small_catalog import small_catalog


def test_every_cut_has_a_fold_whatever_its_split(tmp_path):
    catalog = small_catalog(tmp_path)
    found = corpus_folds(catalog, 3, corpus="prompts", links=("recording",))
    assert found.column_names == ["cut_id", "fold"] and len(found) == 14
    assert set(found["fold"].to_pylist()) == {0, 1, 2}
    assert corpus_folds(catalog, 3, corpus="prompts", links=("recording",)).equals(found)


def test_what_is_not_there_is_said(tmp_path):
    catalog = small_catalog(tmp_path)
    with pytest.raises(InputError, match="no accepted cuts with audio of 'nobody'"):
        corpus_folds(catalog, 3, corpus="nobody")
    with pytest.raises(InputError, match="'audience', expected some of recording"):
        corpus_folds(catalog, 3, links=("audience",))
    with pytest.raises(InputError, match="which is fewer than 99 folds"):
        corpus_folds(catalog, 99)
