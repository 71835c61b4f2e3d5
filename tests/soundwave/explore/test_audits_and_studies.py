"""Audits with their rows, and studies with what stands behind a point."""

from pathlib import Path

import pytest

from curation.audit import run_audits
from soundwave.explore.studies import points
from soundwave.report.outcome import GridResult


def test_audits_count_as_the_command_does(reader, explored):
    listed = {audit["name"] for audit in reader.get("/api/audits").json()}
    said = {found.name: found for found in run_audits(explored / "catalog", only=["text_rate", "duration_rule"])}
    assert set(said) <= listed
    for name, found in said.items():
        shown = reader.get("/api/audit", params={"name": name}).json()
        assert (shown["rows"], shown["hours"], shown["severity"]) == (found.rows, found.hours, found.severity)


def test_rows_of_an_audit_worst_first_in_pages(reader):
    whole = reader.get("/api/found", params={"name": "duration_rule"}).json()
    assert len(whole) == 7 and all(row["text"] and row["cut_id"] for row in whole)
    pages = [
        reader.get("/api/found", params={"name": "duration_rule", "first": n, "rows": 3}).json() for n in (0, 3, 6)
    ]
    assert [row["cut_id"] for page in pages for row in page] == [row["cut_id"] for row in whole]


def test_no_such_audit(reader):
    for path in ("audit", "found"):
        answer = reader.get(f"/api/{path}", params={"name": "../secret"})
        assert answer.status_code == 422 and "No audit" in answer.json()["error"]


def test_a_study_has_points_with_bands_and_claims(reader):
    study, _ = reader.get("/api/studies").json()
    assert (study["grid"], study["metric"], study["better"]) == ("ladder", "ctc_wer", "lower")
    points = [(p["hours"], p["value"], p["low"], p["high"]) for p in study["points"] if p["outcome"] == "ctc_wer"]
    assert points == [
        (0.15, 0.5, pytest.approx(0.45), pytest.approx(0.55)),
        (0.3, 0.35, pytest.approx(0.3), pytest.approx(0.4)),
    ]
    assert study["claims"] and all(isinstance(sentence, str) for sentence in study["claims"])
    assert study["points"][0]["runs"][0]["run"] == "alignment-full", "as SQL has it"


def test_from_a_point_to_its_run_and_plan(reader):
    found = reader.get("/api/run", params={"run": "alignment-full"}).json()
    assert (found["run"]["run"], found["plan"]) == ("alignment-full", "p1")
    assert [(row["domain"], row["ctc_loss"]) for row in found["losses"]] == [("low", 4.0), ("low", 3.0), ("low", 2.0)]
    assert reader.get("/api/run", params={"run": "nothing"}).status_code == 404
    assert reader.get("/api/clips", params={"grid": "ladder", "cell": "x", "outcome": "ctc_wer"}).json() == []


def test_a_catalog_alone_has_no_studies(explored, client_of):
    client = client_of(explored / "catalog")
    assert client.get("/api/studies").json() == [] and client.get("/api/about").json()["studies"] == 0
    assert client.post("/api/cuts", json={}).json()["cuts"] == 8


def test_a_stage_that_an_arm_trains_again_is_a_line_of_its_own():
    row = {"arm": "a", "fraction": 1.0, "seed": 7, "hours": 0.1, "run": "r", "cell": "c", "plan": "p"}
    rows = [
        row | {"stage": "alignment", "position": place, "ctc_wer": value, "ctc_wer_low": value, "ctc_wer_high": value}
        for place, value in ((1, 0.5), (2, 0.4))
    ]
    grid = GridResult("g", Path("g"), {"metric": "ctc_wer"}, rows)
    assert [(point["series"], point["value"]) for point in points(grid, "ctc_wer", lambda rows: [])] == [
        ("a, alignment", 0.5),
        ("a, alignment again", 0.4),
    ]
