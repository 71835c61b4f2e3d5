"""The processes of one training: who trains which samples, and sums over all of them.

Started plainly, there is one process and nothing here does anything. `torchrun` and `accelerate launch` start several;
each makes the step's samples from the same seed, trains its share, and all add up their gradients before the update.

Gradients are added by hand, not by DistributedDataParallel: a step's text-only samples reach other parameters than its
audios do, processes may have different numbers of passes or none, and every loss is already divided by the whole
step's tokens. One sum after the last pass is exact for all of that, and waits for nobody inside a pass.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np
import torch
import torch.distributed as dist
from accelerate import Accelerator, PartialState
from torch import Tensor

from curation.reader import rank_of_slot
from manifests.errors import InputError, SettingsError

T = TypeVar("T")
BUCKET = 1 << 26  # gradients summed at a time: 256 MB of float32
KINDS = ("NO", "MULTI_CPU", "MULTI_GPU")  # of accelerate's kinds of training, those that this loop was written for


@dataclass(frozen=True)
class Ranks:
    """This process among all of a training's."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes the run folder."""
        return self.rank == 0

    def local_indices(self, count: int) -> list[int]:
        """Which of a step's `count` samples this process trains: forth and back, as plan readers share draws out."""
        return np.flatnonzero(rank_of_slot(np.arange(count), self.world) == self.rank).tolist()

    def all_reduce(self, values: Tensor) -> None:
        """Sum a tensor over all processes, in place."""
        if self.world > 1:
            dist.all_reduce(values)

    def all_reduce_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Sum gradients over all processes; a parameter that no process has a gradient of keeps none."""
        if self.world == 1:
            return
        for bucket in _buckets(parameters):
            grads = [torch.zeros_like(value) if value.grad is None else value.grad for value in bucket]
            seen = torch.tensor([float(value.grad is not None) for value in bucket], device=bucket[0].device)
            flat = torch.cat([*(grad.reshape(-1) for grad in grads), seen])
            self.all_reduce(flat)
            *sums, seen = torch.split(flat, [*(value.numel() for value in bucket), len(bucket)])
            for value, total, known in zip(bucket, sums, seen.tolist(), strict=True):
                value.grad = total.view_as(value) if known else None

    def any(self, found: bool, device: torch.device) -> bool:
        """Whether any process found it: the same answer in all. device: where the processes exchange tensors."""
        flag = torch.tensor(float(found), device=device)
        self.all_reduce(flag)
        return bool(flag)

    def broadcast(self, values: Iterable[Tensor]) -> None:
        """Give every process the first one's tensors, in place."""
        if self.world > 1:
            for value in values:
                dist.broadcast(value.data, 0)

    def broadcast_object(self, value: T) -> T:
        """The first process's value."""
        if self.world == 1:
            return value
        held = [value]
        dist.broadcast_object_list(held, 0)
        return held[0]

    def gather_objects(self, value: T) -> list[T]:
        """Every process's value, in each of them."""
        if self.world == 1:
            return [value]
        held = [value] * self.world
        dist.all_gather_object(held, value)
        return held

    def on_first(self, work: Callable[[], T]) -> T:
        """What the first process's `work` gives, in all processes.

        Raises:
            InputError: the first one's, in all of them, so that none waits for another.
        """
        answer: T | None = None
        error: InputError | None = None
        if self.first:
            try:
                answer = work()
            except InputError as raised:
                error = raised
        answer, error = self.broadcast_object((answer, error))
        if error is not None:
            raise error
        return cast(T, answer)

    def print_once(self, line: str) -> None:
        """Print a line on standard error, once for all processes."""
        if self.first:
            print(line, file=sys.stderr)

    def barrier(self) -> None:
        """Go on when all processes are here."""
        if self.world > 1:
            dist.barrier()


def join() -> Ranks:
    """This process's place, from what the launcher put into the environment. Later calls give the same."""
    if int(os.environ.get("WORLD_SIZE", "1")) <= 1:
        return Ranks()
    state = PartialState(cpu=not torch.cuda.is_available())
    return Ranks(state.process_index, state.num_processes)


def leave() -> None:
    """Take leave of the other processes, at the end of the program."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and dist.is_initialized():
        dist.destroy_process_group()


def check_kind(accelerator: Accelerator) -> None:
    """Refuse launchers' ways of training that this loop does not know.

    Raises:
        SettingsError: FSDP, DeepSpeed and the like.
    """
    kind = str(accelerator.distributed_type.value)
    if kind not in KINDS:
        raise SettingsError(
            f"Started with accelerate's {kind}; expected plain processes. Start with `torchrun --nproc_per_node N -m "
            "soundwave train ...`, or with `accelerate launch --multi_gpu` without FSDP or DeepSpeed. To divide the "
            "LLM between them set `shard_llm: true`; `micro_batch` and `gradient_checkpointing` save memory too."
        )


def _buckets(parameters: Iterable[Tensor]) -> Iterator[list[torch.Tensor]]:
    """Parameters in groups of about BUCKET numbers."""
    held: list[Tensor] = []
    size = 0
    for value in parameters:
        held.append(value)
        size += value.numel()
        if size >= BUCKET:
            yield held
            held, size = [], 0
    if held:
        yield held
