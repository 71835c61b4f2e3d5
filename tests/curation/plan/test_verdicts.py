"""One verdict: a cut that any labelling pass refused is not a candidate, and a plan that draws one is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.catalog import build, connect
from curation.plan import check_plan, check_verdicts, make_plan
from curation.plan.mixture import Mixture
from manifests.digests import SEAL
from manifests.errors import MixtureError, StaleError
from manifests.plans import Lock, read_lock
from manifests.reasons import Reason
from manifests.schema import arrow_schema
from manifests.settings import check_settings
from tests.curation.synthetic_catalog import cut, mono_cut, text_row, write_catalog, write_corpus_lines

EVERY = {
    "stage": "sft",
    "unit": "samples",
    "budget": 8,
    "shares": {"all": 1.0},
    "max_repeats": 9,
    "batch": {"seconds": 4},
    "window": 2,
    "seed": 1,
}


def reject(cut_id: str, step: str, reason: str = "pass_failed", **more: Any) -> dict[str, Any]:
    return {"cut_id": cut_id, "corpus": "syn", "pass": step, "reason": reason, "detail": f"of {step}"} | more


def mark(cut_id: str, step: str) -> dict[str, Any]:
    return {"pass": step, "cut_id": cut_id, "name": "score", "value": -1.0, "text": None}


def plan(catalog: Path, view: str) -> tuple[Lock, set[str]]:
    """A plan of all rows of a view, made anew or kept, and the cuts that it draws."""
    asked = check_settings(Mixture, EVERY | {"query": f"SELECT cut_id, 'all' AS domain FROM {view}"}, where="test")
    folder = catalog.parent / "plans" / view
    lock = make_plan(asked, catalog, folder)
    return lock, set(pq.read_table(folder / "plan.parquet")["cut_id"].to_pylist())


def accepted(catalog: Path) -> set[str]:
    with connect(catalog) as con:
        return {cut_id for (cut_id,) in con.execute("SELECT cut_id FROM accepted").fetchall()}


@pytest.mark.parametrize("step", ["quality", "align", "encode", "tag", "somebody_elses"])
def test_what_any_pass_refused_is_neither_drawn_nor_trained(tmp_path: Path, step: str) -> None:
    catalog = write_catalog(
        tmp_path / "catalog",
        [cut("good"), cut("bad")],
        rejects=[reject("bad", step), reject("bad", step, "too_long")],
        labels=[mark("good", step)],
    )
    lock, drawn = plan(catalog, "accepted")
    assert drawn == {"good"} and lock.passes == [step] and not lock.notes
    check_verdicts(tmp_path / "plans" / "accepted", catalog)
    lock, drawn = plan(catalog, "cuts")
    assert drawn == {"good", "bad"} and lock.passes == []
    assert [note.partition(":")[0] for note in lock.notes] == [f"the pass {step} refused 1 of the candidates"]
    with pytest.raises(MixtureError) as caught:
        check_verdicts(tmp_path / "plans" / "cuts", catalog)
    said = str(caught.value)
    assert f"1 cuts in 4 draws (by pass: {step} 1)" in said
    assert f"bad: {step}, pass_failed (of {step})" in said and "`accepted`" in said and "mix plan" in said


def test_the_first_draws_are_named_and_all_are_counted(tmp_path: Path) -> None:
    cuts = [cut(f"c{number}") for number in range(9)]
    rejects = [reject(f"c{number}", step) for number in range(7) for step in ("align", "encode")[: 1 + number % 2]]
    catalog = write_catalog(tmp_path / "catalog", cuts, rejects=rejects)
    plan(catalog, "cuts")
    order = pq.read_table(tmp_path / "plans" / "cuts" / "plan.parquet").to_pylist()
    bad = [row["cut_id"] for row in order if row["cut_id"] in {f"c{number}" for number in range(7)}]
    aligned = set(bad)
    with pytest.raises(MixtureError) as caught:
        check_verdicts(tmp_path / "plans" / "cuts", catalog)
    said = str(caught.value)
    encoded = {cut_id for cut_id in aligned if int(cut_id[1:]) % 2}
    assert f"{len(aligned)} cuts in {len(bad)} draws (by pass: align {len(aligned)}, encode {len(encoded)})" in said
    assert bad[0] in said and said.count("\n  c") == 5


@pytest.mark.parametrize("step", ["prepare", "catalog", "segment"])
def test_a_reject_of_what_makes_rows_says_nothing_of_the_row_that_was_kept(tmp_path: Path, step: str) -> None:
    catalog = write_catalog(tmp_path / "catalog", [cut("twice")], rejects=[reject("twice", step, "bad_row")])
    lock, drawn = plan(catalog, "cuts")
    assert drawn == accepted(catalog) == {"twice"} and lock.passes == []
    check_verdicts(tmp_path / "plans" / "cuts", catalog)


@pytest.mark.parametrize("reason", ["not_speech", "text_missing", "unsupported_language"])
def test_a_pass_that_is_not_for_a_row_has_not_refused_it(tmp_path: Path, reason: str) -> None:
    """`label align` meets every sound and every language: mixtures keep them."""
    assert reason in set(Reason)
    catalog = write_catalog(
        tmp_path / "catalog", [cut("bark", task="sound")], rejects=[reject("bark", "align", reason)]
    )
    lock, drawn = plan(catalog, "cuts")
    assert drawn == accepted(catalog) == {"bark"} and lock.passes == []
    check_verdicts(tmp_path / "plans" / "cuts", catalog)


def test_rows_that_no_pass_has_seen_are_accepted(tmp_path: Path) -> None:
    """Text-only rows, and corpora that a pass has not run on."""
    catalog = write_catalog(
        tmp_path / "catalog",
        [cut("seen"), cut("refused"), cut("unseen", corpus="other"), text_row("text")],
        labels=[mark("seen", "align"), mark("seen", "quality")],
        rejects=[reject("refused", "align")],
    )
    lock, drawn = plan(catalog, "accepted")
    assert drawn == {"seen", "unseen", "text"} and lock.passes == ["align", "quality"]
    assert plan(write_catalog(tmp_path / "bare" / "catalog", [cut("one")]), "accepted")[0].passes == []


def test_the_lock_names_the_passes_that_it_went_by_though_another_refused(tmp_path: Path) -> None:
    catalog = write_catalog(
        tmp_path / "catalog",
        [cut("good"), cut("bad")],
        labels=[mark("good", name) for name in ("quality", "align", "encode")],
        rejects=[reject("bad", "encode")],
    )
    assert plan(catalog, "cuts")[0].passes == ["align", "quality"]
    assert plan(catalog, "accepted")[0].passes == ["align", "encode", "quality"]


def test_a_lock_from_before_opens_and_its_plan_is_made_again_the_same(tmp_path: Path) -> None:
    """Then `accepted` meant accepted by the pass quality; where nothing else was refused no byte of the plan moves."""
    catalog = write_catalog(tmp_path / "catalog", [cut("a"), cut("b")], labels=[mark("a", "quality")])
    before, _ = plan(catalog, "accepted")
    path = tmp_path / "plans" / "accepted" / "lock.json"
    values = json.loads(path.read_text())
    del values["passes"], values[SEAL]
    path.write_text(json.dumps(values))
    assert read_lock(path.parent).passes is None
    assert check_plan(path.parent, catalog).plan_sha256 == before.plan_sha256
    check_verdicts(path.parent, catalog)
    after, _ = plan(catalog, "accepted")
    assert after == before and read_lock(path.parent).passes == ["quality"]


def write_align(root: Path, key: str, refused: list[str]) -> None:
    """A finished pass whose current shard is `key`; the shards of earlier settings stay on disk."""
    folder = root / "labels" / "align" / "syn"
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist([reject(cut_id, "align") for cut_id in refused], schema=arrow_schema("rejects"))
    pq.write_table(table, folder / f"rejects-{key}.parquet")
    (folder / "pass.json").write_text(json.dumps({"shards": [key]}))


def test_only_the_current_settings_of_a_pass_count_and_a_rerun_makes_the_plan_stale(tmp_path: Path) -> None:
    write_corpus_lines(tmp_path / "corpora" / "syn", [mono_cut("syn-a"), mono_cut("syn-b"), mono_cut("syn-c")])
    places = (tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    write_align(tmp_path, "strict", ["syn-a", "syn-b"])
    build(*places)
    assert plan(tmp_path / "catalog", "accepted")[1] == {"syn-c"}
    write_align(tmp_path, "mild", ["syn-c"])
    check_plan(tmp_path / "plans" / "accepted", tmp_path / "catalog")  # the catalog does not know of it yet
    build(*places)
    with pytest.raises(StaleError, match="has changed since"):
        check_plan(tmp_path / "plans" / "accepted", tmp_path / "catalog")
    assert accepted(tmp_path / "catalog") == {"syn-a", "syn-b"}
    with pytest.raises(MixtureError, match="syn-c: align"):
        check_verdicts(tmp_path / "plans" / "accepted", tmp_path / "catalog")
    assert plan(tmp_path / "catalog", "accepted")[1] == {"syn-a", "syn-b"}
