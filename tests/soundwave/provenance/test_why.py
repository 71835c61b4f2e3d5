"""`soundwave why` on a small study that the real steps made: whole, moved, old, and with each link changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.catalog import build, connect
from curation.passes.runner import run_pass
from curation.plan import make_plan
from curation.plan.mixture import Mixture
from manifests.digests import written
from manifests.files import read_jsonl, write_json, write_jsonl
from manifests.schema import arrow_schema
from soundwave.ablation.results import write_results
from soundwave.evaluate.families import measure
from soundwave.evaluate.held_out import EvalOptions
from soundwave.evaluate.registry import read_figure
from soundwave.evaluate.table import json_row
from soundwave.provenance import why
from soundwave.provenance.told import told
from soundwave.train.loop import train
from soundwave.train.settings import StageSettings
from tests.soundwave import damage
from tests.soundwave.damage import soundwave

CELL = "full-100%-seed3"
RUNS = "out/runs"
KINDS = {"row", "evaluation", "run", "plan", "rules", "catalog", "labels", "corpus"}
Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, stage_values: Callable[..., dict[str, Any]]) -> Path:
    """corpora, labels, catalog, mixtures/two, and out: a grid of one cell of two stages."""
    root = tmp_path_factory.mktemp("why") / "work"
    damage._write_corpus(root / "corpora" / "one", "one", cuts=10)
    run_pass(damage.Everything(), root / "corpora" / "one", root / "labels", workers=0)
    build(root / "corpora", root / "labels", root / "catalog")
    for seed, name in enumerate(("one", "two")):
        damage.plan_again(root, name, seed)
    out = root / "out"
    shutil.copytree(root / "mixtures" / "one", out / "plans" / "k1")
    settings = StageSettings(**stage_values("alignment", steps=2))
    first, second = out / "runs" / "alignment-1", out / "runs" / "alignment-2"
    train(settings, plan=out / "plans" / "k1", output=first)
    train(settings, plan=out / "plans" / "k1", output=second, init=first)
    options = EvalOptions(split="train", corpus="one", min_words=1, decode=("ctc",))
    rows = []
    for position, run in enumerate((first, second), 1):
        evaluation = json_row([measure(run, root / "catalog", ["asr"], options)])
        path = out / "evaluations" / f"{run.name}-e.json"
        write_json(path, evaluation)
        facts = {"grid": "g", "cell": CELL, "arm": "full", "seed": 3, "stage": ("alignment", "shrinking")[position - 1]}
        facts |= {"position": position, "last": position == 2, "hours": 0.1, "plan": "k1"}
        facts |= {"run": f"runs/{run.name}", "evaluation": f"evaluations/{path.name}"}
        figures = zip(("ctc_wer", "ctc_wer_low", "ctc_wer_high"), read_figure(evaluation, "ctc_wer"), strict=True)
        rows.append(facts | dict(figures) | {name: evaluation[name] for name in ("clips", "words", "wer_unit")})
    write_results(out / "g", rows, "ctc_wer")
    write_json(out / "g" / "grid.json", {"question": "Does it?"})
    return root


@pytest.fixture(scope="module")
def kept(made: Path) -> dict[Path, tuple[bytes, int]]:
    return damage.snapshot(made)


@pytest.fixture
def work(made: Path, kept: dict[Path, tuple[bytes, int]]) -> Iterator[Path]:
    with damage.restored(made, kept):
        yield made


def asked(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, dict[str, Any]]:
    code, out, err = soundwave(capsys, "why", *words, "--json")
    assert code in (0, 1), err
    return code, json.loads(out)


def states(found: dict[str, Any], state: str) -> dict[tuple[str, str], list[str]]:
    kinds = {"broken": "problems", "missing": "missing", "unknown": "unknown"}
    return {(row["kind"], row["name"]): row[kinds[state]] for row in found["links"] if row["state"] == state}


def test_every_link_of_a_row_is_there_and_whole(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = asked(capsys, work / "out" / "g" / CELL)
    assert (code, found["whole"]) == (0, True)
    assert {row["kind"] for row in found["links"]} == KINDS
    assert {row["state"] for row in found["links"]} == {"whole"}
    rows = {row["name"]: row for row in found["links"]}
    assert rows[f"g/{CELL}/shrinking"]["facts"]["ctc_wer"] > 0
    assert rows["alignment-2"]["facts"]["start"] == rows["alignment-1"]["facts"]["weights"]
    (rules,) = [row for row in found["links"] if row["kind"] == "rules"]
    assert rules["facts"]["query"].startswith("SELECT cut_id")
    assert rows["encode/one"]["facts"]["keys"].endswith("made again")
    code, out, _ = soundwave(capsys, "why", work / "out" / "g" / CELL / "alignment")
    assert code == 0
    assert "FROM accepted WHERE split = 'train'" in out
    assert "broken" not in out and "8 whole" in out


def test_from_an_evaluation_a_run_a_plan_and_all_cells(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = work / "out"
    for place, kinds in {
        out / "g": KINDS,
        out / "evaluations" / "alignment-1-e.json": KINDS - {"row"},
        out / "runs" / "alignment-1" / "eval-train.json": KINDS - {"row"},
        out / "runs" / "alignment-1": KINDS - {"row", "evaluation"},
        work / "mixtures" / "two": KINDS - {"row", "evaluation", "run"},
    }.items():
        code, found = asked(capsys, place)
        assert (code, {row["kind"] for row in found["links"]}) == (0, kinds), place
        assert {row["state"] for row in found["links"]} == {"whole"}, place


def test_a_run_on_other_texts_says_which_and_what_the_catalog_has(
    work: Path, capsys: pytest.CaptureFixture[str], stage_values: Callable[..., dict[str, Any]]
) -> None:
    plan, run = work / "mixtures" / "told", work / "apart" / "told"
    text = "CASE WHEN cut_id = 'one-01' THEN 'press it' END AS text"
    query = f"SELECT cut_id, task AS domain, {text} FROM accepted WHERE split = 'train' AND task = 'asr'"
    values = {"name": "told", "stage": "alignment", "query": query, "shares": {"asr": 1.0}, "unit": "samples"}
    values |= {"budget": 12, "max_repeats": 8, "batch": {"seconds": 4}, "window": 2, "seed": 0}
    lock = make_plan(Mixture.model_validate(values), work / "catalog", plan)
    train(StageSettings(**stage_values("alignment", steps=2)), plan=plan, output=run)
    code, found = asked(capsys, run)
    (link,) = [row for row in found["links"] if row["kind"] == "plan"]
    with connect(work / "catalog") as con:
        own = con.execute("SELECT text FROM cuts WHERE cut_id = 'one-01'").fetchall()[0][0]
    assert (code, link["state"], link["facts"]["relabelled"], lock.relabelled) == (0, "whole", 1, 1)
    assert link["facts"]["texts"] == [{"cut_id": "one-01", "text": "press it", "own": own}]
    _, out, _ = soundwave(capsys, "why", run)
    assert f"told trains one-01 on 'press it', not {own!r}" in " ".join(out.split())
    rows = pq.read_table(plan / "plan.parquet").to_pylist()
    changed = [row | {"trained_text": row["trained_text"] and "press that"} for row in rows]
    pq.write_table(pa.Table.from_pylist(changed, schema=arrow_schema("plans")), plan / "plan.parquet")
    code, found = asked(capsys, run)
    assert code == 1 and ("plan", "told") in states(found, "broken"), "a text that was changed later"


def edit(path: Path, **values: Any) -> None:
    """Change a JSON record on purpose: without its seal."""
    found = json.loads(path.read_text())
    found.pop("seal", None)
    path.write_text(json.dumps(found | values))


def other_seed(work: Path) -> None:
    path = work / RUNS / "alignment-1" / "run.json"
    edit(path, settings=json.loads(path.read_text())["settings"] | {"seed": 4})


def other_draw(work: Path) -> None:
    """A ledger with another cut in one draw, whose record says so."""
    run = work / RUNS / "alignment-1"
    rows = pq.read_table(run / "ledger.parquet").to_pylist()
    rows[0]["cut_id"] = "stranger"
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema("ledger")), run / "ledger.parquet")
    files = json.loads((run / "run.json").read_text())["files"]
    edit(run / "run.json", files=files | {"ledger.parquet": written(run / "ledger.parquet").row()})


def swap_plan(work: Path) -> None:
    for name in ("plan.parquet", "lock.json"):
        shutil.copy(work / "mixtures" / "two" / name, work / "out" / "plans" / "k1" / name)


def other_query(work: Path) -> None:
    for folder in (work / "out" / "plans" / "k1", *(work / "out" / "runs").iterdir()):
        edit(folder / "lock.json", query="SELECT cut_id, 'x' AS domain FROM cuts")


def other_labels(work: Path) -> None:
    """Labels with other values, whose record says so: damage of which no checksum tells."""
    folder = work / "labels" / "encode" / "one"
    path = next(folder.glob("labels-*.parquet"))
    rows = pq.read_table(path)
    values = pa.array([41.0] * len(rows))
    pq.write_table(rows.set_column(rows.schema.get_field_index("value"), "value", values), path)
    files = json.loads((folder / "pass.json").read_text())["files"]
    edit(folder / "pass.json", files=files | {path.name: written(path).row()})


def other_text(work: Path) -> None:
    path = work / "corpora" / "one" / "cuts.jsonl.gz"
    rows = list(read_jsonl(path))
    rows[3]["supervisions"][0]["text"] = "something else"
    write_jsonl(path, rows)


def other_row(work: Path) -> None:
    path = work / "out" / "g" / "results.jsonl"
    path.write_text(path.read_text().replace('"hours": 0.1', '"hours": 0.2'))


def other_figure(work: Path) -> None:
    edit(work / "out" / "evaluations" / "alignment-1-e.json", ctc_wer=0.01)


def another_build(work: Path) -> None:
    damage._write_corpus(work / "corpora" / "three", "three", cuts=4)
    build(work / "corpora", work / "labels", work / "catalog")


def other_part(work: Path) -> None:
    """A part with other rows whose index says so, but for the digests."""
    index = json.loads((work / "catalog" / "catalog.json").read_text())
    part = next(row for row in index["parts"] if row["table"] == "cuts")
    path = work / "catalog" / part["path"]
    rows = pq.read_table(path)
    pq.write_table(rows.slice(0, len(rows) - 1), path)
    part |= written(path).row()
    edit(work / "catalog" / "catalog.json", parts=index["parts"])


CHANGES: dict[str, tuple[Change, dict[str, str]]] = {
    "a lock on purpose": (lambda w: edit(w / "out/plans/k1/lock.json", seed=99), {"plan": "`seed` of its lock"}),
    "a lock by accident": (
        lambda w: (w / "out/plans/k1/lock.json").write_text((w / "out/plans/k1/lock.json").read_text() + " 1"),
        {"plan": "lock.json"},
    ),
    "a plan": (
        lambda w: shutil.copy(w / "mixtures/two/plan.parquet", w / "out/plans/k1"),
        {"plan": "against its lock"},
    ),
    "a plan with its lock": (swap_plan, {"plan": "the plan that the run was trained on"}),
    "the rules": (other_query, {"rules": "the query's fingerprint", "run": "lock.json has"}),
    "weights": (
        lambda w: damage._flip(w / RUNS / "alignment-1/final/adapters.safetensors", 3000),
        {"run": "adapters.safetensors is not what was written", "evaluation": "the weights that it was made with"},
    ),
    "weights that it began with": (
        lambda w: damage._flip(w / RUNS / "alignment-1/final/adapters.safetensors", 3000),
        {"run": "the weights of alignment-1, which it began with"},
    ),
    "settings of a run": (other_seed, {"run": "the key of settings"}),
    "settings that are none": (
        lambda w: edit(w / RUNS / "alignment-1/run.json", settings={"seed": "x"}),
        {"run": "its settings are none"},
    ),
    "a key": (lambda w: edit(w / RUNS / "alignment-1/run.json", key="0" * 64), {"run": "the key of settings"}),
    "a ledger": (lambda w: damage._flip(w / RUNS / "alignment-1/ledger.parquet", 900), {"run": "ledger.parquet"}),
    "a draw": (other_draw, {"plan": "the ledger of alignment-1 differs from it in 2 draws"}),
    "labels": (other_labels, {"labels": "its labels are other rows"}),
    "label settings": (
        lambda w: edit(w / "labels/encode/one/pass.json", settings={"speeds": [2.0]}),
        {"labels": "have keys of other settings"},
    ),
    "features": (
        lambda w: damage._flip(next((w / "labels/encode/one").glob("*.npy")), 200),
        {"labels": "is not what was written"},
    ),
    "a corpus": (other_text, {"corpus": "its cuts are other rows", "labels": "or of other rows than"}),
    "a catalog": (another_build, {"catalog": "the rows that the plan was drawn from"}),
    "a part of the catalog": (other_part, {"catalog": "has other rows"}),
    "a row": (other_row, {"row": "`hours`, against results.jsonl: found 0.1, expected 0.2"}),
    "an evaluation": (other_figure, {"row": "`ctc_wer`, against its evaluation"}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_changed_is_the_broken_link(work: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    change, expected = CHANGES[name]
    change(work)
    stage = "shrinking" if "began" in name else "alignment"
    code, found = asked(capsys, work / "out" / "g" / CELL / stage)
    broken = states(found, "broken")
    assert code == 1
    kinds = {kind for kind, _ in broken}
    assert kinds >= set(expected), broken
    for kind, said in expected.items():
        assert any(said in problem for (of, _), problems in broken.items() if of == kind for problem in problems), (
            broken
        )
    untouched = KINDS - {"row", "evaluation", "run", *expected}
    assert kinds.isdisjoint(untouched - {"rules"}), broken


def test_a_study_that_moved_is_whole_and_data_elsewhere_is_told(
    work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copytree(work, tmp_path / "moved")
    away = work.rename(work.with_name("away"))
    try:
        code, found = asked(capsys, tmp_path / "moved" / "out" / "g" / CELL)
        assert (code, found["whole"]) == (0, True)
        for name in ("catalog", "labels", "corpora"):
            (tmp_path / "moved" / name).rename(tmp_path / f"far-{name}")
        code, found = asked(capsys, tmp_path / "moved" / "out" / "g" / CELL / "alignment")
        assert code == 1
        assert {kind for kind, _ in states(found, "missing")} == {"catalog"}
        assert states(found, "broken") == {}
        places = [f"--{name}={tmp_path / f'far-{name}'}" for name in ("catalog", "labels", "corpora")]
        row = tmp_path / "moved" / "out" / "g" / CELL / "alignment"
        assert asked(capsys, row, *places)[1]["whole"]
        code, found = asked(capsys, row, places[0])
        assert set(states(found, "missing")) == {("labels", "encode/one"), ("corpus", "one")}
    finally:
        away.rename(work)


def test_what_an_earlier_version_did_not_write_down_is_unknown_not_broken(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for run in (work / "out" / "runs").iterdir():
        edit(run / "run.json", version=None, start=None, files={}, catalog=None, plan_folder=None)
    for path in (work / "out" / "evaluations").iterdir():
        value = json.loads(path.read_text())
        path.write_text(json.dumps({name: value[name] for name in value if name not in ("weights", "catalog")}))
    (work / "out" / "g" / "results.jsonl").unlink()
    code, found = asked(capsys, work / "out" / "g" / CELL)
    assert (code, states(found, "broken"), states(found, "missing")) == (0, {}, {})
    assert set(states(found, "unknown")) == {("run", "alignment-1"), ("run", "alignment-2")}
    # An evaluation of then has both fingerprints in its key.
    damage._flip(work / "out" / "runs" / "alignment-1" / "final" / "adapters.safetensors", 3000)
    code, found = asked(capsys, work / "out" / "g" / CELL / "alignment")
    assert "its key is of other ones" in str(states(found, "unknown")["evaluation", "alignment-1-e"])


def test_what_is_no_result_is_refused_with_what_is_near(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in {
        (work / "nowhere",): "No such result",
        (work / "corpora",): "is none of: results of a grid",
        (work / "out" / "g", "--cell", "full-100%-seed4"): f"nearest: {CELL}",
        (work / "out" / "g" / "ful-100%-seed3"): f"nearest: {CELL}",
        (work / "out" / "g", "--cell", CELL, "--stage", "sft"): "has no stage 'sft'. It has alignment, shrinking",
        (work / "out" / "g" / "grid.json",): "is no evaluation",
    }.items():
        code, out, err = soundwave(capsys, "why", *(words if isinstance(words, tuple) else (words,)))
        assert (code, out) == (2, ""), words
        assert said in err, err


def test_a_run_that_was_stopped_is_told_as_far_as_it_is(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = work / "out" / "runs" / "alignment-2"
    edit(run / "run.json", status="running", step=1, files={})
    (run / "final" / "adapters.safetensors").unlink()
    code, found = asked(capsys, run)
    assert code == 0
    assert "it stopped at step 1 of 2" in str(states(found, "unknown")["run", "alignment-2"])


def test_the_short_chain_has_the_same_links_and_marks(work: Path) -> None:
    row = next(row for row in read_jsonl(work / "out" / "g" / "results.jsonl") if row["last"])
    links = why(work / "out" / "g" / CELL)
    short = told(work / "out" / "g", row)
    assert [link.kind for link in short] == ["row", "evaluation", "run", "plan", "rules", "catalog"]
    for link in short:
        same = [one for one in links if (one.kind, one.name) == (link.kind, link.name) or one.kind == "rules"]
        facts = {name: value for name, value in link.facts.items() if name in ("key", "plan", "fingerprint", "mixture")}
        assert any(facts.items() <= one.facts.items() for one in same), link
        assert link.state == "whole"
    (work / "out" / "runs" / "alignment-2" / "run.json").unlink()
    (work / "out" / "plans" / "k1" / "lock.json").write_text("{")
    assert {link.kind: link.state for link in told(work / "out" / "g", row)} == {
        "row": "whole", "evaluation": "whole", "run": "missing", "plan": "broken",
    }  # fmt: skip
