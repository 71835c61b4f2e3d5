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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from curation.reader import dealt_to
from manifests.errors import SettingsError

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from torch import Tensor

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

    def share(self, count: int) -> list[int]:
        """Which of a step's `count` samples this process trains; dealt forth and back, as plan readers deal draws."""
        return np.flatnonzero(dealt_to(np.arange(count), self.world) == self.rank).tolist()

    def add(self, values: Tensor) -> None:
        """Sum a tensor over all processes, in place."""
        if self.world > 1:
            import torch.distributed as dist

            dist.all_reduce(values)

    def add_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Sum gradients over all processes; a parameter that no process has a gradient of keeps none."""
        if self.world == 1:
            return
        import torch

        for bucket in _buckets(parameters):
            grads = [torch.zeros_like(value) if value.grad is None else value.grad for value in bucket]
            seen = torch.tensor([float(value.grad is not None) for value in bucket], device=bucket[0].device)
            flat = torch.cat([*(grad.reshape(-1) for grad in grads), seen])
            self.add(flat)
            *sums, seen = torch.split(flat, [*(value.numel() for value in bucket), len(bucket)])
            for value, total, known in zip(bucket, sums, seen.tolist(), strict=True):
                value.grad = total.view_as(value) if known else None

    def copy_first(self, values: Iterable[Tensor]) -> None:
        """Give every process the first one's tensors, in place."""
        if self.world > 1:
            import torch.distributed as dist

            for value in values:
                dist.broadcast(value.data, 0)

    def agree(self, value: T) -> T:
        """The first process's value."""
        if self.world == 1:
            return value
        import torch.distributed as dist

        held = [value]
        dist.broadcast_object_list(held, 0)
        return held[0]

    def say(self, line: str) -> None:
        """Print a line on standard error, once for all processes."""
        if self.first:
            print(line, file=sys.stderr)

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.world > 1:
            import torch.distributed as dist

            dist.barrier()


def join() -> Ranks:
    """This process's place, from what the launcher put into the environment. Later calls give the same."""
    if int(os.environ.get("WORLD_SIZE", "1")) <= 1:
        return Ranks()
    import torch
    from accelerate import PartialState

    state = PartialState(cpu=not torch.cuda.is_available())
    return Ranks(state.process_index, state.num_processes)


def leave() -> None:
    """Take leave of the other processes, at the end of the program."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        import torch.distributed as dist

        if dist.is_initialized():
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
