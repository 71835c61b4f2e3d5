"""`soundwave ledger`, as a user runs it, on a plan of a few draws and a ledger written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from curation.plan import make_plan
from curation.plan.mixture import Mixture
from manifests.errors import MissingFileError
from manifests.schema import arrow_schema, columns
from soundwave.cli import sql
from soundwave.cli.ledger import by_stretch, register


def write_table(path: Path, table: str, rows: list[dict[str, Any]]) -> None:
    filled = [{name: row.get(name) for name in columns(table)} for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(filled, schema=arrow_schema(table)), path)


def workspace(root: Path, *, extra: int = 0) -> Path:
    """A catalog, a plan and a run that followed it, but for `extra` draws."""
    facts = {"corpus": "syn", "split": "train", "domain": "asr", "task": "asr", "start": 0.0, "manifest": "{}"}
    cuts = [facts | {"cut_id": f"c{n}", "recording_id": "r", "duration": 2.0, "text": f"text {n}"} for n in range(6)]
    write_table(root / "catalog" / "cuts" / "syn" / "part.parquet", "cuts", cuts)
    asked = {"stage": "sft", "name": "m", "query": "SELECT cut_id, domain FROM cuts", "epochs": 3, "max_repeats": 3}
    asked |= {"shares": {"asr": 1}, "batch": {"seconds": 6}, "window": 2}
    make_plan(Mixture.model_validate(asked), root / "catalog", root / "mixtures" / "m")
    run = root / "runs" / "first"
    run.mkdir(parents=True)
    (run / "lock.json").write_bytes((root / "mixtures" / "m" / "lock.json").read_bytes())
    told = {"run": "first", "stage": "sft", "plan": "p", "parent": None, "steps": 6, "seconds": 2.0, "settings": {}}
    (run / "run.json").write_text(json.dumps(told))
    plan = pq.read_table(root / "mixtures" / "m" / "plan.parquet").to_pylist()
    rows = [{name: row[name] for name in ("step", "cut_id", "domain")} for row in plan]
    rows += [{"step": 0, "cut_id": "c0", "domain": "asr"}] * extra
    loss = {"c0": 5.0}
    filled = [row | {"run": "first", "loss": loss.get(row["cut_id"], 3.0 - row["step"] / 3)} for row in rows]
    write_table(run / "ledger.parquet", "ledger", filled)
    return root


def run(*words: object) -> tuple[int, str]:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    result = CliRunner().invoke(app, ["ledger", *map(str, words)], env={"COLUMNS": "200"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def test_tables_for_people(tmp_path: Path) -> None:
    root = workspace(tmp_path)
    code, text = run(root / "runs", "--catalog", root / "catalog")
    assert code == 0
    for words in ("planned and realised", "next-token loss by domain", "rows that never learn", "text 0"):
        assert words in text
    assert "every trained draw is the plan's" in text
    assert "CTC loss" not in text  # this run has none


def test_json_for_programs(tmp_path: Path) -> None:
    root = workspace(tmp_path)
    code, text = run(root / "runs" / "first", "--catalog", root / "catalog", "--json", "--bins", 2)
    facts = json.loads(text)
    assert code == 0
    assert set(facts) == {
        "runs", "planned_realised", "loss_by_domain", "never_learn", "off_plan", "plan_not_found",
    }  # fmt: skip
    assert facts["runs"][0]["run"] == "first"
    assert [row["cut_id"] for row in facts["never_learn"]] == ["c0"]
    assert {row["stretch"] for row in facts["loss_by_domain"]} == {0, 1}


def test_training_that_left_its_plan_is_a_finding(tmp_path: Path) -> None:
    root = workspace(tmp_path, extra=2)
    code, text = run(root / "runs", "--catalog", root / "catalog")
    assert code == 1
    assert "1 rows where training left its plan" in text


def test_a_plan_that_is_not_there_is_noted(tmp_path: Path) -> None:
    root = workspace(tmp_path)
    code, text = run(root / "runs", "--catalog", root / "catalog", "--plans", root / "nowhere")
    assert code == 0
    assert "the plan of first was not found" in text
    assert "every trained draw" not in text


def asked(root: Path, query: str, *words: object) -> Any:
    """What `soundwave sql` answers."""
    app = typer.Typer()
    app.callback()(lambda: None)
    sql.register(app)
    result = CliRunner().invoke(app, ["sql", query, "--catalog", str(root / "catalog"), "--json", *map(str, words)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return json.loads(result.stdout)


def test_runs_are_asked_in_sql(tmp_path: Path) -> None:
    root = workspace(tmp_path)
    runs = ("--runs", root / "runs")
    assert asked(root, "SELECT run, stage, settings FROM runs", *runs) == [
        {"run": "first", "stage": "sft", "settings": "{}"}
    ]
    (row,) = asked(root, "FROM planned_realised", *runs)
    assert (row["asked"], row["realised"], row["draws"], row["most_uses"]) == (1.0, 1.0, 18, 3)
    assert [row["stretch"] for row in asked(root, "FROM loss_by_domain(bins := 2)", *runs)] == [0, 1]
    never = asked(root, "SELECT cut_id, text FROM never_learn(at_least := 2)", "--runs", root / "runs" / "first")
    assert never == [{"cut_id": "c0", "text": "text 0"}]
    assert asked(root, "SELECT count(*) AS n FROM off_plan", *runs) == [{"n": 0}]
    assert asked(root, "SELECT count(*) AS n FROM ledger") == [{"n": 0}]  # none asked for


def test_runs_that_are_not_there_are_named(tmp_path: Path) -> None:
    root = workspace(tmp_path)
    with pytest.raises(MissingFileError, match="neither a run nor a folder of runs"):
        asked(root, "FROM runs", "--runs", root / "catalog")


@pytest.mark.parametrize("runs", [1, 2])
def test_losses_side_by_side(runs: int) -> None:
    rows = [
        {"run": f"r{r}", "domain": "asr", "stretch": s, "last_step": 10 * s + 9, "loss": float(s), "ctc_loss": None}
        for r in range(runs)
        for s in (0, 1)
    ]
    names = ("to step 9", "to step 19") if runs == 1 else ("part 1", "part 2")
    assert by_stretch(rows, "loss") == [
        {"run": f"r{r}", "domain": "asr", names[0]: 0.0, names[1]: 1.0} for r in range(runs)
    ]
    assert by_stretch(rows, "ctc_loss") == []
