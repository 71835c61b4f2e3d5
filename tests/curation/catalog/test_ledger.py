from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.catalog import connect
from curation.catalog.ledger import (
    loss_by_domain,
    never_learn,
    off_plan,
    open_ledger,
    planned_realised,
    runs_without_plan,
)
from curation.plan import make_plan
from curation.plan.mixture import Mixture
from manifests.errors import InputError, ManifestError, MissingFileError
from manifests.schema import arrow_schema, columns
from manifests.settings import check_settings
from tests.curation.synthetic_catalog import cut, text_row, write_catalog


def make_plan_folder(root: Path) -> list[dict[str, Any]]:
    """CATALOG and mixtures/small: ten clips and five text-only rows, each used up to four times; the plan's rows."""
    rows = [cut(f"a{n}", duration=1.0 + n, text=f"words of a{n}") for n in range(10)] + [
        text_row(f"q{n}") for n in range(5)
    ]
    write_catalog(root / "catalog", rows)
    asked = {"stage": "sft", "name": "small", "query": "SELECT cut_id, task AS domain FROM cuts", "unit": "samples"}
    asked |= {"budget": 40, "shares": {"asr": 0.75, "qa": 0.25}, "max_repeats": 4, "batch": {"seconds": 20}}
    make_plan(check_settings(Mixture, asked, where="test"), root / "catalog", root / "mixtures" / "small")
    return pq.read_table(root / "mixtures" / "small" / "plan.parquet").to_pylist()


def write_run(root: Path, name: str, rows: list[dict[str, Any]], *, growing: bool = False, lock: bool = True) -> Path:
    """A run's folder with these ledger rows; `growing` as a trainer leaves it while it goes on."""
    folder = root / "runs" / name
    folder.mkdir(parents=True)
    facts = {"run": name, "stage": "sft", "key": "k", "plan": "p", "parent": None, "steps": 9, "seconds": 1.5}
    (folder / "run.json").write_text(json.dumps(facts | {"settings": {"seed": 1}}))
    if lock:
        (folder / "lock.json").write_bytes((root / "mixtures" / "small" / "lock.json").read_bytes())
    filled = [{column: row.get(column) for column in columns("ledger")} | {"run": name} for row in rows]
    if growing:
        lines = "".join(json.dumps(row) + "\n" for row in filled)
        (folder / "ledger.jsonl").write_text(lines + '{"run": "' + name + '", "st')
    else:
        pq.write_table(pa.Table.from_pylist(filled, schema=arrow_schema("ledger")), folder / "ledger.parquet")
    return folder


def as_trained(plan: list[dict[str, Any]], *, steps: int, loss: Any = lambda row: 1.0) -> list[dict[str, Any]]:
    """The ledger of a trainer that follows the plan for `steps` steps, beginning again at its end."""
    last = max(row["step"] for row in plan) + 1
    return [
        {"step": step, "cut_id": row["cut_id"], "domain": row["domain"], "loss": loss(row | {"step": step})}
        for step in range(steps)
        for row in plan
        if row["step"] == step % last
    ]


@pytest.fixture
def workspace(tmp_path: Path) -> tuple[Path, list[dict[str, Any]]]:
    return tmp_path, make_plan_folder(tmp_path)


def opened(root: Path) -> duckdb.DuckDBPyConnection:
    return open_ledger([root / "runs"], catalog=root / "catalog", plans=root / "mixtures")


def test_a_run_that_followed_its_plan_realised_it(workspace: tuple[Path, list[dict[str, Any]]]) -> None:
    root, plan = workspace
    steps = max(row["step"] for row in plan) + 1
    write_run(root, "whole", as_trained(plan, steps=steps))
    with opened(root) as con:
        rows = {row["domain"]: row for row in planned_realised(con)}
        assert off_plan(con) == []
        assert runs_without_plan(con) == []
    assert rows["asr"]["asked"] == 0.75
    assert rows["asr"]["realised"] == pytest.approx(0.75)
    assert rows["asr"]["realised_units"] == rows["asr"]["due_units"] == rows["asr"]["planned"] == 30
    assert (rows["qa"]["draws"], rows["qa"]["cuts"], rows["qa"]["most_uses"]) == (10, 5, 2)
    seconds = sum(row["seconds"] for row in plan if row["domain"] == "asr")
    assert rows["asr"]["hours"] == pytest.approx(seconds / 3600)


@pytest.mark.parametrize("laps", [0.5, 2.0])
def test_half_a_plan_and_two_laps_of_it(workspace: tuple[Path, list[dict[str, Any]]], laps: float) -> None:
    root, plan = workspace
    steps = int(laps * (max(row["step"] for row in plan) + 1))
    trained = as_trained(plan, steps=steps)
    write_run(root, "laps", trained)
    with opened(root) as con:
        for row in planned_realised(con):
            assert row["draws"] == sum(one["domain"] == row["domain"] for one in trained)
            assert row["due_units"] == row["realised_units"] == row["draws"]
        assert off_plan(con) == []


