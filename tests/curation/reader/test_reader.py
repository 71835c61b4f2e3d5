from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.plan import make_plan
from curation.plan.mixture import Mixture
from curation.reader import PlanBatch, PlanReader
from manifests.errors import InputError, StaleError
from manifests.settings import check_settings
from tests.curation.synthetic_catalog import cut, text_row, write_catalog
from tests.editing import edit

WORLDS = [1, 2, 3, 8]


def make(folder: Path, *, cuts: int = 90, seconds: float = 12.0) -> Path:
    """A plan of two domains whose rows are 0.5 to 8 s long, and text-only rows."""
    rows = [cut(f"a{n:03}", task="asr", duration=0.5 + (n * 7919 % 76) / 10) for n in range(cuts)]
    rows += [text_row(f"q{n:03}", text="why " * (1 + n % 9)) for n in range(30)]
    write_catalog(folder / "catalog", rows)
    mixture = check_settings(
        Mixture,
        {
            "stage": "sft",
            "query": "SELECT cut_id, task AS domain FROM cuts",
            "budget": 300 / 3600,
            "shares": {"asr": 0.9, "qa": 0.1},
            "max_repeats": 4,
            "batch": {"seconds": seconds},
            "window": 4,
        },
        where="test",
    )
    make_plan(mixture, folder / "catalog", folder / "plan")
    return folder / "plan"


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("reader"))


