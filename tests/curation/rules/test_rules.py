"""Rules of cleaning: in a mixture's plan, told one by one of a cut, and as a funnel."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from curation.catalog import connect
from curation.plan import funnel, load_mixture, make_plan
from curation.plan.mixture import Mixture
from curation.rules import PAPER, create_rules, read_rules, rules_text
from manifests.errors import QueryError, SettingsError
from manifests.settings import check_settings
from soundwave.cli import build_app
from tests.curation.synthetic_catalog import cut, text_row, write_catalog

RULES = """-- setting: wer_below = 0.5
SELECT cut_id, {'value': duration, 'kept': duration <= 30} AS short_enough,
  {'value': wer, 'kept': wer < getvariable('wer_below')} AS wer_below
FROM cuts LEFT JOIN (SELECT cut_id, value AS wer FROM labels WHERE pass = 'agree' AND name = 'wer') USING (cut_id)
"""
MIXTURE = {
    "stage": "alignment",
    "query": "SELECT cut_id, task AS domain FROM accepted SEMI JOIN kept USING (cut_id)",
    "rules_query": RULES,
    "unit": "samples",
    "budget": 2,
    "shares": {"asr": 1},
    "max_repeats": 4,
    "batch": {"seconds": 60},
}


def wer(cut_id: str, value: float) -> dict[str, object]:
    return {"pass": "agree", "cut_id": cut_id, "name": "wer", "value": value}


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    return write_catalog(
        tmp_path / "catalog",
        [
            cut("good", duration=5.0),
            cut("worse", duration=5.0),
            cut("long", duration=31.0),
            cut("unheard", duration=5.0),
            cut("refused", duration=5.0),
            text_row("question"),
        ],
        labels=[wer("good", 0.05), wer("worse", 0.4), wer("long", 0.0), wer("refused", 0.0)],
        rejects=[{"cut_id": "refused", "corpus": "syn", "pass": "quality", "reason": "silent", "detail": ""}],
    )


def mixture(**changes: object) -> Mixture:
    return check_settings(Mixture, MIXTURE | changes, where="test")


@pytest.mark.parametrize(("bound", "drawn"), [({}, {"good", "worse"}), ({"wer_below": 0.1}, {"good"})])
def test_a_number_of_a_rule_decides_what_is_drawn(
    catalog: Path, tmp_path: Path, bound: dict[str, float], drawn: set[str]
) -> None:
    lock = make_plan(mixture(rule=bound), catalog, tmp_path / "plan")
    assert set(pq.read_table(tmp_path / "plan" / "plan.parquet")["cut_id"].to_pylist()) == drawn
    assert lock.settings["rules_query"] == RULES and lock.settings.get("rule", {}) == bound


def test_another_number_is_another_mixture_and_no_rules_are_what_they_were() -> None:
    assert mixture().sha256 != mixture(rule={"wer_below": 0.1}).sha256
    plain = mixture(rules_query=None, query="SELECT cut_id, domain FROM cuts")
    assert not {"rules", "rules_query", "rule"} & set(plain.stated(exclude=set()))


def test_a_funnel_counts_what_each_rule_leaves(catalog: Path) -> None:
    rows = {row["step"]: row for row in funnel(mixture(rule={"wer_below": 0.1}), catalog)}
    assert [(step, row["cuts"]) for step, row in rows.items()] == [
        ("catalog", 6),
        ("accepted", 5),
        ("short_enough", 4),
        ("wer_below", 1),
        ("query", 1),
    ]
    assert rows["short_enough"]["lost_hours"] == pytest.approx(31 / 3600)
    assert rows["query"]["hours"] == pytest.approx(5 / 3600)


def test_rules_may_have_any_name(catalog: Path) -> None:
    names = ["it's", "accepted", "query", "left_1", "select"]
    rules = ", ".join(f"{{'value': 1, 'kept': duration < {30 - at}}} AS \"{name}\"" for at, name in enumerate(names))
    rows = funnel(mixture(rules_query=f"SELECT cut_id, {rules} FROM cuts"), catalog)
    assert [row["step"] for row in rows] == ["catalog", "accepted", *names, "query"]
    assert [row["cuts"] for row in rows] == [6, 5, 4, 4, 4, 4, 4, 4]


def test_a_mixture_without_rules_has_a_funnel_too(catalog: Path) -> None:
    plain = mixture(rules_query=None, query="SELECT cut_id, task AS domain FROM accepted WHERE duration > 10")
    assert [(row["step"], row["cuts"]) for row in funnel(plain, catalog)] == [
        ("catalog", 6),
        ("accepted", 5),
        ("query", 1),
    ]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("SELECT cut_id FROM cuts", "found the columns cut_id, expected cut_id and rules"),
        ("SELECT cut_id, duration < 3 AS short FROM cuts", "no rules: short"),
        ("SELECT {'value': 1, 'kept': true} AS x FROM cuts", "found the columns x"),
        ("SELECT cut_id, {'value': 1, 'kept': true} AS x FROM cuts, range(2)", "more than once"),
        ("SELECT cut_id, nothing FROM cuts", "nothing"),
        ("DROP TABLE cuts", "expected one SELECT"),
        ("-- setting: x = y\nSELECT 1", "expected `-- setting: name = number`"),
    ],
)
def test_what_is_no_file_of_rules_is_said(catalog: Path, tmp_path: Path, rules: str, said: str) -> None:
    with pytest.raises(QueryError, match=said):
        make_plan(mixture(rules_query=rules), catalog, tmp_path / "plan")
    assert not (tmp_path / "plan").exists()


def test_a_setting_that_no_rule_reads_is_said(catalog: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no rule reads the setting wer\. Known settings: wer_below"):
        make_plan(mixture(rule={"wer": 0.1}), catalog, tmp_path / "plan")
    with pytest.raises(SettingsError, match="there is no `rules`"):
        mixture(rules_query=None, rule={"wer": 0.1})


def test_the_papers_rules_judge_speech_and_keep_the_rest(tmp_path: Path) -> None:
    said = "a" * 40
    catalog = write_catalog(
        tmp_path / "catalog",
        [
            cut("fits", duration=5.0, text=said),
            cut("wrong", duration=5.0, text=said),
            cut("short", duration=2.9, text=said),
            cut("long", duration=30.1, text=said),
            cut("wordy", duration=30.0, text=" ".join(["a"] * 201)),
            cut("slow", duration=10.0, text="abcd"),
            cut("noise", duration=1.0, text=None, task="sound"),
            text_row("question", text="why"),
        ],
        labels=[wer("fits", 0.09), wer("wrong", 0.1)],
    )
    rules = read_rules(rules_text(PAPER), "paper", {})
    with connect(catalog) as con:
        assert create_rules(con, rules, {})[0] == "wer_below"
        kept = {row[0] for row in con.execute("FROM kept").fetchall()}
    assert kept == {"fits", "noise", "question"}
    with connect(catalog) as con:
        create_rules(con, rules, {"without_wer": "drop", "max_seconds": 31, "frames_per_character": 1000})
        assert {row[0] for row in con.execute("FROM kept").fetchall()} == {"fits", "noise", "question"}
    with connect(catalog) as con:
        create_rules(con, rules, {"max_words": 201, "min_seconds": 0, "wer_below": 0.2})
        kept = {row[0] for row in con.execute("FROM kept").fetchall()}
    assert kept == {"fits", "wrong", "short", "wordy", "noise", "question"}


def test_the_files_of_rules_are_found_as_the_query_is(tmp_path: Path) -> None:
    values = {key: value for key, value in MIXTURE.items() if key != "rules_query"}
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(values | {"rules": "paper.sql"}), encoding="utf-8")
    assert load_mixture(tmp_path / "m.yaml").rules_query == rules_text(PAPER)
    (tmp_path / "own.sql").write_text(RULES, encoding="utf-8")
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(values | {"rules": "own.sql"}), encoding="utf-8")
    assert load_mixture(tmp_path / "m.yaml").rules_query == RULES
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(values | {"rules": "../own.sql"}), encoding="utf-8")
    with pytest.raises(SettingsError, match="expected a file in"):
        load_mixture(tmp_path / "m.yaml")


def soundwave(*words: str) -> str:
    return CliRunner().invoke(build_app(), words, catch_exceptions=False).output


def refused(*words: str) -> str:
    with pytest.raises((SettingsError, QueryError)) as raised:
        CliRunner().invoke(build_app(), words, catch_exceptions=False)
    return str(raised.value)


def test_every_verdict_on_a_cut_is_told(catalog: Path, tmp_path: Path) -> None:
    (tmp_path / "own.sql").write_text(RULES, encoding="utf-8")
    words = ("audit", "--catalog", str(catalog), "--rules", str(tmp_path / "own.sql"), "--json")
    told = json.loads(soundwave(*words, "--explain", "worse", "--set", "wer_below=0.1"))
    assert {(row["kind"], row["name"], row["verdict"]) for row in told} >= {
        ("rule", "short_enough", "kept"),
        ("rule", "wer_below", "dropped"),
        ("label", "agree.wer", ""),
    }
    assert next(row["found"] for row in told if row["name"] == "wer_below") == 0.4
    told = json.loads(soundwave(*words, "--explain", "refused"))
    assert ("pass", "quality", "refused") in {(row["kind"], row["name"], row["verdict"]) for row in told}
    told = json.loads(soundwave(*words, "--explain", "long"))
    assert ("audit", "duration_rule") in {(row["kind"], row["name"]) for row in told}


def test_the_command_says_what_it_cannot_do(catalog: Path, tmp_path: Path) -> None:
    where = ("audit", "--catalog", str(catalog))
    assert "has no cut 'goood'. The nearest: good" in refused(*where, "--explain", "goood")
    assert "--explain is about a cut" in refused(*where, "--explain", "good", "--funnel", "alignment")
    assert "Neither rules nor audits have the setting x" in refused(*where, "--explain", "good", "--set", "x=1")
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(MIXTURE), encoding="utf-8")
    assert "no rule reads the setting x" in refused(*where, "--funnel", str(tmp_path / "m.yaml"), "--set", "x=1")


def test_the_rule_held_out_leaves_out_what_a_held_out_text_says(tmp_path: Path) -> None:
    said = {
        "spoken-1": {"text": "Keep this, please!"},
        "spoken-2": {"text": "Nobody is measured by this."},
        "spoken-3": {"text": "keep THIS please", "language": "en-GB"},
        "spoken-4": {"text": "Keep this please", "language": "de"},  # another language's words
        "spoken-5": {"text": "...", "language": None},  # no words at all
        "spoken-6": {"text": None, "task": "sound"},
        "spoken-7": {"text": "heard in dev", "language": None},
        "real-1": {"text": "keep this please", "split": "test"},
        "real-2": {"text": "Heard in dev.", "split": "dev"},
        "real-3": {"text": "!", "split": "test"},
    }
    cuts = [cut(name, **facts) for name, facts in said.items()]
    catalog = write_catalog(tmp_path / "catalog", [*cuts, text_row("asked", text="keep this please")])
    rules = read_rules(rules_text(Path("held_out.sql")), "held_out.sql", {})
    with connect(catalog) as con:
        assert create_rules(con, rules, {}) == ["not_held_out"]
        left_out = con.execute(
            "SELECT cut_id, not_held_out.value FROM verdicts ANTI JOIN kept USING (cut_id) ORDER BY ALL"
        )
        assert left_out.fetchall() == [
            ("asked", "real-1"),
            ("spoken-1", "real-1"),
            ("spoken-3", "real-1"),
            ("spoken-7", "real-2"),
        ]


def test_a_mixture_takes_the_rule_held_out_by_its_name(tmp_path: Path) -> None:
    cuts = [cut("a", text="seen"), cut("b", text="new"), cut("c", text="Seen.", split="test")]
    catalog = write_catalog(tmp_path / "catalog", cuts)
    settings = {name: value for name, value in MIXTURE.items() if name != "rules_query"} | {"rules": "held_out.sql"}
    settings["query"] = f"{settings['query']} WHERE split = 'train'"
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    make_plan(load_mixture(str(tmp_path / "m.yaml")), catalog, tmp_path / "plan")
    assert set(pq.read_table(tmp_path / "plan" / "plan.parquet")["cut_id"].to_pylist()) == {"b"}
