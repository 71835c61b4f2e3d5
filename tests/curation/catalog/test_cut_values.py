"""What a cut is worth: runs that trained on it against those that did not, with known answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curation.catalog import connect
from curation.catalog.studies import find_studies
from curation.duck import records
from tests.curation.catalog.study_folders import result, write_study_results, write_study_run
from tests.curation.synthetic_catalog import cut, write_catalog

BASE = ("a1", "a2")


def ledger(ids: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"step": 0, "cut_id": name, "domain": "asr", "loss": 2.0} for name in ids] + [
        {"step": 1, "cut_id": name, "domain": "asr", "loss": 1.0} for name in ids
    ]


def study(
    root: Path, cells: dict[str, tuple[tuple[str, ...], float]], *, hours: dict[str, float] | None = None
) -> None:
    """Runs by name: what each trained on, and its error rate."""
    write_catalog(
        root / "catalog",
        [cut(name, corpus=name[0], duration=1800.0) for name in ("a1", "a2", "good1", "bad1", "late1")],
    )
    for name, (ids, _) in cells.items():
        write_study_run(root / "out", name, ledger(ids))
    rows = [result(name, name, value, hours=(hours or {}).get(name, 1.0)) for name, (_, value) in cells.items()]
    write_study_results(root / "out", "g", rows)


def ask(root: Path, query: str) -> list[dict[str, Any]]:
    with connect(root / "catalog", studies=find_studies([root / "out"])) as con:
        return records(con.execute(query))


def gains(root: Path) -> dict[str, tuple[float, int, int]]:
    rows = ask(root, "FROM cut_gain('llm_wer')")
    return {row["cut_id"]: (round(row["gain"], 6), row["runs_in"], row["runs_out"]) for row in rows}


def test_a_good_cut_gains_a_bad_one_loses_and_one_in_all_runs_says_nothing(tmp_path: Path) -> None:
    cells = {"r1": (BASE, 0.4), "r2": ((*BASE, "good1"), 0.3), "r3": ((*BASE, "bad1"), 0.5)}
    study(tmp_path, cells | {"r4": ((*BASE, "good1", "bad1"), 0.4)})
    assert gains(tmp_path) == {"good1": (0.1, 2, 2), "bad1": (-0.1, 2, 2)}
    (row,) = [row for row in ask(tmp_path, "FROM cut_gain('llm_wer')") if row["cut_id"] == "good1"]
    # Within each side the two runs are 0.1 apart: a variance of 0.005, and two runs to a side.
    assert row["error"] == pytest.approx((0.005 * (1 / 2 + 1 / 2)) ** 0.5)
    assert row["corpus"] == "g"
    assert ask(tmp_path, "FROM cut_gain('bleu')") == []


def test_where_more_is_better_a_gain_is_more(tmp_path: Path) -> None:
    study(tmp_path, {"r1": (BASE, 10.0), "r2": ((*BASE, "good1"), 12.0)})
    (tmp_path / "out" / "g" / "grid.json").write_text('{"figure": {"name": "llm_wer", "better": "higher"}}')
    assert gains(tmp_path) == {"good1": (2.0, 1, 1)}


def test_what_a_run_began_with_counts_as_seen(tmp_path: Path) -> None:
    study(tmp_path, {"r1": (BASE, 0.4), "r2": (BASE, 0.3)})
    first = write_study_run(tmp_path / "out", "stage-1", ledger(("late1",)))
    for name, value in (("r3", 0.1), ("r4", 0.2)):
        write_study_run(tmp_path / "out", name, ledger(BASE), parent=Path("/gone") / first.name)
        row = result(name, name, value, grid="g")
        write_study_results(tmp_path / "out", f"g-{name}", [row])
    assert gains(tmp_path) == {"late1": (0.2, 2, 2)}


def test_a_run_without_a_ledger_is_not_one_without_the_cut(tmp_path: Path) -> None:
    study(tmp_path, {"r1": (BASE, 0.4), "r2": ((*BASE, "good1"), 0.3)})
    write_study_run(tmp_path / "out", "silent", None)
    orphan = write_study_run(tmp_path / "out", "orphan", ledger(BASE), parent=tmp_path / "gone")
    rows = [result("s", "silent", 0.9), result("o", orphan.name, 0.9)]
    write_study_results(tmp_path / "out", "more", rows)
    assert gains(tmp_path) == {"good1": (0.1, 1, 1)}


def test_more_audio_is_no_merit_of_a_cut(tmp_path: Path) -> None:
    """The error falls with the logarithm of the hours alone: no cut of the larger runs gains by it."""
    hours = {"r1": 1.0, "r2": 2.0, "r3": 4.0, "r4": 8.0}
    parts = {"r1": BASE, "r2": BASE, "r3": (*BASE, "good1"), "r4": (*BASE, "good1", "bad1")}
    study(tmp_path, {name: (ids, 0.8 - 0.1 * n) for n, (name, ids) in enumerate(parts.items())}, hours=hours)
    assert {name: gain for name, (gain, _, _) in gains(tmp_path).items()} == {"good1": 0.0, "bad1": 0.0}


def test_value_by_corpus(tmp_path: Path) -> None:
    """Half an hour a draw and two draws a cut: an hour of corpus g lowers the error by 0.1."""
    cells = {"r1": (BASE, 0.4), "r2": ((*BASE, "good1"), 0.3), "r3": (BASE, 0.4), "r4": ((*BASE, "good1"), 0.3)}
    study(tmp_path, cells)
    rows = {row["corpus"]: row for row in ask(tmp_path, "FROM value_by_corpus('llm_wer')")}
    assert (rows["g"]["least_hours"], rows["g"]["most_hours"]) == (0.0, 1.0)
    assert rows["g"]["per_hour"] == pytest.approx(0.1)
    assert rows["a"]["per_hour"] is None  # all runs had as much
    assert (rows["a"]["last_loss"], rows["a"]["fell"]) == (1.0, 0.5)
