"""Pages, filters, facets, and SQL that does more than read."""

import pytest

from soundwave.explore.one_cut import sounds_in
from tests.soundwave.explore.explored import SCRIPT, SOUNDS


def ids(client, **asked):
    answer = client.post("/api/cuts", json=asked)
    assert answer.status_code == 200, answer.text
    return [row["cut_id"] for row in answer.json()["rows"]]


def test_pages_hold_every_cut_once_and_say_how_many_there_are(reader):
    pages = [reader.post("/api/cuts", json={"rows": 3, "first": first}).json() for first in (0, 3, 6, 9)]
    assert [len(page["rows"]) for page in pages] == [3, 3, 2, 0]
    assert {page["cuts"] for page in pages} == {8}
    assert pages[0]["hours"] == pytest.approx(8 * 1.5 / 3600)
    assert sorted(row["cut_id"] for page in pages for row in page["rows"]) == [f"prompts-{n:02d}" for n in range(8)]


def test_a_row_has_its_labels(reader):
    (row,) = reader.post("/api/cuts", json={"filter": {"text": "prompts-05"}}).json()["rows"]
    assert (row["quality_snr"], row["split"], row["duration"], row["text"]) == (
        5.0,
        "train",
        1.5,
        "press one to listen now",
    )


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"text": "<SCRIPT>"}, ["prompts-01"]),
        ({"text": "%"}, []),
        ({"where": "split = 'test'"}, ["prompts-06", "prompts-07"]),
        ({"where": "quality_snr >= 7"}, ["prompts-07"]),
        ({"where": "quality_snr >= 5 -- and more\n"}, ["prompts-05", "prompts-06", "prompts-07"]),
        ({"where": "mark IS NOT NULL"}, []),
        ({"where": "cut_id IN (SELECT cut_id FROM rejects)"}, ["prompts-07"]),
        ({"among": {"language": [None]}}, ["prompts-02"]),
        ({"among": {"language": ["en", None], "split": ["test"]}}, ["prompts-06", "prompts-07"]),
        ({"among": {"corpus": ["x' OR true --"]}}, []),
        ({"between": {"quality_snr": [2, 3]}}, ["prompts-02", "prompts-03"]),
        ({"between": {"quality_snr": [None, 0.5]}, "where": "duration > 1"}, ["prompts-00"]),
        ({"plan": "nothing"}, []),
    ],
)
def test_filters(reader, asked, found):
    assert sorted(ids(reader, filter=asked)) == found


def test_a_plan_is_a_filter(reader):
    (plan,) = reader.get("/api/about").json()["plans"]
    drawn = reader.get("/api/cut", params={"id": "prompts-00"}).json()["draws"]
    assert ("prompts-00" in ids(reader, filter={"plan": plan})) is bool(drawn)
    assert set(ids(reader, filter={"plan": plan})) <= {f"prompts-{n:02d}" for n in range(6)}


@pytest.mark.parametrize("order", ["quality_snr", "cut_id"])
def test_sorted_by_a_column(reader, order):
    upwards, downwards = (ids(reader, order=order, down=down) for down in (False, True))
    assert upwards == sorted(upwards) and downwards == upwards[::-1] and len(upwards) == 8
    assert ids(reader, order=order, down=True, first=1, rows=2) == ["prompts-06", "prompts-05"]


@pytest.mark.parametrize(
    "where",
    [
        "true); DROP TABLE cuts; SELECT (1",
        "true; SELECT 1",
        "1 IN (SELECT content FROM read_text('/etc/passwd'))",
        "cut_id IN (SELECT name FROM glob('/*'))",
        "getenv('HOME') = 'x'",
        "nowhere = 1",
        "(SELECT",
    ],
)
def test_sql_that_is_no_condition_or_does_more_than_read_is_refused(reader, where):
    for path in ("cuts", "facets"):
        answer = reader.post(f"/api/{path}", json={"filter": {"where": where}})
        assert answer.status_code == 422 and "filter" in answer.json()["error"], answer.text
    assert len(ids(reader)) == 8


@pytest.mark.parametrize(
    "body",
    [
        {"filter": {"unknown": 1}},
        {"filter": []},
        {"filter": {"among": {"manifest": ["x"]}}},
        {"filter": {"between": {"text": [0, 1]}}},
        {"order": "manifest"},
        {"order": 3},
        {"rows": "many"},
        {"first": None},
    ],
)
def test_a_request_that_the_page_does_not_make_is_told_why(reader, body):
    body = body if body != {"filter": []} else {"filter": [1]}
    answer = reader.post("/api/cuts", json=body)
    assert answer.status_code == 422 and answer.json()["error"]


