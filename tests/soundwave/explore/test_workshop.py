"""The workshop's plan is that of `mix plan`, and what it saves is a mixture."""

import json

import pytest
from typer.testing import CliRunner

from curation.plan import load_mixture, plan_schedule
from manifests.errors import MixtureError
from soundwave.cli import build_app


def mix_plan(own, *words):
    done = CliRunner().invoke(
        build_app(), ["mix", "plan", *map(str, words), "--catalog", str(own / "catalog"), "--json"]
    )
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def names(client):
    return client.get("/api/about").json()["mixtures"]


def two(client):
    return next(name for name in names(client) if name.endswith("two.yaml"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, []),
        (
            {"shares": {"low": 0.25, "high": 0.75}, "max_repeats": 4},
            ["shares.low=0.25", "shares.high=0.75", "max_repeats=4"],
        ),
        ({"budget": 4, "seed": 3}, ["budget=4", "seed=3"]),
    ],
)
def test_the_certificate_is_that_of_mix_plan(own, client_of, changes, words):
    client = client_of(own)
    name = two(client)
    shown = client.post("/api/plan", json={"name": name, "changes": changes}).json()
    sets = [word for pair in words for word in ("--set", pair)]
    assert shown["lock"] == mix_plan(own, name, "--output", own / "made", *sets)
    assert sum(row["cuts"] * row["uses"] for row in shown["uses"]) == shown["lock"]["draws"]


def test_what_cannot_be_had_is_told_with_what_can(reader, explored):
    changes = {"budget": 900}
    answer = reader.post("/api/plan", json={"name": two(reader), "changes": changes})
    with pytest.raises(MixtureError) as said:
        plan_schedule(load_mixture(explored / "mixtures" / "two.yaml", changes), explored / "catalog")
    assert answer.status_code == 422 and answer.json()["error"] == str(said.value)


def test_a_saved_mixture_gives_the_same_plan_and_replaces_nothing(own, client_of):
    client = client_of(own)
    name, changes = two(client), {"shares": {"low": 1, "high": 3}, "max_repeats": 4}
    shown = client.post("/api/plan", json={"name": name, "changes": changes}).json()["lock"]
    saved = client.post("/api/save", json={"name": name, "changes": changes, "save_as": "three"}).json()["path"]
    text = (own / "mixtures" / "three.yaml").read_text()
    assert saved == str(own / "mixtures" / "three.yaml") and "query: |" in text
    lock = mix_plan(own, saved)
    assert (lock["plan_sha256"], lock["mixture_sha256"], lock["name"]) == (
        shown["plan_sha256"],
        shown["mixture_sha256"],
        "three",
    )
    assert saved in names(client)
    again = client.post("/api/save", json={"name": name, "changes": {}, "save_as": "three"})
    assert again.status_code == 422 and "there already" in again.json()["error"]
    assert (own / "mixtures" / "three.yaml").read_text() == text


def test_it_saves_nowhere_else(own, client_of):
    client = client_of(own)
    before = sorted(own.rglob("*"))
    for save_as in ("../three", "a/b", "", ".hidden", "three\n"):
        answer = client.post("/api/save", json={"name": two(client), "changes": {}, "save_as": save_as})
        assert answer.status_code == 422 and "name" in answer.json()["error"]
        assert sorted(own.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("/etc/passwd", {}, "No mixture"),
        (None, {"query": "SELECT 1"}, "not changed here"),
        (None, {"select": "/etc/passwd"}, "not changed here"),
        (None, {"budget": "much"}, "budget"),
        (None, {"shares": {"low": -1}}, "share"),
        (None, ["budget"], "expected settings"),
    ],
)
def test_what_the_page_cannot_ask_for(reader, name, changes, said):
    answer = reader.post("/api/plan", json={"name": name or two(reader), "changes": changes})
    assert answer.status_code in (404, 422) and said in answer.json()["error"]
