"""Cuts that stand in several domains, and domains that a fraction or a small budget leaves without a draw."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from curation.plan.shared import split_uses
from manifests.errors import MixtureError
from tests.curation.plan.test_plan import mixture, planned
from tests.curation.synthetic_catalog import cut

BOTH = "SELECT cut_id, 'all' AS domain FROM cuts UNION ALL SELECT cut_id, 'few' FROM cuts WHERE task = 'st'"


def clips(many: int = 40, few: int = 10) -> list[dict[str, Any]]:
    """Clips of a second; `few` of them stand in both domains of BOTH."""
    return [cut(f"a{n:03}", task="asr") for n in range(many)] + [cut(f"s{n:03}", task="st") for n in range(few)]


def both(**changes: Any) -> Any:
    return mixture(**{"query": BOTH, "unit": "samples", "shares": {"all": 0.8, "few": 0.2}, "budget": 40} | changes)


@pytest.mark.parametrize(("repeats", "budget"), [(1, 40), (1, 20), (2, 80), (3, 130), (7, 300)])
def test_uses_in_all_domains_count_against_max_repeats(tmp_path: Path, repeats: int, budget: int) -> None:
    lock, rows = planned(tmp_path, clips(), both(max_repeats=repeats, budget=budget))
    assert max(Counter(row["cut_id"] for row in rows).values()) <= repeats
    assert len({(row["cut_id"], row["domain"], row["repeat"]) for row in rows}) == len(rows)
    asked = {"all": 0.8 * budget, "few": 0.2 * budget}
    assert {name: domain.realised for name, domain in lock.domains.items()} == pytest.approx(asked, abs=1)


def test_a_domain_without_cuts_of_its_own_gets_what_it_needs(tmp_path: Path) -> None:
    """All ten cuts of `few` stand in `all` too, which has 40 others: it leaves them to `few`."""
    _, rows = planned(tmp_path, clips(), both(max_repeats=1, budget=48, shares={"all": 38, "few": 10}))
    drawn = {name: {row["cut_id"] for row in rows if row["domain"] == name} for name in ("all", "few")}
    assert len(drawn["few"]) == 10
    assert not drawn["all"] & drawn["few"]


def test_a_bigger_budget_only_appends_with_shared_cuts_too(tmp_path: Path) -> None:
    small, large = (
        {(row["cut_id"], row["domain"], row["repeat"]) for row in planned(tmp_path, clips(), asked, name=name)[1]}
        for name, asked in (("small", both(max_repeats=2, budget=30)), ("large", both(max_repeats=2, budget=70)))
    )
    assert small < large


def test_the_share_of_a_cut_does_not_depend_on_threads(tmp_path: Path) -> None:
    marks = {
        planned(tmp_path, clips(), both(max_repeats=2, budget=70), name=f"p{n}", threads=n)[0].plan_sha256
        for n in (1, 3)
    }
    assert len(marks) == 1


def test_what_shared_cuts_cannot_give_is_refused_with_the_numbers(tmp_path: Path) -> None:
    with pytest.raises(MixtureError) as error:
        planned(tmp_path, clips(), both(max_repeats=1, epochs=1, budget=None))
    assert "for some are used in other domains too" in str(error.value)
    assert "a query that returns each cut in one domain" in str(error.value)
    epochs = float(str(error.value).partition("epochs: ")[2].partition(";")[0])
    lock, rows = planned(tmp_path, clips(), both(max_repeats=1, epochs=epochs, budget=None), name="less")
    assert max(Counter(row["cut_id"] for row in rows).values()) == 1
    assert lock.domains["few"].draws > 0


def test_a_domain_with_share_zero_takes_no_uses(tmp_path: Path) -> None:
    _, rows = planned(tmp_path, clips(), both(max_repeats=1, budget=50, shares={"all": 1, "few": 0}))
    assert Counter(row["domain"] for row in rows) == {"all": 50}


@pytest.mark.parametrize("repeats", [1, 2, 5])
def test_stretches_cover_all_uses(repeats: int) -> None:
    sizes = {("a", "b"): 10.0, ("a", "b", "c"): 5.0, ("b", "c"): 1.0}
    found = split_uses(sizes, {"a": 0.0, "b": 100.0, "c": 3.0}, {"a": 12.0, "b": 30.0, "c": 4.0}, repeats)
    for domains, ends in found.items():
        assert (ends[0], ends[-1], len(ends)) == (0.0, repeats, len(domains) + 1)
        assert list(ends) == sorted(ends)


@pytest.mark.parametrize("amount", [{"shares": {"asr": 0.9, "st": 0.1}}, {"shares": None, "temperature": {"start": 1}}])
def test_a_domain_that_a_fraction_empties_is_named(tmp_path: Path, amount: dict[str, Any]) -> None:
    cuts = clips(many=40, few=1)
    asked = {"unit": "samples", "budget": None, "epochs": 0.5} | amount
    with pytest.raises(MixtureError, match=r"fraction 0\.25 leaves no cut of st \(1 cuts\).* at least 0\.5001"):
        planned(tmp_path, cuts, mixture(fraction=0.25, **asked))
    lock, _ = planned(tmp_path, cuts, mixture(fraction=0.5001, **asked), name="enough")
    assert lock.domains["st"].candidates == 1


def test_a_fraction_may_empty_what_has_no_share(tmp_path: Path) -> None:
    asked = mixture(unit="samples", budget=5, shares={"asr": 1, "st": 0}, fraction=0.25)
    assert planned(tmp_path, clips(many=40, few=1), asked)[0].domains["asr"].draws == 5


def test_a_domain_without_a_draw_is_a_note(tmp_path: Path) -> None:
    asked = mixture(unit="samples", budget=20, shares={"asr": 0.99, "st": 0.01})
    lock, _ = planned(tmp_path, clips(), asked)
    assert lock.domains["st"].draws == 0
    assert any(note.startswith("st: no draw") for note in lock.notes)