def test_facets_count_all_cuts_and_those_that_a_filter_leaves(reader):
    found = reader.post("/api/facets", json={"filter": {"where": "quality_snr >= 4"}}).json()
    assert found["facets"]["split"] == [
        {"value": "train", "all": 6, "cuts": 2},
        {"value": "test", "all": 2, "cuts": 2},
    ]
    assert found["facets"]["language"] == [{"value": "en", "all": 7, "cuts": 4}, {"value": None, "all": 1, "cuts": 0}]
    snr = found["histograms"]["quality_snr"]
    assert (snr["low"], sum(snr["all"]), sum(snr["cuts"])) == (0.0, 8, 4)
    assert "duration" not in found["histograms"], "all are 1.5 s long: there is nothing to choose"


def test_one_cut_has_all_that_is_known_of_it(reader):
    found = reader.get("/api/cut", params={"id": "prompts-01"}).json()
    assert found["cut"]["text"] == SCRIPT and "manifest" not in found["cut"]
    assert [word["symbol"] for word in found["words"]] == ["press", "one", "to", "listen", "now"]
    assert found["labels"] == [{"pass": "quality", "name": "snr", "value": 1.0, "text": None}]
    assert [(row["run"], row["step"], row["ctc_loss"]) for row in found["losses"]] == [
        ("alignment-full", step, 4.0 - step) for step in range(3)
    ]
    assert found["review"] == [] and found["rejects"] == []
    refused = reader.get("/api/cut", params={"id": "prompts-07"}).json()["rejects"]
    assert refused == [{"pass": "align", "reason": "no_speech", "detail": "a tone"}]


def test_sounds_have_the_times_of_their_supervisions(reader):
    found = reader.get("/api/cut", params={"id": "prompts-03"}).json()
    assert found["cut"]["sound"] == ["Dog", "Rain", "Dog"]
    assert [(one["name"], one["start"], pytest.approx(one["duration"])) for one in found["sounds"]] == list(SOUNDS)
    assert reader.get("/api/cut", params={"id": "prompts-01"}).json()["sounds"] == []


WHOLE = {"name": "Rain", "start": 0.0, "duration": 4.0}
DOG = {"name": "Dog", "start": 1.0, "duration": 0.5}


@pytest.mark.parametrize(
    ("row", "labels", "expected"),
    [
        ({"supervisions": [{"start": 0, "duration": 4.0, "custom": {"sound": ["Rain"]}}]}, ["Rain"], [WHOLE]),
        ({"supervisions": [{"custom": {"sound": ["Rain"]}}]}, ["Rain"], [WHOLE]),
        ({"supervisions": [{"start": 1.0, "duration": 0.5, "custom": {"sound": ["Dog"]}}]}, ["Dog"], [DOG]),
        ({"custom": {"sound_times": [["Dog", 1.0, 0.5]]}}, ["Dog", "Rain"], [WHOLE, DOG]),
        ({"custom": {"sound_times": [["Dog", 1.0], 3, None]}}, ["Rain"], [WHOLE]),
        ({"custom": {"sound_times": "Dog"}}, ["Rain"], [WHOLE]),
        ({"supervisions": [{"start": 3.0, "duration": 9, "custom": {"sound": ["Dog"]}}]}, ["Dog"],
         [{"name": "Dog", "start": 3.0, "duration": 1.0}]),
        ({"type": "MixedCut", "tracks": [
            {"type": "MonoCut", "offset": 0.5, "cut": {"supervisions": [
                {"start": 0.5, "duration": 0.5, "custom": {"sound": ["Dog"]}}]}}, 7]}, ["Dog"], [DOG]),
        ({}, [], []),
    ],
)  # fmt: skip
def test_times_of_sounds_come_of_supervisions_tracks_or_imports(row, labels, expected):
    assert sounds_in(row, 4.0, labels) == expected


def test_verdicts_are_those_of_audit_explain(reader, explored):
    from curation.audit.explain import explain_cut
    from curation.rules import PAPER, read_rules, rules_text

    rules = read_rules(rules_text(PAPER), str(PAPER), {})
    said = explain_cut(explored / "catalog", "prompts-07", rules)
    shown = reader.get("/api/verdicts", params={"id": "prompts-07"}).json()
    assert [row["name"] for row in shown] == [row["name"] for row in said if row["kind"] != "label"]
    assert {"kind": "pass", "name": "align", "verdict": "refused", "found": "no_speech: a tone"} in shown


def test_a_cut_that_is_not_there(reader):
    for path in ("cut", "sound"):
        answer = reader.get(f"/api/{path}", params={"id": "../../etc/passwd"})
        assert answer.status_code == 404 and "no cut" in answer.json()["error"]
