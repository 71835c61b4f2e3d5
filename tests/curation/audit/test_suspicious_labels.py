"""Labels that training did not come to believe: SQL, audit, label pass, and the rule that leaves them out."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation.audit import run_audits
from curation.catalog import build, connect
from curation.catalog.runs import find_runs
from curation.passes import make_pass
from curation.passes.runner import run_pass
from curation.plan import make_plan
from curation.plan.mixture import load_mixture
from manifests.errors import InputError, MissingFileError, SettingsError
from manifests.files import write_json
from manifests.plans import PLAN
from manifests.settings import Override
from tests.curation.catalog.study_folders import write_study_run
from tests.curation.synthetic_catalog import cut, mono_cut, write_catalog, write_corpus_lines

PASSES, CUTS = 6, 24
WRONG = {"syn-03", "syn-08"}
Loss = Callable[[int, str], float]


def usual(turn: int, cut_id: str) -> float:
    """Falls with every pass, but not of a wrong transcript."""
    return (4.0 if cut_id in WRONG else 4.0 / (turn + 1)) + int(cut_id[-2:]) / 1000


def ledger(loss: Loss = usual, passes: int = PASSES) -> list[dict[str, Any]]:
    ids = [f"syn-{number:02d}" for number in range(CUTS)]
    return [
        {"step": turn * CUTS + place, "cut_id": cut_id, "domain": "asr", "ctc_loss": loss(turn, cut_id), "frames": 9}
        for turn in range(passes)
        for place, cut_id in enumerate(ids)
    ]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """corpora/syn, catalog, and out/runs/one, of which one more cut was used but once."""
    lines = [mono_cut(f"syn-{number:02d}", text=f"number {number}") for number in range(CUTS + 1)]
    write_corpus_lines(tmp_path / "corpora" / "syn", lines)
    facts = {"name": "syn", "title": "Syn", "license": "CC0-1.0", "makers": "the tests"}
    write_json(
        tmp_path / "corpora" / "syn" / "corpus.json",
        facts | {"cuts": CUTS + 1, "texts": 0, "rejects": 0, "hours": 0.01},
    )
    build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    once = {"step": 1, "cut_id": f"syn-{CUTS}", "domain": "asr", "ctc_loss": 40.0, "frames": 9}
    write_study_run(tmp_path / "out", "one", [*ledger(), once])
    return tmp_path


def audit(root: Path, **settings: float) -> tuple[set[str], list[dict[str, Any]]]:
    runs = find_runs([root / "out" / "runs"])
    (found,) = run_audits(root / "catalog", runs=runs, only=["suspicious_labels"], settings=settings, examples=99)
    assert found.rows == len(found.examples)
    return {row["cut_id"] for row in found.examples}, found.examples


def test_the_audit_finds_planted_labels_and_says_why(root: Path) -> None:
    found, rows = audit(root)
    assert found == WRONG
    assert rows[0]["cut_id"] == "syn-08"  # the higher loss
    assert rows[0]["found"].endswith(" times as high as is usual, 6 uses: number 8")
    assert audit(root, least_times=1e6)[0] == set()
    assert audit(root, least_uses=1)[0] == {*WRONG, f"syn-{CUTS}"}
    (nothing,) = run_audits(root / "catalog", only=["suspicious_labels"])  # without runs
    assert nothing.rows == 0


def test_losses_over_passes(root: Path) -> None:
    with connect(root / "catalog", runs=find_runs([root / "out" / "runs"])) as con:
        row = con.execute("SELECT uses, losses, fell FROM cut_losses WHERE cut_id = 'syn-00'").fetchone()
        assert row == (PASSES, [4.0, 2.0, 4 / 3, 1.0, 0.8, 4 / 6], pytest.approx(5 / 6))
        times = dict(con.execute("SELECT cut_id, times_usual FROM suspicion() WHERE uses > 1").fetchall())
    assert set(times) == {f"syn-{number:02d}" for number in range(CUTS)}
    assert all((value > 1.5) == (cut_id in WRONG) for cut_id, value in times.items())


def test_several_runs_are_pooled_and_each_is_held_against_itself(root: Path) -> None:
    """A run that never learnt anything makes no label suspicious."""
    write_study_run(root / "out", "stuck", ledger(lambda turn, cut_id: 90.0))
    assert audit(root, least_times=1.3)[0] == WRONG


def test_a_letter_must_be_further_off_than_a_sentence(tmp_path: Path) -> None:
    """Losses are means over tokens: of one token they are far off by chance."""
    texts = {f"syn-{number:02d}": "a sentence of some words" for number in range(CUTS)} | {"syn-03": "r"}
    write_catalog(tmp_path / "catalog", [cut(name, text=text) for name, text in texts.items()])
    write_study_run(tmp_path / "out", "one", ledger())
    with connect(tmp_path / "catalog", runs=find_runs([tmp_path / "out" / "runs"])) as con:
        times = dict(con.execute("SELECT cut_id, times_usual FROM suspicion()").fetchall())
        weights = dict(con.execute("SELECT DISTINCT cut_id, weight FROM losses").fetchall())
    assert times["syn-08"] > 3 > 1.5 > times["syn-03"] > 1
    assert (weights["syn-08"], weights["syn-03"]) == (1.0, (1 / 24) ** 0.5)


def test_a_ledger_that_a_kill_cut_off_counts_up_to_there(root: Path) -> None:
    run = write_study_run(root / "out", "killed", None)
    rows = [row | {"run": "killed"} for row in ledger(passes=3)]
    (run / "ledger.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"run": "killed", "st')
    write_study_run(root / "out", "without", None)
    with connect(root / "catalog", runs=find_runs([root / "out" / "runs"])) as con:
        query = "SELECT runs, uses FROM suspicion() WHERE cut_id = 'syn-03'"
        assert con.execute(query).fetchone() == (2, PASSES + 3)
    assert audit(root)[0] == WRONG


def label(root: Path, runs: str | None = None) -> Any:
    job = make_pass("suspicion", {"runs": runs or str(root / "out" / "runs")})
    return run_pass(job, root / "corpora" / "syn", root / "labels", workers=0)


def plan(root: Path, **rule: float) -> set[str]:
    """The cuts of a plan whose mixture has the rule."""
    asked = {"stage": "alignment", "query": "SELECT cut_id, task AS domain FROM kept JOIN cuts USING (cut_id)"}
    asked |= {"rules": "suspicious.sql", "unit": "samples", "epochs": 1, "shares": {"asr": 1}, "batch": {"seconds": 9}}
    path = root / "m.yaml"
    path.write_text(json.dumps(asked))
    mixture = load_mixture(path, [Override(f"rule.{name}", value, "--set") for name, value in rule.items()])
    make_plan(mixture, root / "catalog", root / "plan", aside=True)
    with connect(None, plans=root) as con:
        return {row[0] for row in con.execute("SELECT cut_id FROM plans WHERE plan = 'plan'").fetchall()}


def test_the_pass_brings_them_into_the_catalog_and_a_rule_leaves_them_out(root: Path) -> None:
    summary = label(root)
    assert (summary.labelled, summary.rejected) == (CUTS + 1, 0)
    build(root / "corpora", root / "labels", root / "catalog")
    every = {f"syn-{number:02d}" for number in range(CUTS + 1)}
    assert plan(root) == every - WRONG
    assert plan(root, times_below=1e6) == every
    assert plan(root, least_uses=1) == every - WRONG - {f"syn-{CUTS}"}


def test_what_a_recogniser_hears_too_stays(root: Path) -> None:
    label(root)
    folder = root / "labels" / "agree" / "syn"
    folder.mkdir(parents=True)
    import pyarrow as pa
    import pyarrow.parquet as pq

    from manifests.schema import arrow_schema

    rows = [{"pass": "agree", "cut_id": "syn-03", "name": "wer", "value": 0.0, "text": None}]
    rows += [{"pass": "agree", "cut_id": "syn-08", "name": "wer", "value": 0.5, "text": None}]
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema("labels")), folder / "labels-k.parquet")
    write_json(folder / "pass.json", {"shards": ["k"]})
    build(root / "corpora", root / "labels", root / "catalog")
    assert "syn-03" in plan(root) and "syn-08" not in plan(root)
    assert "syn-08" in plan(root, wer_keeps=0.5)
    assert "syn-03" not in plan(root, wer_keeps=-1)


def test_labels_follow_the_runs_not_their_places(root: Path) -> None:
    """The same runs elsewhere: nothing is made again; another run: all is."""
    first = label(root)
    (root / "out").rename(root / "moved")
    again = label(root, str(root / "moved" / "runs"))
    assert again.shards_reused == again.shards == first.shards
    assert json.loads((again.folder / "pass.json").read_text())["settings"] == {"runs": ["key-one"]}
    write_study_run(root / "moved", "two", ledger())
    assert label(root, str(root / "moved" / "runs")).shards_reused == 0


@pytest.mark.parametrize(
    ("runs", "error", "said"),
    [("", SettingsError, "needs runs to read"), ("nowhere", MissingFileError, "neither a run nor a folder of runs")],
)
def test_runs_that_are_none_are_refused(root: Path, runs: str, error: type[InputError], said: str) -> None:
    with pytest.raises(error, match=said):
        job = make_pass("suspicion", {"runs": runs})
        job.check()


def test_a_row_that_breaks_the_contract_is_a_reject_and_stops_nothing(root: Path) -> None:
    path = root / "corpora" / "syn" / "cuts.jsonl.gz"
    with gzip.open(path, "at") as stream:
        stream.write('{"id": "odd", "type": "MonoCut"}\n')
    summary = label(root)
    assert (summary.labelled, summary.rejected) == (CUTS + 1, 1)


def test_a_plan_has_its_mixtures_rule_in_the_lock(root: Path) -> None:
    label(root)
    build(root / "corpora", root / "labels", root / "catalog")
    plan(root, times_below=3)
    lock = json.loads((root / "plan" / "lock.json").read_text())
    assert lock["settings"]["rule"] == {"times_below": 3}
    assert (root / "plan" / PLAN).is_file()
