from __future__ import annotations

from manifests.settings.differences import LONGEST, Difference, compare


def test_nested_keys_are_named_with_dots_and_only_where_they_differ() -> None:
    found = {"seed": 1, "optimiser": {"rate": 0.1, "betas": [1, 2]}, "arms": {"a": [{"stage": "x"}]}, "old": None}
    asked = {"seed": 1, "optimiser": {"rate": 0.2, "betas": [1, 2]}, "arms": {"a": [{"stage": "y"}]}, "new": {"k": 1}}
    assert [str(row) for row in compare(found, asked, prefix="plan.")] == [
        "plan.arms.a.0.stage: found x, asked y",
        "plan.new.k: found nothing, asked 1",
        "plan.optimiser.rate: found 0.1, asked 0.2",
    ]


def test_equal_values_differ_in_nothing() -> None:
    assert list(compare({"a": {"b": [1]}}, {"a": {"b": [1]}})) == []


def test_a_long_text_is_cut_and_stays_on_its_line() -> None:
    said = str(Difference("query", "SELECT\n  1", "x" * 500))
    assert said == f"query: found SELECT 1, asked {'x' * LONGEST}..."
