"""Checkpoints: one safetensors file each, written whole or not at all, so that the last good one always stands."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from manifests.files import atomic_write

KEEP = 2
NAME = re.compile(r"step-(\d{7})\.safetensors")
MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class State:
    """All that the next step depends on, besides settings and plan."""

    step: int
    """Steps done."""
    weights: dict[str, Tensor]
    average: dict[str, Tensor]
    """Running averages (empty without EMA)."""
    moments: dict[str, dict[str, Tensor]]
    """AdamW's averages by parameter (only of parameters that have had a gradient)."""
    updates: dict[str, int]
    """AdamW's step count by parameter."""


def save(folder: Path, state: State, stay: Collection[int] = ()) -> Path:
    """Write a checkpoint into `folder` and remove all but the last KEEP and those after the steps in `stay`."""
    tensors = {f"weights/{name}": value for name, value in state.weights.items()}
    tensors |= {f"average/{name}": value for name, value in state.average.items()}
    for moment in MOMENTS:
        tensors |= {f"{moment}/{name}": value[moment] for name, value in state.moments.items()}
    notes = {"step": str(state.step)} | {f"updates/{name}": str(count) for name, count in state.updates.items()}
    target = path(folder, state.step)
    with atomic_write(target) as temporary:
        save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, temporary, notes)
    prune(folder, stay, last=KEEP)
    return target


def prune(folder: Path, stay: Collection[int] = (), *, last: int = 0) -> None:
    """Remove checkpoints, but not the last `last`, nor those after the steps in `stay`."""
    kept = {path(folder, step) for step in stay}
    files = found(folder)
    for old in files[: len(files) - last]:
        if old not in kept:
            old.unlink()


def path(folder: Path, step: int) -> Path:
    """The checkpoint after `step` steps."""
    return folder / f"step-{step:07d}.safetensors"


def found(folder: Path) -> list[Path]:
    """Whole checkpoints in `folder`, oldest first."""
    files = folder.glob("step-*.safetensors")
    return sorted(file for file in files if NAME.fullmatch(file.name) and file.stat().st_size)


def load_last(folder: Path) -> State | None:
    """The newest checkpoint that can be read; None when there is none."""
    for file in reversed(found(folder)):
        try:
            return load(file)
        except (OSError, ValueError, KeyError, RuntimeError):
            continue  # cut short by a full disk, say: the one before it stands
    return None


def load(source: Path) -> State:
    """Read one checkpoint.

    Raises:
        ValueError: a file that is not whole.
    """
    groups: dict[str, dict[str, Any]] = {"weights": {}, "average": {}, **{moment: {} for moment in MOMENTS}}
    try:
        with safe_open(str(source), framework="pt") as file:
            notes = file.metadata()
            for key in file.keys():  # noqa: SIM118 - the reader is no mapping
                group, name = key.split("/", 1)
                groups[group][name] = file.get_tensor(key)
    except SafetensorError as error:
        raise ValueError(f"{source} is no whole checkpoint ({error})") from error
    moments = {name: {moment: groups[moment][name] for moment in MOMENTS} for name in groups[MOMENTS[0]]}
    updates = {key.split("/", 1)[1]: int(count) for key, count in notes.items() if key.startswith("updates/")}
    return State(int(notes["step"]), groups["weights"], groups["average"], moments, updates)


def optimiser_state(
    optimiser: torch.optim.Optimizer, trainable: dict[Tensor, str]
) -> tuple[dict[str, dict[str, Tensor]], dict[str, int]]:
    """AdamW's moments and step counts by parameter name."""
    moments, updates = {}, {}
    for parameter, values in optimiser.state.items():
        moments[trainable[parameter]] = {moment: values[moment] for moment in MOMENTS}
        updates[trainable[parameter]] = int(values["step"])
    return moments, updates


def restore_optimiser(optimiser: torch.optim.Optimizer, trainable: dict[Tensor, str], state: State) -> None:
    """Put back what `optimiser_state` gave. Fused AdamW counts its steps where the parameter lies."""
    for parameter, name in trainable.items():
        if name in state.moments:
            values: dict[str, Any] = {moment: state.moments[name][moment].to(parameter.device) for moment in MOMENTS}
            count = torch.tensor(float(state.updates[name]), device=parameter.device)
            optimiser.state[parameter] = {"step": count, **values}
