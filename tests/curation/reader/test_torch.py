from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from curation.reader import PlanBatch, PlanDraw, PlanReader
from curation.reader.torch import PlanBatchSampler, PlanDataset, this_rank
from tests.curation.reader.test_reader import make


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("torch"))


class Ids(Dataset[str]):
    """A dataset that is indexed with draws."""

    def __getitem__(self, draw: PlanDraw) -> str:
        return draw.cut_id


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_loader_gives_the_readers_batches_for_any_number_of_workers(plan: Path, workers: int) -> None:
    reader = PlanReader(plan, rank=1, world=2, start=3)
    loader = DataLoader(PlanDataset(reader), batch_size=None, num_workers=workers)
    assert [batch for batch, _ in loader] == list(reader)
    assert len(loader) == len(reader)


def test_items_are_decoded_and_collated(plan: Path) -> None:
    def lengths(batch: PlanBatch, items: list[float]) -> torch.Tensor:
        return torch.tensor([batch.step, *items])

    reader = PlanReader(plan)
    loader = DataLoader(PlanDataset(reader, lambda draw: draw.seconds, collate=lengths), batch_size=None)
    for found, batch in zip(loader, reader, strict=True):
        assert found.tolist() == pytest.approx([batch.step, *(draw.seconds for draw in batch.draws)])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_batch_sampler_indexes_a_dataset_with_draws(plan: Path, workers: int) -> None:
    reader = PlanReader(plan)
    sampler = PlanBatchSampler(reader)
    loader = DataLoader(Ids(), batch_sampler=sampler, num_workers=workers, collate_fn=list)
    assert list(loader) == [[draw.cut_id for draw in batch.draws] for batch in reader]
    assert len(sampler) == len(reader)


def test_outside_a_job_there_is_one_rank() -> None:
    assert this_rank() == (0, 1)
