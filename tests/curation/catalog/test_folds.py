"""Folds of a catalog's cuts."""

import pytest

from curation.catalog import connect
from curation.catalog.folds import Folds, corpus_folds, fold_splits
from manifests.errors import InputError
from tests.soundwave.ablation.small_catalog import cut, small_catalog


def test_every_cut_has_a_fold_whatever_its_split(tmp_path):
    catalog = small_catalog(tmp_path)
    found = corpus_folds(catalog, 3, corpus="prompts", links=("recording",))
    assert found.column_names == ["cut_id", "fold"] and len(found) == 14
    assert set(found["fold"].to_pylist()) == {0, 1, 2}
    assert corpus_folds(catalog, 3, corpus="prompts", links=("recording",)).equals(found)


def test_what_is_not_there_is_said(tmp_path):
    catalog = small_catalog(tmp_path)
    with pytest.raises(InputError, match=r"no accepted cuts with audio of 'nobody' \(known: prompts\)"):
        corpus_folds(catalog, 3, corpus="nobody")
    with pytest.raises(InputError, match="'audience', expected some of recording"):
        corpus_folds(catalog, 3, links=("audience",))
    with pytest.raises(InputError, match="which is fewer than 99 folds"):
        corpus_folds(catalog, 99)


def other(number, split="train", **same):
    return cut(number, split, corpus="others", **same)


def test_one_fold_is_held_out_whatever_the_splits_of_the_catalog_say(tmp_path):
    catalog = small_catalog(tmp_path)
    every = {f"prompts-{number:02d}" for number in range(14)}
    held = []
    for fold in range(3):
        splits = fold_splits(catalog, Folds(corpus="prompts", number=3, fold=fold)).splits
        assert set(splits) == every and set(splits.values()) == {"train", "test"}
        held += [name for name, split in splits.items() if split == "test"]
        with connect(catalog, splits=fold_splits(catalog, Folds(corpus="prompts", number=3, fold=fold)).table()) as con:
            assert dict(con.execute("SELECT cut_id, split FROM accepted").fetchall()) == splits
    assert sorted(held) == sorted(every)  # each is held out once


@pytest.mark.parametrize("link", ["recording", "speaker", "text"])
def test_what_is_linked_with_the_fold_is_neither_trained_on_nor_measured(tmp_path, link):
    """Number 3 and 4 of the other corpora share something with number 0 and 1 of the prompts, which are apart."""
    shared = {
        "recording": lambda number: {},
        "speaker": lambda number: {"speaker": f"librispeech-{1089 + number}"},
        "text": lambda number: {"text": f"Prompt NUMBER {['zero', 'one'][number]}!"},
    }[link]
    more = [other(3, **shared(0)), other(4, **shared(1)), other(5, "test", **shared(0)), other(6, "dev", **shared(1))]
    more += [other(7), other(8, "test")]
    mine = [cut(number, speaker=shared(number).get("speaker")) for number in range(2)]
    if link == "recording":  # the same bytes under another name
        for row, number in zip(more, (0, 1, 0, 1), strict=False):
            row["custom"]["audio_sha256"] = mine[number]["custom"]["audio_sha256"]
    catalog = small_catalog(tmp_path, cuts=0, prompts=mine, others=more)
    found = fold_splits(catalog, Folds(corpus="prompts", number=2, links=(link,), fold=0))
    test = next(int(name[-1]) for name, split in found.splits.items() if split == "test")
    trained = 1 - test
    assert found.splits == {
        f"prompts-0{test}": "test",
        f"prompts-0{trained}": "train",
        f"others-0{3 + test}": None,  # it would be trained on
        f"others-0{5 + trained}": None,  # it would be measured
    }
    assert (found.held, found.linked) == (1, 1)
    loose = {"recording": "text", "speaker": "text", "text": "speaker"}[link]
    apart = fold_splits(catalog, Folds(corpus="prompts", number=2, links=(loose,), fold=0))
    assert set(apart.splits) == {"prompts-00", "prompts-01"}  # only what is named counts


def test_wrong_folds_are_said():
    with pytest.raises(ValueError, match="fold is 3, expected one of the 3 folds, 0 to 2"):
        Folds(corpus="prompts", number=3, fold=3)
    with pytest.raises(ValueError, match="number"):
        Folds(corpus="prompts", number=1)
    assert Folds(corpus="a", number=2, links=("text", "speaker")) == Folds(
        corpus="a", number=2, links=("speaker", "text")
    )
    assert [Folds(corpus="a", number=3).of_seed(seed).fold for seed in (7, 8, 9)] == [1, 2, 0]
    assert Folds(corpus="a", number=3, fold=2).of_seed(7).fold == 2
