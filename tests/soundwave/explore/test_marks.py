"""Marks of listeners: given on the page, kept as Parquet, a table in SQL."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.catalog import connect
from curation.catalog.reviews import mark_cut
from manifests.errors import ManifestError, SettingsError
from tests.soundwave.explore.explored import MIXTURE, SCRIPT


def marks(own):
    with connect(own / "catalog") as con:
        return con.execute("SELECT cut_id, mark, note, text FROM reviews ORDER BY ALL").fetchall()


def give(client, cut_id, mark, note="", **more):
    return client.post("/api/mark", json={"id": cut_id, "mark": mark, "note": note} | more)


def test_a_mark_is_a_row_in_sql_and_in_the_table(own, client_of):
    client = client_of(own)
    assert marks(own) == []
    assert give(client, "prompts-01", "wrong_text", "a 'tag' \u202e").status_code == 200
    assert give(client, "prompts-00", "ok").status_code == 200
    assert marks(own) == [
        ("prompts-00", "ok", None, "press one to listen now"),
        ("prompts-01", "wrong_text", "a 'tag' \u202e", SCRIPT),
    ]
    rows = client.post("/api/cuts", json={"filter": {"where": "mark = 'wrong_text'"}}).json()["rows"]
    assert [(row["cut_id"], row["mark"]) for row in rows] == [("prompts-01", "wrong_text")]
    counted = client.post("/api/facets", json={}).json()["facets"]["mark"]
    assert {row["value"]: row["cuts"] for row in counted} == {"ok": 1, "wrong_text": 1, None: 6}
    assert client.get("/api/cut", params={"id": "prompts-01"}).json()["review"][0]["mark"] == "wrong_text"


def test_a_later_mark_takes_the_place_of_the_first_and_may_be_taken_away(own, client_of):
    client = client_of(own)
    for mark in ("ok", "bad_audio"):
        give(client, "prompts-00", mark)
        assert [row[1] for row in marks(own)] == [mark]
        assert client.get("/api/cut", params={"id": "prompts-00"}).json()["review"][0]["mark"] == mark
    give(client, "prompts-00", None)
    assert marks(own) == [] and client.get("/api/cut", params={"id": "prompts-00"}).json()["review"] == []


def test_what_is_no_mark_leaves_nothing(own, client_of):
    client = client_of(own)
    for cut_id, mark, note, said in (
        ("prompts-00", "fine", "", "expected one of"),
        ("prompts-00", "ok", "x" * 2001, "at most 2,000"),
        ("nobody", "ok", "", "no cut"),
    ):
        answer = give(client, cut_id, mark, note)
        assert answer.status_code in (404, 422) and said in answer.json()["error"]
    assert not (own / "reviews").exists()


def test_a_right_text_goes_with_a_wrong_one(own, client_of):
    client = client_of(own)
    assert give(client, "prompts-00", "wrong_text", right_text="  press two to <b>listen</b> ").status_code == 200
    for mark, text, said in (("ok", "press two", "expected wrong_text"), ("wrong_text", "x" * 2001, "at most 2,000")):
        answer = give(client, "prompts-01", mark, right_text=text)
        assert answer.status_code == 422 and said in answer.json()["error"]
    with connect(own / "catalog") as con:
        found = con.execute("SELECT cut_id, text, right_text FROM reviews").fetchall()
    assert found == [("prompts-00", "press one to listen now", "press two to <b>listen</b>")]
    shown = client.get("/api/cut", params={"id": "prompts-00"}).json()["review"][0]
    assert shown["right_text"] == "press two to <b>listen</b>"
    give(client, "prompts-00", "wrong_text")
    with connect(own / "catalog") as con:
        assert con.execute("SELECT right_text FROM reviews").fetchall() == [(None,)], "taken away again"


def test_marks_of_an_earlier_version_are_read_and_kept(own):
    mark_cut(own / "catalog", "prompts-00", "ok")
    path = own / "reviews" / "reviews.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["right_text"]), path)
    with connect(own / "catalog") as con:
        assert con.execute("SELECT cut_id, mark, right_text FROM reviews").fetchall() == [("prompts-00", "ok", None)]
    mark_cut(own / "catalog", "prompts-01", "wrong_text", right_text="press two")
    with connect(own / "catalog") as con:
        found = con.execute("SELECT cut_id, right_text FROM reviews ORDER BY cut_id").fetchall()
    assert found == [("prompts-00", None), ("prompts-01", "press two")]


def test_a_file_of_something_else_is_left_alone(own):
    path = own / "reviews" / "reviews.parquet"
    path.parent.mkdir()
    pq.write_table(pa.table({"mine": [1]}), path)
    before = path.read_bytes()
    with pytest.raises(ManifestError, match=r"no table of marks.*mine"):
        mark_cut(own / "catalog", "prompts-00", "ok")
    assert path.read_bytes() == before
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(ManifestError, match="damaged"):
        mark_cut(own / "catalog", "prompts-00", "ok")
    assert path.read_bytes() == b"PAR1 and no more"


def test_marks_are_no_part_of_what_plans_are_made_of(own):
    from curation.catalog import catalog_fingerprint

    before = catalog_fingerprint(own / "catalog")
    mark_cut(own / "catalog", "prompts-00", "ok")
    assert catalog_fingerprint(own / "catalog") == before
    assert [path.name for path in (own / "reviews").iterdir()] == ["reviews.parquet"], "nothing half-written is left"


def test_marks_given_at_once_are_all_kept(own):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: mark_cut(own / "catalog", f"prompts-{number:02d}", "ok"), range(8)))
    assert len(marks(own)) == 8


def test_a_mark_of_another_word_is_refused(own):
    with pytest.raises(SettingsError, match="wrong_label"):
        mark_cut(own / "catalog", "prompts-00", "OK")


def test_a_mixture_that_leaves_out_what_was_marked_is_planned_anew(own):
    from curation.plan import load_mixture, make_plan

    query = MIXTURE["query"] + "AND cut_id NOT IN (SELECT cut_id FROM Reviews WHERE mark <> 'ok')"
    mixture = load_mixture(own / "mixtures" / "two.yaml", {"query": query})
    plan = own / "mixtures" / "two"
    candidates = []
    for mark in (None, "ok", "bad_audio"):
        mark_cut(own / "catalog", "prompts-00", mark)
        candidates.append(make_plan(mixture, own / "catalog", plan).domains["low"].candidates)
    assert candidates == [3, 3, 2]
