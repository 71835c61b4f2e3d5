"""Plans of mixtures with folds."""

import pyarrow.parquet as pq
import pytest

from curation.catalog.folds import fold_splits
from curation.plan import Mixture, funnel, make_plan, plan_schedule
from manifests.errors import InputError
from tests.soundwave.ablation.small_catalog import cut, small_catalog

QUERIES = {
    "of the split train": "SELECT cut_id, domain FROM accepted WHERE split = 'train'",
    "of all there is": "SELECT cut_id, domain FROM cuts",
}
FOLDS = {"corpus": "prompts", "number": 3}


def mixture(query=QUERIES["of the split train"], **more):
    values = {"name": "m", "stage": "alignment", "query": query, "shares": {"asr": 1}, "unit": "samples", "epochs": 1}
    return Mixture(**values | {"batch": {"seconds": 6}} | more)


def drawn(folder):
    return set(pq.read_table(folder / "plan.parquet")["cut_id"].to_pylist())


@pytest.mark.parametrize("query", list(QUERIES))
def test_no_plan_draws_the_held_out_fold_or_what_is_linked_with_it(tmp_path, query):
    others = [cut(number, corpus="others", text=f"prompt number {number}") for number in range(14)]
    catalog = small_catalog(tmp_path, others=others)
    held = []
    for seed in (6, 7, 8):
        asked = mixture(QUERIES[query], folds=FOLDS, seed=seed)
        lock = make_plan(asked, catalog, tmp_path / f"plan-{seed}")
        found, splits = drawn(tmp_path / f"plan-{seed}"), fold_splits(catalog, asked.held_fold).splits
        out = {name for name, split in splits.items() if split == "test"}
        assert found == {f"{corpus}-{n:02d}" for corpus in ("prompts", "others") for n in range(14)} - {
            name.replace("prompts", corpus) for name in out for corpus in ("prompts", "others")
        }
        assert {name for name in found if name in ("prompts-12", "prompts-13")} != set()  # the catalog's test split
        assert any(
            f"fold {seed - 6} of 3 of prompts is held out: {len(out)} cuts, and {len(out)}" in n for n in lock.notes
        )
        held += out
    assert plan_schedule(asked, catalog)[1]["asr"].candidates == len(found)
    assert sum(row["cuts"] for row in funnel(asked, catalog) if row["step"] == "query") == len(found)
    assert sorted(held) == [f"prompts-{number:02d}" for number in range(14)]


def test_the_seed_or_the_setting_says_which_fold(tmp_path):
    assert mixture(folds=FOLDS, seed=7).held_fold.fold == 1
    assert mixture(folds=FOLDS | {"fold": 2}, seed=7).held_fold.fold == 2
    assert mixture(folds=FOLDS).sha256 != mixture().sha256
    catalog, place = small_catalog(tmp_path), tmp_path / "plan"
    first = make_plan(mixture(folds=FOLDS, seed=7), catalog, place)
    written = (place / "plan.parquet").stat().st_mtime_ns
    assert make_plan(mixture(folds=FOLDS, seed=7), catalog, place).plan_sha256 == first.plan_sha256
    assert (place / "plan.parquet").stat().st_mtime_ns == written  # a plan that is there is kept
    assert first.settings["folds"]["number"] == 3


def test_without_folds_a_mixture_is_what_it_was():
    query = "SELECT cut_id, domain FROM accepted WHERE split='train'"
    assert mixture(query, seed=7).sha256 == "12660caab64927d2b08110aad1414822c234282e46a0432b0f175d00adf43a12"
    assert "folds" not in mixture().stated(exclude=set())


def test_folds_that_cannot_be_had_are_said(tmp_path):
    catalog = small_catalog(tmp_path)
    with pytest.raises(InputError, match=r"of 'promts' \(nearest: prompts\)"):
        make_plan(mixture(folds={"corpus": "promts", "number": 3}), catalog, tmp_path / "plan")
    with pytest.raises(InputError, match=r"14 groups .* fewer than 99 folds"):
        make_plan(mixture(folds={"corpus": "prompts", "number": 99}), catalog, tmp_path / "plan")
    assert not (tmp_path / "plan").exists()
