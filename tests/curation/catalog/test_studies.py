"""Studies in SQL: what lies in a workspace, its names, and views over old, half-written and damaged results."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.catalog import connect
from curation.catalog.studies import find_studies
from curation.duck import records, run_select
from manifests.errors import InputError, ManifestError, MissingFileError, QueryError
from manifests.files import write_json
from manifests.schema import columns
from tests.curation.catalog.study_folders import result, write_study_results, write_study_run
from tests.curation.catalog.test_ledger import as_trained, make_plan_folder

TABLES = ("results", "outcomes", "clips", "steps", "locks", "rules", "label_settings", "corpora", "parts", "runs")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """catalog, mixtures/small, and the study `out` of two runs, of which the second began with the first."""
    plan = make_plan_folder(tmp_path)
    shutil.copytree(tmp_path / "mixtures" / "small", tmp_path / "out" / "plans" / "k1")
    rows, output = as_trained(plan, steps=3), tmp_path / "out"
    first = write_study_run(output, "one", rows, plan=output / "plans" / "k1")
    write_study_run(output, "two", rows, plan=output / "plans" / "k1", parent=first, stage="sft")
    (first / "metrics.jsonl").write_text('{"step": 0, "loss": 2.5}\n{"step": 1, "loss": null}\n{"step": 2, "lo')
    clip = {"grid": "g", "cell": "a", "arm": "a", "seed": 7, "stage": "sft", "outcome": "llm_wer", "item": "a1"}
    clips = [clip | {"group": "s", "value": 0.25, "weight": 4.0}]
    rows = [result("a", "one", 0.5), result("a", "two", 0.4, stage="sft", position=2)]
    write_study_results(output, "g", rows, clips=clips)
    return tmp_path


def ask(place: Path | list[Path], query: str, catalog: Path | None = None) -> list[Any]:
    places = place if isinstance(place, list) else [place]
    with connect(catalog, studies=find_studies(places)) as con:
        return run_select(con, query, where="query").fetchall()


def test_results_are_joined_to_runs_plans_locks_and_steps(root: Path) -> None:
    out, catalog = root / "out", root / "catalog"
    query = "SELECT results.run, runs.stage, plans.draws, locks.name FROM results JOIN runs USING (study, run) "
    query += "JOIN (SELECT plan, count(*) AS draws FROM plans GROUP BY plan) AS plans ON plans.plan = results.plan "
    query += "JOIN locks ON locks.plan = results.plan ORDER BY 1"
    assert ask(out, query, catalog) == [("one", "alignment", 40, "small"), ("two", "sft", 40, "small")]
    assert ask(out, "SELECT run, step, loss FROM steps ORDER BY step") == [("one", 0, 2.5), ("one", 1, None)]
    assert ask(out, "SELECT DISTINCT run, plan FROM run_plan ORDER BY 1") == [("one", "k1"), ("two", "k1")]
    rules = ask(out, "SELECT DISTINCT kind, sql FROM rules WHERE plan = 'k1'")
    assert rules == [("query", "SELECT cut_id, task AS domain FROM cuts")]
    assert ask(out, "SELECT cut_id FROM clips JOIN cuts ON cut_id = item", catalog) == [("a1",)]


def test_outcomes_are_figures_with_their_bands_and_what_is_better(root: Path) -> None:
    write_study_results(
        root / "out", "other", [result("a", "one", 0.5, bleu=9.0, bleu_low=8.0, bleu_high=10.0, passes=3.0)]
    )
    query = "SELECT outcome, value, low, better FROM outcomes WHERE grid_ = 'other' ORDER BY 1".replace("grid_", "grid")
    assert ask(root / "out", query) == []  # a grid's name is what its rows say
    query = "SELECT DISTINCT outcome, value, low, better FROM outcomes ORDER BY ALL"
    found = [("bleu", 9.0, 8.0, None), ("llm_wer", 0.4, 0.30000000000000004, "lower"), ("llm_wer", 0.5, 0.4, "lower")]
    assert ask(root / "out", query) == found


def test_a_table_of_an_earlier_version_lacks_columns_and_one_of_a_later_has_more(root: Path) -> None:
    old = {"grid": "old", "cell": "x", "run": "runs/gone", "llm_wer": 0.9}
    write_study_results(root / "out", "old", [old])
    write_study_results(root / "out", "new", [result("z", "one", 0.1, grid="new", seed=2**40, **{"share.sound": 0.25})])
    query = "SELECT grid, run, plan, seed, llm_wer, \"share.sound\" FROM results WHERE grid <> 'g' ORDER BY grid"
    assert ask(root / "out", query) == [("new", "one", "k1", 2**40, 0.1, 0.25), ("old", "gone", None, None, 0.9, None)]


@pytest.mark.parametrize("table", TABLES)
def test_the_views_have_the_columns_of_the_contract_with_rows_and_without(root: Path, table: str) -> None:
    for places in ([root / "out"], []):
        with connect(root / "catalog", studies=find_studies(places)) as con:
            described = {row[0]: row[1] for row in con.execute(f"DESCRIBE {table}").fetchall()}
        if table == "results" and places:  # and the figures
            assert list(described.items())[: len(columns(table))] == list(columns(table).items())
        else:
            assert described == columns(table)


def test_two_studies_of_the_same_runs_are_told_apart(root: Path) -> None:
    """Names that both have begin with the study; those of the ledger follow."""
    shutil.copytree(root / "out", root / "far" / "out")
    shutil.rmtree(root / "far" / "out" / "runs" / "two")
    places = [root / "out", root / "far" / "out"]
    studies = {study for (study,) in ask(places, "SELECT DISTINCT study FROM results")}
    assert studies == {f"{root.name}/out", "far/out"}
    runs = {run for (run,) in ask(places, "SELECT run FROM runs")}
    assert runs == {f"{root.name}/out/one", "far/out/one", "two"}
    assert {run for (run,) in ask(places, "SELECT DISTINCT run FROM ledger")} == runs
    query = "SELECT study, run FROM results JOIN runs USING (study, run) WHERE results.stage = 'alignment' ORDER BY ALL"
    assert ask(places, query) == [("far/out", "far/out/one"), (f"{root.name}/out", f"{root.name}/out/one")]
    query = "SELECT DISTINCT run, plan FROM trained_steps JOIN run_plan USING (run) ORDER BY ALL"
    assert len(ask(places, query)) == 3


def test_a_place_is_whatever_holds_studies(root: Path) -> None:
    count = (
        "SELECT (SELECT count(*) FROM results), (SELECT count(*) FROM runs), (SELECT count(DISTINCT plan) FROM plans)"
    )
    for place, found in {
        root: (2, 2, 2),  # with mixtures/small
        root / "out" / "g": (2, 2, 1),
        root / "out" / "runs": (0, 2, 0),
        root / "out" / "runs" / "one": (0, 1, 0),
        root / "mixtures": (0, 0, 1),
    }.items():
        assert ask(place, count) == [found], place


def test_a_study_that_moved_is_found_whole(root: Path) -> None:
    shutil.move(root / "out", root / "elsewhere")
    query = "SELECT results.run, parent FROM results JOIN run_parents ON run_parents.run = results.run"
    assert ask(root / "elsewhere", query) == [("two", "one")]


def test_what_is_kept_aside_or_half_made_does_not_count(root: Path) -> None:
    shutil.copytree(root / "out" / "g", root / "out" / "g.old-1")
    shutil.copytree(root / "out" / "runs" / "one", root / "out" / "runs" / "one.old-1")
    (root / "out" / "empty").mkdir()
    write_json(root / "out" / "empty" / "grid.json", {})
    assert ask(root / "out", "SELECT (SELECT count(*) FROM results), (SELECT count(*) FROM runs)") == [(2, 2)]


def test_rows_without_a_table_are_read_up_to_their_last_whole_line(root: Path) -> None:
    grid = root / "out" / "g"
    (grid / "results.parquet").unlink()
    (grid / "results.jsonl").write_text(
        '{"grid": "g", "cell": "a", "run": "runs/one", "llm_wer": 0.5}\n{"grid": "g", "c'
    )
    assert ask(root / "out", "SELECT cell, run, llm_wer FROM results WHERE cell IS NOT NULL") == [("a", "one", 0.5)]


def test_a_damaged_table_is_named(root: Path) -> None:
    path = root / "out" / "g" / "results.parquet"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ManifestError, match=r"g/results\.parquet"):
        ask(root / "out", "FROM results")


def test_a_table_that_is_none_of_results_has_rows_without_a_word(root: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), root / "out" / "g" / "results.parquet")
    assert ask(root / "out", "SELECT grid, cell, run FROM results") == [(None, None, None)]


def test_what_is_no_workspace_is_refused(root: Path) -> None:
    (root / "nothing").mkdir()
    with pytest.raises(MissingFileError, match="is no workspace: neither in it nor 3 folders below"):
        find_studies([root / "nothing"])
    with pytest.raises(MissingFileError, match="No such workspace"):
        find_studies([root / "nowhere"])
    with pytest.raises(InputError, match="s3://bucket/x: a workspace is read from a local folder"):
        find_studies([Path("s3://bucket/x")])


def test_only_views_are_read(root: Path) -> None:
    for query in (f"FROM '{root}/out/g/results.parquet'", f"FROM read_parquet('{root}/out/g/results.parquet')"):
        with pytest.raises(QueryError):
            ask(root / "out", query)
    with connect(None, studies=find_studies([root / "out"])) as con, pytest.raises(duckdb.Error):
        con.execute(f"COPY (SELECT 1) TO '{root}/out/g/results.parquet'")


def test_labels_corpora_and_parts_beside_the_catalog(root: Path) -> None:
    (root / "labels" / "agree" / "syn").mkdir(parents=True)
    (root / "corpora" / "syn").mkdir(parents=True)
    facts = {"pass": "agree", "version": "1", "corpus": "syn", "settings": {"recogniser": "x"}, "shards": ["k", "l"]}
    write_json(root / "labels" / "agree" / "syn" / "pass.json", facts | {"counts": {"cuts": 5, "rejected": 1}})
    write_json(
        root / "corpora" / "syn" / "corpus.json", {"name": "syn", "license": "CC0-1.0", "cuts": 10, "hours": 0.5}
    )
    query = "SELECT pass, corpus, settings->>'recogniser' AS r, shards, cuts, labelled, folder FROM label_settings"
    with connect(root / "catalog", studies=find_studies([root / "out"])) as con:
        folder = str(root / "labels" / "agree" / "syn")
        assert records(con.execute(query)) == [
            {"pass": "agree", "corpus": "syn", "r": "x", "shards": 2, "cuts": 5, "labelled": None, "folder": folder}
        ]
        assert con.execute("SELECT corpus, license, cuts, texts FROM corpora").fetchall() == [
            ("syn", "CC0-1.0", 10, None)
        ]
        assert con.execute('SELECT "table", corpus FROM parts').fetchall() == [("cuts", "syn")]
