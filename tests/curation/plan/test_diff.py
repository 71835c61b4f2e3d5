from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.duck import Limits
from curation.plan import make_plan
from curation.plan.diff import diff_plans
from curation.plan.mixture import Mixture
from curation.plan.show import draw, shares_by_window, uses
from manifests.errors import MissingFileError, QueryError, SettingsError, StaleError
from manifests.settings import check_settings
from tests.curation.synthetic_catalog import cut, write_catalog

HOUR = 3600.0


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    cuts = [
        cut("a", duration=HOUR, corpus="one", speaker="x"),
        cut("b", duration=HOUR, corpus="one", speaker="y", sound=["Dog", "Bark"]),
        cut("c", duration=2 * HOUR, corpus="two", language="de"),
    ]
    write_catalog(tmp_path / "catalog", cuts)
    for name, ids, epochs in (("left", "'a', 'b'", 2), ("right", "'b', 'c'", 1)):
        asked = {
            "name": name,
            "stage": "sft",
            "query": f"SELECT cut_id, 'all' AS domain FROM cuts WHERE cut_id IN ({ids})",
            "epochs": epochs,
            "shares": {"all": 1},
            "max_repeats": 2,
            "batch": {"seconds": 2 * HOUR},
            "window": 1,
        }
        make_plan(check_settings(Mixture, asked, where="test"), tmp_path / "catalog", tmp_path / name)
    return tmp_path


def test_a_diff_by_hand(workspace: Path) -> None:
    found = {
        (c.dimension, c.name): (c.hours_a, c.hours_b, c.change, c.added, c.removed)
        for c in diff_plans(workspace / "left", workspace / "right", workspace / "catalog")
    }
    assert found == {
        ("all", "all"): (4.0, 3.0, -1.0, 1, 1),
        ("domain", "all"): (4.0, 3.0, -1.0, 1, 1),
        ("corpus", "one"): (4.0, 1.0, -3.0, 0, 1),
        ("corpus", "two"): (0.0, 2.0, 2.0, 1, 0),
        ("language", "en"): (4.0, 1.0, -3.0, 0, 1),
        ("language", "de"): (0.0, 2.0, 2.0, 1, 0),
        ("speaker", "x"): (2.0, 0.0, -2.0, 0, 1),
        ("speaker", "y"): (2.0, 1.0, -1.0, 0, 0),
        ("speaker", "-"): (0.0, 2.0, 2.0, 1, 0),
        ("label", "-"): (2.0, 2.0, 0.0, 1, 1),
        ("label", "Dog"): (2.0, 1.0, -1.0, 0, 0),
        ("label", "Bark"): (2.0, 1.0, -1.0, 0, 0),
    }


def test_a_diff_is_that_of_every_draw_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cuts in several domains and in one plan only, drawn several times, of unknown cuts, with a label twice."""
    draw = random.Random(5)
    kinds = ([], ["Dog"], ["Dog", "Bark", "Dog"], None)
    cuts = [
        cut(f"c{i}", corpus=f"corpus-{i % 3}", speaker=draw.choice((None, f"s{i % 7}")), sound=draw.choice(kinds))
        for i in range(150)
    ]
    write_catalog(tmp_path / "catalog", cuts)
    for name in ("left", "right"):
        (tmp_path / name).mkdir()
        rows = [
            {"cut_id": f"c{draw.randint(0, 160)}", "domain": draw.choice("xxxxyz"), "seconds": draw.uniform(1, 9)}
            for _ in range(300)
        ]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name / "plan.parquet")
    places = (tmp_path / "left", tmp_path / "right", tmp_path / "catalog")
    ours = diff_plans(*places)
    monkeypatch.setattr("curation.plan.diff.__file__", __file__.replace("test_diff.py", "diff_oracle/diff.py"))
    theirs = diff_plans(*places)
    assert len(ours) > 20 and sum(c.added and c.removed > 0 for c in ours) > 5
    assert {(c.dimension, c.name): (c.added, c.removed) for c in ours} == {
        (c.dimension, c.name): (c.added, c.removed) for c in theirs
    }
    hours = {(c.dimension, c.name): (c.hours_a, c.hours_b, c.change) for c in theirs}
    for c in ours:
        assert (c.hours_a, c.hours_b, c.change) == pytest.approx(hours[c.dimension, c.name], rel=1e-12, abs=1e-12)


def test_a_plan_does_not_differ_from_itself(workspace: Path) -> None:
    changes = diff_plans(workspace / "left", workspace / "left", workspace / "catalog")
    assert not any(c.change or c.added or c.removed for c in changes)


def test_a_diff_that_takes_more_than_its_memory_says_so(workspace: Path) -> None:
    places = (workspace / "left", workspace / "right", workspace / "catalog")
    with pytest.raises(QueryError, match=r"left against .*right: it needs more than 8 MB of memory"):
        diff_plans(*places, limits=Limits(memory=8_000_000))


def test_a_missing_plan_is_named(workspace: Path) -> None:
    with pytest.raises(MissingFileError, match="nowhere"):
        diff_plans(workspace / "left", workspace / "nowhere", workspace / "catalog")


def test_windows_and_uses(workspace: Path) -> None:
    rows = shares_by_window(workspace / "left")
    assert [(row["window"], row["share"]) for row in rows] == [(0, 1.0), (1, 1.0)]
    assert sum(row["units"] for row in rows) == pytest.approx(4.0)
    assert uses(workspace / "left") == [{"domain": "all", "uses": 2, "cuts": 2}]


def test_a_picture_of_a_plan(workspace: Path) -> None:
    draw(workspace / "left", workspace / "plan.svg")
    assert "<svg" in (workspace / "plan.svg").read_text()
    with pytest.raises(SettingsError, match=r"\.svg, \.png"):
        draw(workspace / "left", workspace / "plan.doc")


@pytest.mark.parametrize("size", [10, 400, -9])
def test_a_damaged_plan_is_named(workspace: Path, size: int) -> None:
    plan = workspace / "left" / "plan.parquet"
    plan.write_bytes(plan.read_bytes()[:size])
    said = r"left/plan\.parquet is not the plan its lock was made for .*`soundwave mix plan` again"
    with pytest.raises(StaleError, match=said):
        shares_by_window(workspace / "left")
    with pytest.raises(StaleError, match=said):
        diff_plans(workspace / "left", workspace / "right", workspace / "catalog")
