"""The frozen LLM divided between processes (FSDP): each holds its part of every layer and gathers a layer to use it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from soundwave.train.batches.samples import Sample
from soundwave.train.distributed.processes import Ranks
from soundwave.train.micro_batches import split
from soundwave.train.settings import MicroBatch

if TYPE_CHECKING:
    from soundwave.model.speech_llm import SpeechLLM


def shard_layers(model: SpeechLLM, device: torch.device, ranks: Ranks) -> None:
    """Divide the LLM's layers between the processes and move them to their devices.

    LoRA stays whole in every process, with gradients summed and checkpoints written as without sharding. So do the
    embeddings, which are read outside the LLM's own forward pass.
    """
    if ranks.world == 1:
        return
    from torch.distributed.device_mesh import init_device_mesh  # seconds, which other runs need not wait for
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (ranks.world,))
    for layer in model.llm.model.layers:
        whole = {parameter for name, parameter in layer.named_parameters() if "lora_" in name}
        fully_shard(layer, mesh=mesh, ignored_params=whole)


def fill_up(
    parts: list[list[int]], samples: Sequence[Sample], micro: MicroBatch | None, rate: float, world: int
) -> list[list[int]]:
    """A process's passes, and as many more as the busiest process has: a layer is gathered by all or by none.

    The passes that are added have the step's last sample, and are to weigh nothing.
    """
    every = (split(Ranks(rank, world).local_indices(len(samples)), samples, micro, rate) for rank in range(world))
    return parts + [[len(samples) - 1]] * (max(map(len, every)) - len(parts))
