"""Folds keep groups whole, are alike in size, and depend on the rows alone."""

from collections import Counter

import pytest

from manifests.errors import InputError
from manifests.linked.folds import fold_rows
from manifests.linked.groups import Linked


def rows(count, speakers, texts=0):
    return [
        Linked(
            f"cut-{n}",
            "test",
            {"speaker": [f"speaker-{n % speakers}"], "text": [f"text-{n // 2 % texts}"] if texts else []},
        )
        for n in range(count)
    ]


def test_every_row_is_in_one_fold_and_groups_are_whole():
    made = rows(60, 12)
    folds = fold_rows(made, 4)
    assert set(folds) == {0, 1, 2, 3}
    by_speaker = {}
    for row, fold in zip(made, folds, strict=True):
        by_speaker.setdefault(row.links["speaker"][0], set()).add(fold)
    assert len(by_speaker) == 12 and all(len(found) == 1 for found in by_speaker.values())
    assert set(Counter(folds).values()) == {15}


def test_order_does_not_matter_and_seeds_do():
    made = rows(60, 12)
    folds = dict(zip((row.id for row in made), fold_rows(made, 4), strict=True))
    back = dict(zip((row.id for row in made[::-1]), fold_rows(made[::-1], 4), strict=True))
    assert folds == back
    assert fold_rows(made, 4, seed=1) != fold_rows(made, 4)


def test_sizes_are_balanced():
    made = rows(8, 8)
    hours = [10.0, 1, 1, 1, 1, 1, 1, 4]
    folds = fold_rows(made, 2, hours)
    sums = [sum(size for size, fold in zip(hours, folds, strict=True) if fold == one) for one in (0, 1)]
    assert sorted(sums) == [10.0, 10.0]


CASES = [(rows(9, 1), 2, "1 groups"), (rows(4, 4), 1, "2 or more"), ([], 2, "0 groups")]


@pytest.mark.parametrize(("made", "folds", "why"), CASES)
def test_what_cannot_be_parted_is_refused(made, folds, why):
    with pytest.raises(InputError, match=why):
        fold_rows(made, folds)


def test_texts_join_speakers():
    assert len(set(fold_rows(rows(8, 4), 4))) == 4
    with pytest.raises(InputError, match="hang together in 2 groups"):
        fold_rows(rows(8, 4, texts=2), 4)