def test_a_draw_skipped_and_a_draw_too_many_are_off_plan(workspace: tuple[Path, list[dict[str, Any]]]) -> None:
    root, plan = workspace
    rows = as_trained(plan, steps=3)
    skipped = rows[0]
    extra = {"step": 1, "cut_id": "stranger", "domain": "asr", "loss": 1.0}
    write_run(root, "astray", [*rows[1:], extra])
    with opened(root) as con:
        found = {(row["step"], row["cut_id"], row["planned"], row["trained"]) for row in off_plan(con)}
    planned = sum(row["step"] == 0 and row["cut_id"] == skipped["cut_id"] for row in plan)
    assert found == {(0, skipped["cut_id"], planned, planned - 1), (1, "stranger", 0, 1)}


def test_without_its_plan_a_run_still_has_draws_and_hours(workspace: tuple[Path, list[dict[str, Any]]]) -> None:
    root, plan = workspace
    write_run(root, "alone", as_trained(plan, steps=4), lock=False)
    write_run(root, "elsewhere", as_trained(plan, steps=4))
    with open_ledger([root / "runs"], catalog=root / "catalog") as con:
        assert runs_without_plan(con) == ["alone", "elsewhere"]
        assert off_plan(con) == []
        rows = [row for row in planned_realised(con) if row["domain"] == "asr"]
    assert all(row["draws"] > 0 and row["hours"] > 0 and row["realised_units"] is None for row in rows)


def test_ledgers_are_read_without_a_catalog(workspace: tuple[Path, list[dict[str, Any]]]) -> None:
    root, plan = workspace
    folder = write_run(root, "bare", as_trained(plan, steps=4))
    with open_ledger([folder]) as con:
        assert sum(row["draws"] for row in loss_by_domain(con, bins=2)) == len(as_trained(plan, steps=4))


def test_a_run_that_goes_on_is_read_up_to_its_last_whole_line(workspace: tuple[Path, list[dict[str, Any]]]) -> None:
    root, plan = workspace
    trained = as_trained(plan, steps=3)
    write_run(root, "growing", trained, growing=True)
    with opened(root) as con:
        assert con.execute("SELECT count(*), max(step) FROM ledger").fetchone() == (len(trained), 2)
        assert off_plan(con) == []


def test_loss_by_domain_by_hand(workspace: tuple[Path, list[dict[str, Any]]]) -> None:
    root, _ = workspace
    losses = [(0, "asr", 4.0), (1, "asr", 2.0), (2, "asr", 1.0), (3, "asr", 1.0), (3, "qa", None)]
    rows = [{"step": s, "cut_id": f"a{s}", "domain": d, "loss": v, "frames": 8, "kept_frames": 2} for s, d, v in losses]
    write_run(root, "hand", rows)
    with opened(root) as con:
        found = loss_by_domain(con, bins=2)
    short = [(row["domain"], row["stretch"], row["first_step"], row["last_step"], row["loss"]) for row in found]
    assert short == [("asr", 0, 0, 1, 3.0), ("asr", 1, 2, 3, 1.0), ("qa", 1, 3, 3, None)]
    assert {row["kept_share"] for row in found} == {0.25}


def test_more_bins_than_steps_is_a_bin_a_step(workspace: tuple[Path, list[dict[str, Any]]]) -> None:
    root, plan = workspace
    write_run(root, "short", as_trained(plan, steps=2))
    with opened(root) as con:
        assert {row["stretch"] for row in loss_by_domain(con, bins=10)} == {0, 1}


def test_rows_that_never_learn(workspace: tuple[Path, list[dict[str, Any]]]) -> None:
    """Five rows learn, one stays high, one falls late but ends high, one was only used twice."""
    root, _ = workspace
    lives = {f"a{n}": [4.0, 2.0, 0.5 + n / 100] for n in range(5)}
    lives |= {"a5": [4.0, 4.1, 3.9], "a6": [9.0, 8.0, 2.0], "a7": [5.0, 5.0]}
    rows = [
        {"step": step, "cut_id": cut_id, "domain": "asr", "loss": loss}
        for cut_id, losses in lives.items()
        for step, loss in enumerate(losses)
    ]
    write_run(root, "lives", rows)
    with opened(root) as con:
        (found,) = never_learn(con)
        assert (found["cut_id"], found["uses"], found["first_loss"], found["last_loss"]) == ("a5", 3, 4.0, 3.9)
        assert found["fell"] == pytest.approx(0.025)
        assert found["text"] == "words of a5"
        assert found["domain_loss"] == 0.53  # the median of 0.50 to 0.54, 2.0 and 3.9
        assert {row["cut_id"] for row in never_learn(con, fall=0.8)} == {"a5", "a6"}
        assert "a7" in {row["cut_id"] for row in never_learn(con, uses=2)}
        assert len(never_learn(con, fall=0.8, most=1)) == 1