@pytest.fixture(scope="module")
def split_plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same plan in row groups of 7 rows, which cut steps in two."""
    plan = make(tmp_path_factory.mktemp("split"))
    table = pq.read_table(plan / "plan.parquet")
    pq.write_table(table, plan / "plan.parquet", row_group_size=7)
    return plan


def rows(plan: Path) -> list[tuple[Any, ...]]:
    return [(*row.values(), None) for row in pq.read_table(plan / "plan.parquet").to_pylist()]


def trained(batches: list[PlanBatch]) -> list[tuple[Any, ...]]:
    return [tuple(draw) for batch in batches if not batch.padding for draw in batch.draws]


@pytest.mark.parametrize("world", WORLDS)
def test_the_union_of_the_ranks_is_the_plan_once_each(plan: Path, world: int) -> None:
    ranks = [list(PlanReader(plan, rank=rank, world=world)) for rank in range(world)]
    everything = [row for batches in ranks for row in trained(batches)]
    assert sorted(everything) == sorted(rows(plan))
    assert len({len(batches) for batches in ranks}) == 1
    assert [batch.step for batch in ranks[0]] == list(range(len(ranks[0])))


@pytest.mark.parametrize("world", WORLDS)
def test_every_rank_has_draws_in_every_step_and_padding_weighs_nothing(plan: Path, world: int) -> None:
    readers = [PlanReader(plan, rank=rank, world=world) for rank in range(world)]
    for batches in zip(*readers, strict=True):
        assert all(batch.draws for batch in batches)
        weight = sum(sum(batch.weights) for batch in batches)
        assert {batch.step_draws for batch in batches} == {weight}


def test_padding_happens_here_and_is_the_steps_shortest_draw(plan: Path) -> None:
    padded = [b for rank in range(8) for b in PlanReader(plan, rank=rank, world=8) if b.padding]
    assert padded
    for batch in padded:
        whole = PlanReader(plan).batch(batch.step)
        assert batch.draws == (min(whole.draws, key=lambda draw: draw.slot),)
        assert batch.draws[0].seconds == min(draw.seconds for draw in whole.draws)


def test_ranks_get_like_amounts_of_audio(tmp_path: Path) -> None:
    """Draws of 1, 2, ..., 8 s in one step: forth and back over two ranks gives 18 s each."""
    write_catalog(tmp_path / "catalog", [cut(f"c{n}", duration=float(n)) for n in range(1, 9)])
    asked = {"stage": "sft", "query": "SELECT cut_id, domain FROM cuts", "epochs": 1, "shares": {"asr": 1}}
    asked |= {"batch": {"seconds": 36}, "window": 1}
    make_plan(check_settings(Mixture, asked, where="test"), tmp_path / "catalog", tmp_path / "plan")
    for rank in (0, 1):
        (batch,) = PlanReader(tmp_path / "plan", rank=rank, world=2)
        assert sum(draw.seconds for draw in batch.draws) == 18


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(world=st.sampled_from(WORLDS), rank=st.integers(0, 7), start=st.integers(0, 30), workers=st.integers(1, 4))
def test_resume_and_workers_give_the_same_batches(
    split_plan: Path, world: int, rank: int, start: int, workers: int
) -> None:
    rank %= world
    whole = list(PlanReader(split_plan, rank=rank, world=world, check=False))
    start = min(start, len(whole))
    resumed = PlanReader(split_plan, rank=rank, world=world, start=start, check=False)
    assert len(resumed) == len(whole) - start
    parts = [list(resumed.part(worker, workers)) for worker in range(workers)]
    turns = [batch for turn in itertools.zip_longest(*parts) for batch in turn if batch is not None]
    assert turns == whole[start:]


@pytest.mark.parametrize("block", [1, 5, 10_000])
def test_blocks_and_row_groups_do_not_show(
    plan: Path, split_plan: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    expected = list(PlanReader(plan, rank=1, world=3))
    monkeypatch.setattr("curation.reader.BLOCK", block)
    assert list(PlanReader(split_plan, rank=1, world=3, check=False)) == expected


def test_one_step_by_its_number(split_plan: Path) -> None:
    reader = PlanReader(split_plan, rank=2, world=3, check=False)
    for step, batch in enumerate(reader):
        assert reader.batch(step) == batch


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(start=st.integers(0, 80), workers=st.integers(1, 4), epochs=st.integers(1, 3))
def test_epochs_count_on_and_resume_applies_once(split_plan: Path, start: int, workers: int, epochs: int) -> None:
    once = [batch.draws for batch in PlanReader(split_plan, check=False)]
    start = min(start, epochs * len(once))
    reader = PlanReader(split_plan, start=start, epochs=epochs, check=False)
    assert len(reader) == epochs * len(once) - start
    parts = [list(reader.part(worker, workers)) for worker in range(workers)]
    turns = [batch for turn in itertools.zip_longest(*parts) for batch in turn if batch is not None]
    assert [batch.draws for batch in turns] == (once * epochs)[start:]
    assert [batch.step for batch in turns] == list(range(start, epochs * len(once)))
    if turns:
        assert reader.batch(start) == turns[0]


def test_resume_reads_only_the_row_groups_it_needs(split_plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = PlanReader(split_plan, check=False)
    groups: list[int] = []
    read = pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        pq.ParquetFile, "read_row_group", lambda self, i, **kw: (groups.append(i), read(self, i, **kw))[1]
    )
    last = reader.lock.steps - 1
    assert reader.batch(last).step == last
    total = pq.ParquetFile(split_plan / "plan.parquet").num_row_groups
    assert len(groups) <= 3 < total


def test_a_plan_without_statistics_reads_the_same(split_plan: Path, tmp_path: Path) -> None:
    expected = list(PlanReader(split_plan, start=5, check=False))
    (tmp_path / "lock.json").write_bytes((split_plan / "lock.json").read_bytes())
    table = pq.read_table(split_plan / "plan.parquet")
    pq.write_table(table, tmp_path / "plan.parquet", row_group_size=7, write_statistics=False)
    assert list(PlanReader(tmp_path, start=5, check=False)) == expected


def test_a_checkpoint_goes_on_with_another_number_of_ranks(plan: Path) -> None:
    state = PlanReader(plan, rank=1, world=2).state_dict(7)
    reader = PlanReader(plan, rank=0, world=3)
    reader.load_state_dict(state)
    assert next(iter(reader)) == PlanReader(plan, rank=0, world=3).batch(7)


def test_another_plans_checkpoint_is_refused(plan: Path) -> None:
    with pytest.raises(StaleError, match="plan"):
        PlanReader(plan).load_state_dict({"plan_sha256": "0" * 64, "step": 0})


def test_a_changed_plan_or_catalog_is_refused(tmp_path: Path) -> None:
    plan = make(tmp_path)
    PlanReader(plan)
    write_catalog(tmp_path / "catalog", [cut("other")])
    with pytest.raises(StaleError, match="catalog"):
        PlanReader(plan)
    PlanReader(plan, check=False)
    pq.write_table(pq.read_table(plan / "plan.parquet").slice(1), plan / "plan.parquet")
    with pytest.raises(StaleError, match="not the plan"):
        PlanReader(plan)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"rank": 2, "world": 2}, "rank 2 of 2"),
        ({"rank": -1, "world": 2}, "rank -1"),
        ({"rank": 0, "world": 0}, "rank 0 of 0"),
        ({"start": -1}, "start"),
        ({"epochs": 0}, "epochs is 0"),
        ({"start": 10_000}, "cannot start at step 10000"),
    ],
)
def test_places_that_cannot_be_are_refused(plan: Path, asked: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        PlanReader(plan, **asked)


def test_the_end_of_a_plan_is_an_empty_reader(plan: Path) -> None:
    reader = PlanReader(plan, start=PlanReader(plan).lock.steps)
    assert len(reader) == 0
    assert list(reader) == []


@pytest.mark.parametrize(("worker", "workers"), [(2, 2), (-1, 1), (0, 0)])
def test_workers_that_cannot_be_are_refused(plan: Path, worker: int, workers: int) -> None:
    with pytest.raises(InputError, match="expected 0 <= worker"):
        PlanReader(plan).part(worker, workers)


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=20), world=st.sampled_from(WORLDS), group=st.integers(1, 9)
)
def test_any_sizes_of_steps_and_row_groups(
    plan: Path, tmp_path_factory: pytest.TempPathFactory, sizes: list[int], world: int, group: int
) -> None:
    """Against an oracle: plain Python over a list of steps."""
    folder = tmp_path_factory.mktemp("sizes")
    table = [
        {"step": n, "slot": s, "cut_id": f"{n}-{s}", "domain": "d", "repeat": 0, "units": 1.0, "seconds": float(s)}
        for n, size in enumerate(sizes)
        for s in range(size)
    ]
    schema = pq.read_schema(plan / "plan.parquet")
    pq.write_table(pa.Table.from_pylist(table, schema=schema), folder / "plan.parquet", row_group_size=group)
    (folder / "lock.json").write_bytes((plan / "lock.json").read_bytes())
    edit(folder / "lock.json", steps=len(sizes))
    for rank in range(world):
        deck = list(range(world)) + list(range(world))[::-1]
        for batch, size in zip(PlanReader(folder, rank=rank, world=world, check=False), sizes, strict=True):
            mine = [s for s in range(size) if deck[s % len(deck)] == rank]
            assert [draw.slot for draw in batch.draws] == (mine or [0])
            assert batch.padding == (not mine)
