"""The paper's mixtures can be planned, and draw what the paper has: a hundredth of the published size."""

import duckdb
import pytest

from benchmarks import paper_mixtures
from benchmarks.paper_mixtures import STAGES, Dataset, datasets, generate, plan, table

OTHERS = [  # that the paper's tables do not have
    Dataset("common_voice", "asr", 500_000, 1000.0),
    Dataset("europarl_st", "st", 500_000, 1000.0),
    Dataset("esc50", "sound", 200_000, 300.0),
    Dataset("own_questions", "qa", 50_000),
    Dataset("libritts_gender", "gender", 500_000, 1000.0),
]


@pytest.mark.parametrize("stage", STAGES)
def test_shares_are_those_of_the_papers_tables(stage, tmp_path, monkeypatch):
    own = datasets(stage)
    monkeypatch.setattr(paper_mixtures, "datasets", lambda _: [*own, *OTHERS])
    generate(tmp_path / "catalog", stage, 0.01)
    shares, _ = plan(tmp_path, stage, 0.01)
    groups = {name: [one for one in shares if one.stage == name] for name in dict.fromkeys(one.stage for one in shares)}
    assert list(groups) == (["shrinking 1", "shrinking 2"] if stage == "shrinking" else [stage])
    for found in groups.values():
        for total in ("planned", "realised", "published"):
            assert sum(getattr(one, total) for one in found) == pytest.approx(1.0)
        assert max(one.points for one in found) < 0.1, table(found)
    drawn = duckdb.connect().execute(
        f"SELECT DISTINCT regexp_extract(cut_id, '^([a-z0-9_]+)-', 1) FROM '{tmp_path / 'plan' / 'plan.parquet'}'"
    )
    corpora = {row[0] for row in drawn.fetchall()}
    assert corpora == {dataset.corpus for dataset in own}


def test_published_hours_add_up_to_the_papers_totals():
    """The paper's Table 3 says 9,856.91 h where its rows sum to 9,856.55; of these tables sum and total agree."""
    sums = {name: sum(paper_mixtures.PUBLISHED[name].values()) for name in ("alignment", "sft")}
    assert sums == {"alignment": pytest.approx(6857.97, abs=0.02), "sft": pytest.approx(5358.54, abs=0.02)}
    assert sum(one.samples for one in datasets("sft")) == pytest.approx(2_651_493, abs=5_000)