def test_ctc_loss_stands_in_where_a_stage_has_no_other(workspace: tuple[Path, list[dict[str, Any]]]) -> None:
    root, _ = workspace
    rows = [
        {"step": step, "cut_id": cut_id, "domain": "asr", "ctc_loss": loss}
        for cut_id, losses in {"a0": [3, 1, 0.1], "a1": [3, 1, 0.1], "a2": [3, 3, 3]}.items()
        for step, loss in enumerate(losses)
    ]
    write_run(root, "ctc", rows)
    with opened(root) as con:
        assert [row["cut_id"] for row in never_learn(con)] == ["a2"]


def test_the_catalogs_connection_has_the_runs_and_is_locked(workspace: tuple[Path, list[dict[str, Any]]]) -> None:
    root, plan = workspace
    folder = write_run(root, "one", as_trained(plan, steps=2))
    with connect(root / "catalog", runs=[folder]) as con:
        assert con.execute("SELECT run, stage, steps, settings->>'seed' FROM runs").fetchall() == [
            ("one", "sft", 9, "1")
        ]
        query = "SELECT count(*) FROM ledger JOIN cuts USING (cut_id)"
        assert con.execute(query).fetchone() == (len(as_trained(plan, steps=2)),)
        with pytest.raises(duckdb.Error):
            con.execute(f"FROM '{root}/mixtures/small/plan.parquet'")
    with connect(root / "catalog") as con:
        assert con.execute("SELECT (SELECT count(*) FROM runs) + (SELECT count(*) FROM ledger)").fetchone() == (0,)


@pytest.mark.parametrize("table", ["runs", "ledger"])
def test_views_have_the_columns_of_the_contract(workspace: tuple[Path, list[dict[str, Any]]], table: str) -> None:
    root, plan = workspace
    full, empty = write_run(root, "one", as_trained(plan, steps=2)), ()
    for runs in ([full], empty):
        with connect(root / "catalog", runs=runs) as con:
            described = {row[0]: row[1] for row in con.execute(f"DESCRIBE {table}").fetchall()}
        assert described == columns(table)


def test_what_is_no_run_is_refused(workspace: tuple[Path, list[dict[str, Any]]]) -> None:
    root, plan = workspace
    with pytest.raises(MissingFileError, match="neither a run nor a folder of runs"):
        open_ledger([root / "mixtures"])
    folder = write_run(root, "one", as_trained(plan, steps=2))
    (folder / "run.json").write_text("{}")
    with pytest.raises(ManifestError, match="`run` is missing, expected text"):
        open_ledger([folder])


def test_two_runs_of_one_name_are_refused_and_one_named_twice_is_one(
    workspace: tuple[Path, list[dict[str, Any]]], tmp_path: Path
) -> None:
    root, plan = workspace
    folder = write_run(root, "one", as_trained(plan, steps=2))
    with open_ledger([folder, root / "runs"]) as con:
        assert con.execute("SELECT count(*) FROM runs").fetchone() == (1,)
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "run.json").write_bytes((folder / "run.json").read_bytes())
    with pytest.raises(ManifestError, match="both run 'one'"):
        open_ledger([folder, copy])


def test_questions_without_an_answer_are_refused(workspace: tuple[Path, list[dict[str, Any]]]) -> None:
    root, plan = workspace
    write_run(root, "one", as_trained(plan, steps=2))
    with opened(root) as con:
        with pytest.raises(InputError, match="bins is 0"):
            loss_by_domain(con, bins=0)
        with pytest.raises(InputError, match="uses is 1"):
            never_learn(con, uses=1)


def test_a_ledger_from_before_a_column_opens(tmp_path: Path) -> None:
    plan = make_plan_folder(tmp_path)
    folder = write_run(tmp_path, "old", as_trained(plan, steps=1))
    write_run(tmp_path, "new", [row | {"reason": "transcript_too_long"} for row in as_trained(plan, steps=1)])
    path = folder / "ledger.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["reason", "detail"]), path)
    with connect(tmp_path / "catalog", runs=[folder, tmp_path / "runs" / "new"]) as con:
        found = con.execute("SELECT DISTINCT run, reason FROM ledger ORDER BY run").fetchall()
    assert found == [("new", "transcript_too_long"), ("old", None)]
