"""Texts that a mixture gives in place of the catalog's: in the plan, its lock, what readers read; and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.catalog import build, connect
from curation.catalog.reviews import mark_cut
from curation.catalog.studies import find_studies
from curation.plan import check_plan, make_plan
from curation.plan.diff import diff_plans
from curation.plan.mixture import load_mixture
from curation.reader import PlanReader
from curation.reader.kept import keep
from curation.reader.rows import lhotse_cuts, with_rows
from curation.reader.windows import CatalogRows
from manifests.errors import MixtureError, QueryError
from manifests.files import write_json
from manifests.plans import read_lock
from tests.curation.plan.test_plan import PAIRS, mixture, some_cuts
from tests.curation.synthetic_catalog import cut, mono_cut, write_catalog, write_corpus_lines

OTHER = "CASE WHEN cut_id IN ('a003', 's001') THEN 'right words' END"
FILES = ("plan.parquet", "lock.json")


def asked(text: str, **changes: Any):
    return mixture(query=f"SELECT cut_id, task AS domain, {text} AS text FROM cuts", **changes)


def made(catalog: Path, folder: Path, of: Any) -> tuple[Any, list[dict[str, Any]]]:
    return make_plan(of, catalog, folder), pq.read_table(folder / "plan.parquet").to_pylist()


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty cuts of speech, thirty of translated speech and forty questions, with words of three of them."""
    words = [
        {"cut_id": name, "backend": "one", "position": n, "symbol": word, "start": n / 2, "duration": 0.25}
        for name in ("a003", "a004", "s001")
        for n, word in enumerate(("some", "words"))
    ]
    return write_catalog(tmp_path_factory.mktemp("relabel") / "catalog", some_cuts(), words=words)


@PAIRS
@given(
    seed=st.integers(0, 99),
    given_text=st.sampled_from(["text", "NULL", "CAST(NULL AS INTEGER)", "coalesce(NULL, text)", "text || ''"]),
)
def test_without_another_text_the_plan_is_the_same_bit_for_bit(tmp_path_factory, catalog, seed, given_text) -> None:
    folder = tmp_path_factory.mktemp("plans")
    plain, _ = made(catalog, folder / "plain", mixture(seed=seed))
    told, _ = made(catalog, folder / "told", asked(given_text, seed=seed))
    assert (folder / "plain" / FILES[0]).read_bytes() == (folder / "told" / FILES[0]).read_bytes()
    assert plain.plan_sha256 == told.plan_sha256
    assert told.relabelled is None and "relabelled" not in json.loads((folder / "told" / FILES[1]).read_text())
    assert plain.notes == told.notes


@PAIRS
@given(seed=st.integers(0, 99), chosen=st.sets(st.integers(0, 59), min_size=1))
def test_other_texts_change_the_texts_and_the_fingerprint_and_no_draw(tmp_path_factory, catalog, seed, chosen) -> None:
    folder = tmp_path_factory.mktemp("plans")
    names = [f"a{n:03}" for n in sorted(chosen)]
    listed = ", ".join(f"'{name}'" for name in names)
    plain, rows = made(catalog, folder / "plain", mixture(seed=seed))
    told, others = made(
        catalog, folder / "told", asked(f"CASE WHEN cut_id IN ({listed}) THEN 'say ' || cut_id END", seed=seed)
    )
    drawn = {row["cut_id"] for row in rows} & set(names)
    assert (plain.plan_sha256 == told.plan_sha256) == (not drawn)
    assert told.relabelled == (len(drawn) or None)
    texts = [row.pop("trained_text", None) for row in others]
    assert others == rows
    assert texts == [f"say {row['cut_id']}" if row["cut_id"] in drawn else None for row in rows]


def test_a_plan_with_texts_says_so_and_sql_reads_it_beside_one_without(tmp_path: Path, catalog: Path) -> None:
    lock, _ = made(catalog, tmp_path / "plans" / "told", asked(OTHER, max_repeats=9, budget=900 / 3600))
    made(catalog, tmp_path / "plans" / "plain", mixture())
    assert lock.relabelled == 2 == read_lock(tmp_path / "plans" / "told").relabelled
    assert any("2 cuts are trained on another text" in note for note in lock.notes)
    assert check_plan(tmp_path / "plans" / "told", catalog) == lock
    sql = (
        "SELECT DISTINCT plan, cut_id, trained_text, cuts.text FROM plans JOIN cuts USING (cut_id) "
        "WHERE trained_text IS NOT NULL ORDER BY ALL"
    )
    with connect(catalog, studies=find_studies([tmp_path / "plans"])) as con:
        found = con.execute(sql).fetchall()
        locks = con.execute("SELECT plan, relabelled FROM locks ORDER BY plan").fetchall()
        assert locks == [("plain", None), ("told", 2)]
        assert con.execute("SELECT text FROM plans JOIN cuts USING (cut_id) LIMIT 1").fetchall() == [("some words",)]
    assert found == [("told", name, "right words", "some words") for name in ("a003", "s001")]


