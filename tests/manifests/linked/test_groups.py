"""Splits by groups: nothing shared across splits, rows alone where they were, old groups where they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.fingerprint import stable_split
from manifests.linked import Linked, split_groups

ROWS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), max_size=30)


def linked(rows: Sequence[tuple[int, ...]]) -> list[Linked]:
    return [
        Linked(f"row-{n}", stable_split(f"row-{n}"), {"speaker": [f"s{a}"], "text": [f"t{b}", f"t{c}"]})
        for n, (a, b, c) in enumerate(rows)
    ]


@given(ROWS)
def test_no_value_of_a_link_is_in_two_splits(rows: list[tuple[int, int, int]]) -> None:
    made = linked(rows)
    home: dict[str, set[str]] = {}
    for row, split in zip(made, split_groups(made).splits, strict=True):
        for link, values in row.links.items():
            for value in values:
                home.setdefault(f"{link} {value}", set()).add(split)
    assert all(len(splits) == 1 for splits in home.values())


def test_rows_alone_stay_where_their_hash_put_them_and_the_shares_hold() -> None:
    rows = [Linked(f"r{n}", stable_split(f"r{n}"), {"text": [f"t{n}"]}) for n in range(5000)]
    found = split_groups(rows)
    assert (found.splits, found.moved) == ([row.split for row in rows], 0)
    assert Counter(found.splits)["test"] / 5000 == pytest.approx(0.10, abs=0.015)


def test_groups_keep_the_shares_and_do_not_depend_on_the_order() -> None:
    rows = [Linked(f"r{n}", stable_split(f"r{n}"), {"speaker": [f"s{n // 5}"]}) for n in range(5000)]
    found = dict(zip([row.id for row in rows], split_groups(rows).splits, strict=True))
    back = dict(zip([row.id for row in rows[::-1]], split_groups(rows[::-1]).splits, strict=True))
    assert found == back
    counts = Counter(found.values())
    assert counts["test"] / 5000 == pytest.approx(0.10, abs=0.03)
    assert counts["dev"] / 5000 == pytest.approx(0.08, abs=0.03)


def test_growth_moves_a_group_only_if_the_new_row_speaks_for_it() -> None:
    rows = [Linked(f"r{n}", stable_split(f"r{n}"), {"speaker": [f"s{n % 500}"]}) for n in range(6000)]
    before, after = split_groups(rows[:5000]).splits, split_groups(rows).splits[:5000]
    assert sum(one != other for one, other in zip(before, after, strict=True)) / 5000 < 0.08


def test_a_given_split_stands_and_draws_its_group_to_it() -> None:
    rows = [
        Linked("given", "test", {"text": ["a"]}, fixed=True),
        Linked("free", "train", {"text": ["a"], "speaker": ["s"]}),
        Linked("far", "dev", {"speaker": ["s"]}),
        Linked("other", "train", {"text": ["b"]}, fixed=True),
        Linked("torn", "dev", {"text": ["b"]}, fixed=True),
    ]
    assert split_groups(rows).splits == ["test", "test", "test", "train", "dev"]


def test_one_voice_is_one_group_and_says_so() -> None:
    rows = [Linked(f"r{n}", "test", {"speaker": ["anna"], "text": [f"t{n}"]}) for n in range(40)]
    found = split_groups([*rows, Linked("alone", "dev", {"speaker": ["ben"]})])
    assert found.splits == ["train"] * 40 + ["dev"]
    assert "40 of 41 rows hang together and stay in train (speaker 'anna' in 40)" in found.said()
    assert "`split_links`" in found.said()
    assert split_groups([]).splits == []
    assert split_groups(rows[:1]).said() == ""
