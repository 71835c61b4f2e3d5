"""Names that are like one that does not exist."""

from __future__ import annotations

from manifests.names import hint, nearest

KNOWN = ["rate", "batch.seconds", "split.seconds", "optimiser.learning_rate"]


def test_the_best_stands_first() -> None:
    assert nearest("batch.secnds", KNOWN) == ["batch.seconds", "split.seconds"]
    assert nearest("learning_rate", KNOWN)[0] == "optimiser.learning_rate"
    assert nearest("RATE", KNOWN)[0] == "rate"


def test_a_hint_lists_all_where_nothing_is_near() -> None:
    assert hint("zebra", ["rate", "seed"]) == "known: rate, seed"
    assert hint("zebra", []) == "known: none"
    assert hint("rat", ["rate", "seed"]) == "nearest: rate"