def test_every_reader_reads_the_new_text_and_no_word_of_the_old_one(tmp_path: Path, catalog: Path) -> None:
    lock, _ = made(catalog, tmp_path / "told", asked(OTHER, max_repeats=9, budget=900 / 3600))
    texts, words = {}, {}
    for batch, pairs in with_rows(iter(PlanReader(tmp_path / "told")), catalog, words=True):
        assert len(pairs) == len(batch.draws)
        for draw, row in pairs:
            texts[draw.cut_id], words[draw.cut_id] = row["text"], row["words"]
    expected = {name: "right words" if name in ("a003", "s001") else text for name, text in texts.items()}
    assert texts == expected and {"a003", "s001", "a004"} <= texts.keys()
    assert words["a003"] is None and words["s001"] is None and len(words["a004"]) == 2
    for place in (None, tmp_path / "kept"):  # what the trainer reads: in memory, and from files
        with CatalogRows(catalog, names=("cut_id", "duration", "text"), words=True) as rows:
            kept = keep(rows, lock, tmp_path / "told", place)
        found = kept.of_draws(0, lock.draws).rows(0, lock.draws)
        assert {row["cut_id"]: row["text"] for row in found} == expected
        assert {row["cut_id"]: len(row["words"]) for row in found if row["cut_id"] in ("a003", "s001", "a004")} == {
            "a003": 0,
            "s001": 0,
            "a004": 2,
        }


def test_lhotse_cuts_have_the_new_text_alone(tmp_path: Path) -> None:
    rows = [mono_cut("syn-a"), mono_cut("syn-b")]
    (said,) = rows[0]["supervisions"]
    said["alignment"] = {"word": [["some", 0.1, 0.2, None]]}
    rows[0]["supervisions"] = [{**said, "duration": 0.5}, {**said, "id": "two", "start": 0.5, "duration": 0.5}]
    write_corpus_lines(tmp_path / "corpora" / "syn", rows)
    catalog = tmp_path / "catalog"
    build(tmp_path / "corpora", tmp_path / "labels", catalog)
    of = asked("CASE WHEN cut_id = 'syn-a' THEN 'right words' END", shares={"asr": 1}, unit="samples", budget=2)
    made(catalog, tmp_path / "told", of)
    cuts = {found.id: found for found in lhotse_cuts(tmp_path / "told")}
    assert [one.text for one in cuts["syn-a"].supervisions] == ["right words", None]
    assert all(not one.alignment for one in cuts["syn-a"].supervisions)
    assert [one.text for one in cuts["syn-b"].supervisions] == ["some words"]


@pytest.mark.parametrize(
    ("query", "error", "said"),
    [
        ("SELECT cut_id, task AS domain, '  ' AS text FROM cuts", QueryError, "'a' an empty text"),
        (
            "SELECT cut_id, 'x' AS domain, 'one' AS text FROM cuts UNION ALL SELECT cut_id, 'y', 'two' FROM cuts",
            QueryError,
            "'a' 2 texts",
        ),
        (
            "SELECT cut_id, 'x' AS domain, 'one' AS text FROM cuts UNION ALL SELECT cut_id, 'y', NULL FROM cuts",
            QueryError,
            "'a' 2 texts",
        ),
        ("SELECT cut_id, task AS domain, 'other' AS text FROM cuts", MixtureError, "1 cuts of dev or test"),
    ],
)
def test_what_is_no_text_for_a_cut_is_refused_before_anything_is_written(tmp_path, query, error, said) -> None:
    catalog = write_catalog(tmp_path / "catalog", [cut("a"), cut("b", split="test")])
    of = mixture(query=query, shares={"asr": 1} if "UNION" not in query else {"x": 1, "y": 1}, unit="samples", budget=1)
    with pytest.raises(error, match=said):
        make_plan(of, catalog, tmp_path / "p")
    assert not (tmp_path / "p").exists()


