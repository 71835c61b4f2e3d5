"""The paper's published tables: their contradictions find themselves, and its mixtures are the tables' numbers."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import yaml

from curation.audit import AUDITS, run_paper_audits
from curation.catalog import connect
from curation.catalog.views import PAPER
from curation.plan.mixture import MIXTURES, load_mixture, temperature_shares
from tests.curation.synthetic_catalog import cut, write_catalog


def table(name: str) -> list[dict[str, str]]:
    with (PAPER / f"{name}.csv").open() as stream:
        return list(csv.DictReader(stream))


def test_each_of_the_six_contradictions_is_found() -> None:
    found = {finding.name: {row["subject"]: row["found"] for row in finding.examples} for finding in run_paper_audits()}
    assert set(found) == {path.stem for path in (AUDITS / "paper").glob("*.sql")}
    assert found["paper_mean_duration"]["Europarl-ASR (asr, stage I)"].startswith("2.10 s a clip")
    assert found["paper_left_out"]["Fisher"].startswith("Table 2 leaves it out")
    assert found["paper_left_out"]["text QA"].startswith("Table 10 leaves it out")
    assert found["paper_sums"] == {"unique (text)": "the rows add up to 9856.55 h, the paper prints 9856.91 h"}
    assert set(found["paper_disagreements"]) == {"Fisher", "MuST-C"}
    assert set(found["paper_excluded"]) == {"IEMOCAP", "MELD"}
    assert found["paper_temperature"]["T = 6"] == "the printed formula sums to 2.65"
    assert "T = 1" not in found["paper_temperature"]


def test_the_temperature_table_is_reproduced_to_the_printed_digit() -> None:
    sizes = {row["task"]: float(row["samples"]) for row in table("task_groups")}
    for row in table("temperature"):
        shares = temperature_shares(sizes, float(row["temperature"]))
        assert {name: f"{100 * share:.1f}" for name, share in shares.items()} == {name: row[name] for name in sizes}


@pytest.mark.parametrize(("stage", "percent"), [(1, 1.47), (2, 1.17), (3, 8.92)])
def test_the_sound_shares_of_hours(tmp_path: Path, stage: int, percent: float) -> None:
    write_catalog(tmp_path, [cut("a", duration=30.0), cut("s", duration=10.0, task="sound")])
    with connect(tmp_path) as con:
        rows = con.execute(f"SELECT share, paper_stage_{stage} FROM ratio_to_paper() WHERE task = 'sound'").fetchall()
    assert rows[0][0] == pytest.approx(0.25)
    assert round(100 * rows[0][1], 2) == percent


def test_the_papers_mixtures_ask_for_the_tables_hours() -> None:
    asked = yaml.safe_load((MIXTURES.folder / "paper" / "alignment.yaml").read_text(encoding="utf-8"))[
        "shares"
    ].values()
    first = [one["share"] if isinstance(one, dict) else one for one in asked]  # two are pairs of sound and speech
    assert sorted(first) == sorted(float(row["hours"]) for row in table("stage_1"))
    assert sum((load_mixture("paper/alignment").shares or {}).values()) == pytest.approx(sum(first))
    third: dict[str, float] = {}
    for row in table("stage_3"):
        third[row["task"]] = third.get(row["task"], 0.0) + float(row["hours"])
    shares = dict(load_mixture("paper/sft").shares or {})
    shares["sound"] = shares.pop("sound/vocal") + shares.pop("sound/scene")
    assert shares == pytest.approx(third)
    second = load_mixture("paper/shrinking").temperature
    assert second is not None
    assert (second.start, second.add_per_epoch) == (1, 5)
