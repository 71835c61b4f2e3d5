"""What made a step's loss or gradient not finite: the cuts, and the first module whose output is not finite."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from manifests.runs import METRICS
from soundwave.model.batch import SpeechLLMOutput
from soundwave.train.batches.plan_data import Draw
from soundwave.train.batches.samples import Sample
from soundwave.train.runs.ledger import whole_rows

SHOWN = 20  # cut ids that a message names
SKIPPED = "skipped"  # in a row of metrics: the step's batch was dropped


@dataclass(frozen=True)
class Fault:
    """What one process found in its own passes."""

    cuts: tuple[str, ...]
    """Of the first pass whose output is not finite."""
    frames: tuple[str, ...]
    """Those whose encoder frames are not finite before the model sees them."""
    module: str | None
    """The first module whose output is not finite; None: all are, but not the loss."""


@dataclass
class Watched:
    """The module that was seen first with an output that is not finite, since it was last cleared."""

    module: str | None = None


@contextmanager
def watch(model: nn.Module) -> Iterator[Watched]:
    """Watch the outputs of a model's modules, in the order in which they end. The model's own output is left out."""
    watched = Watched()

    def look(name: str, _module: nn.Module, _inputs: Any, output: Any) -> None:
        if watched.module is None and not is_finite(output):
            watched.module = name

    handles = [module.register_forward_hook(partial(look, name)) for name, module in model.named_modules() if name]
    try:
        yield watched
    finally:
        for handle in handles:
            handle.remove()


def is_finite(value: Any) -> bool:
    """Whether all floating-point tensors in a module's output are finite, whatever holds them."""
    if isinstance(value, Tensor):
        return not value.is_floating_point() or bool(value.isfinite().all())
    if isinstance(value, Mapping):
        return all(map(is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(is_finite, value))
    if is_dataclass(value):
        return all(is_finite(getattr(value, part.name)) for part in fields(value))
    return True


@torch.no_grad()
def find_fault(
    model: nn.Module,
    passes: Sequence[Sequence[int]],
    forward: Callable[[Sequence[int]], SpeechLLMOutput],
    samples: Sequence[Sample],
    draws: Sequence[Draw],
) -> Fault | None:
    """Go through a step's passes again, all of them, and see which is the first that is not finite.

    Args:
        model: what `forward` runs.
        passes: numbers of the samples of each pass.
        forward: runs one pass.
        samples: of the whole step.
        draws: of the whole step.
    """
    found: Fault | None = None
    with watch(model) as watched:
        for numbers in passes:
            watched.module = None
            loss = forward(numbers).loss
            if found is None and (watched.module is not None or not bool(loss.isfinite())):
                part = [samples[number] for number in numbers]
                bad = [sample for sample in part if sample.frames is not None and not _finite_frames(sample)]
                found = Fault(_cuts(part, draws), _cuts(bad, draws), watched.module)
    return found


def _finite_frames(sample: Sample) -> bool:
    return bool(np.isfinite(np.asarray(sample.frames)).all())


def _cuts(samples: Sequence[Sample], draws: Sequence[Draw]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(draws[slot].cut.cut_id for sample in samples for slot in sample.draws))


def bad_gradient(trainable: Mapping[Tensor, str]) -> str | None:
    """The parameter nearest to the loss whose gradient is not finite; `trainable` is in the order of the model."""
    for value, name in reversed(list(trainable.items())):
        if value.grad is not None and not bool(value.grad.isfinite().all()):
            return name
    return None


def explain(step: int, loss: float, faults: Sequence[Fault | None], draws: Sequence[Draw], gradient: str | None) -> str:
    """A message for people: the step, the first module, and the cuts.

    Args:
        step: counted from 0.
        loss: the step's.
        faults: what each process found.
        draws: the step's.
        gradient: the parameter whose gradient is not finite, for a step whose passes forward are.
    """
    fault = next((fault for fault in faults if fault is not None), None)
    what = f"the loss is {loss}" if not np.isfinite(loss) else "the gradient is not finite"
    lines = [f"Step {step}: {what}. The optimiser's step was not taken."]
    if fault is None:
        where = f"the gradient of {gradient}" if gradient else "the gradient's norm"
        cuts = tuple(dict.fromkeys(draw.cut.cut_id for draw in draws))
        return "\n".join([*lines, f"Every module's output is finite; not finite is {where}.", _named("Cuts", cuts)])
    if fault.frames:
        lines.append(_named("Encoder frames that are not finite, before the model sees them", fault.frames))
    lines.append(f"First module whose output is not finite: {fault.module or 'none, only the loss itself'}.")
    return "\n".join([*lines, _named("Cuts of that pass", fault.cuts)])


def _named(title: str, cuts: Sequence[str]) -> str:
    more = f" and {len(cuts) - SHOWN} more" if len(cuts) > SHOWN else ""
    return f"{title}: {', '.join(cuts[:SHOWN])}{more}."


def count_skipped(run: Path, before: int) -> int:
    """How many of a run's first `before` steps had their batch dropped."""
    path = run / METRICS
    rows = whole_rows(path) if path.is_file() else []
    return sum(bool(row.get(SKIPPED)) for row in rows if row["step"] < before)