def test_a_new_text_that_is_tested_on_is_told(tmp_path: Path) -> None:
    catalog = write_catalog(tmp_path / "catalog", [cut("a"), cut("b", split="test", text="Turn left, now!")])
    of = mixture(
        query="SELECT cut_id, task AS domain, 'turn LEFT now' AS text FROM cuts WHERE split = 'train'",
        **{"shares": {"asr": 1}, "unit": "samples", "budget": 1},
    )
    assert any("also texts of dev or test" in note for note in make_plan(of, catalog, tmp_path / "p").notes)


@pytest.fixture
def marked(tmp_path: Path) -> Path:
    """Four prompts: one corrected by a listener, one marked ok, and two that a recogniser hears otherwise."""
    heard = {"a": ("by hand", 0.9, -9.0), "b": ("some birds", 0.5, -9.0), "c": ("some birds", 0.5, -9.0)}
    heard |= {"d": ("sum words", 0.5, -1.0)}
    labels = [
        {"pass": "agree", "cut_id": name, "name": key, "value": value, "text": text}
        for name, (said, wer, score) in heard.items()
        for key, value, text in (("heard", None, said), ("wer", wer, None), ("score", score, None))
    ]
    catalog = write_catalog(tmp_path / "catalog", [cut(name) for name in "abcd"], labels=labels)
    mark_cut(catalog, "a", "wrong_text", text="some words", right_text="what is said")
    mark_cut(catalog, "b", "ok")
    return catalog


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, {"a": "what is said"}),
        ({"by_listeners": 0}, {}),
        ({"heard_wer_from": 0.4}, {"a": "what is said", "c": "some birds", "d": "sum words"}),
        ({"heard_wer_from": 0.4, "heard_score_below": -5, "by_listeners": 0}, {"c": "some birds"}),
        ({"heard_wer_from": 0.95}, {"a": "what is said"}),
    ],
)
def test_corrected_texts_of_listeners_and_recognisers_are_an_axis(tmp_path, marked, rule, expected) -> None:
    values = {"stage": "alignment", "select": "corrected.sql", "unit": "samples", "epochs": 1, "shares": {"asr": 1}}
    write_json(tmp_path / "mine.yaml", values | {"batch": {"seconds": 4}})  # JSON is YAML
    lock, rows = made(marked, tmp_path / "p", load_mixture(tmp_path / "mine.yaml", {"rule": rule} if rule else {}))
    assert {row["cut_id"]: row["trained_text"] for row in rows if row.get("trained_text")} == expected
    plain, _ = made(marked, tmp_path / "plain", load_mixture(tmp_path / "mine.yaml", {"select": "alignment.sql"}))
    assert (lock.plan_sha256 == plain.plan_sha256) == (not expected)


def test_a_diff_counts_the_cuts_whose_text_is_another(tmp_path: Path, catalog: Path) -> None:
    made(catalog, tmp_path / "plain", mixture(max_repeats=9, budget=900 / 3600))
    made(catalog, tmp_path / "told", asked(OTHER, max_repeats=9, budget=900 / 3600))
    rows = [row for row in diff_plans(tmp_path / "plain", tmp_path / "told", catalog) if row.dimension == "text"]
    assert [(row.added, row.removed, row.change) for row in rows] == [(2, 0, 0.0)] and rows[0].hours_a > 0
    same = diff_plans(tmp_path / "told", tmp_path / "told", catalog)
    assert not any(row.dimension == "text" or row.added or row.removed for row in same)


def test_another_mark_makes_another_plan(tmp_path: Path, marked: Path) -> None:
    values = {"stage": "alignment", "select": "corrected.sql", "unit": "samples", "epochs": 1, "shares": {"asr": 1}}
    write_json(tmp_path / "mine.yaml", values | {"batch": {"seconds": 4}})
    of = load_mixture(tmp_path / "mine.yaml")
    first, _ = made(marked, tmp_path / "p", of)
    again, _ = made(marked, tmp_path / "p", of)
    mark_cut(marked, "a", "wrong_text", right_text="something else")
    other, rows = made(marked, tmp_path / "p", of)
    assert first.plan_sha256 == again.plan_sha256 != other.plan_sha256
    assert first.catalog_fingerprint == other.catalog_fingerprint, "the catalog is as it was"
    assert [row["trained_text"] for row in rows if row["cut_id"] == "a"] == ["something else"]
