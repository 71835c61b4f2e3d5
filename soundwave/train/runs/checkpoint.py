"""Checkpoints: one safetensors file each, written whole or not at all, so that the last good one always stands."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import xxhash
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from manifests.errors import DamagedError
from manifests.files import atomic_write
from manifests.fingerprint import canonical_json

KEEP = 2
NAME = re.compile(r"step-(\d{7})\.safetensors")
MOMENTS = ("exp_avg", "exp_avg_sq")
TRAINING, CHECKSUM = "training", "xxh3_128"  # notes: the run's key; the checksum of all else


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


def save(folder: Path, state: State, stay: Collection[int] = (), *, training: str = "") -> Path:
    """Write a checkpoint into `folder` and remove all but the last KEEP and those after the steps in `stay`.

    training: the run's key. A checkpoint that says another one's is not loaded into this run.
    """
    tensors = {f"weights/{name}": value for name, value in state.weights.items()}
    tensors |= {f"average/{name}": value for name, value in state.average.items()}
    for moment in MOMENTS:
        tensors |= {f"{moment}/{name}": value[moment] for name, value in state.moments.items()}
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    notes = {"step": str(state.step), TRAINING: training}
    notes |= {f"updates/{name}": str(count) for name, count in state.updates.items()}
    target = path(folder, state.step)
    with atomic_write(target) as temporary:
        save_file(tensors, temporary, notes | {CHECKSUM: _checksum(tensors, notes)})
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


def load_last(folder: Path, *, training: str = "", step: int = 0) -> State | None:
    """The newest checkpoint that is what was written; None when there is none. What is damaged is said and left.

    Args:
        folder: of the checkpoints.
        training: the run's key.
        step: the run had a checkpoint after this step: it is said if there is none so young.
    """
    state: State | None = None
    for file in reversed(found(folder)):
        try:
            state = load(file, training=training)
            break
        except DamagedError as error:
            print(error, file=sys.stderr)
    reached = 0 if state is None else state.step
    if reached < step:
        where = f"step {reached}" if reached else "the beginning"
        print(f"{folder}: no whole checkpoint after step {step}; the run goes on from {where}.", file=sys.stderr)
    return state


def load(source: Path, *, training: str = "") -> State:
    """Read one checkpoint.

    Args:
        source: the file.
        training: the key of the run that it is loaded into; "": any.

    Raises:
        DamagedError: it is not what was written, or that of another step or run.
    """
    try:
        return _load(source, training)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError, SafetensorError) as error:
        raise DamagedError(f"{source} is not what was written ({error}). It is not used.") from error


def _load(source: Path, training: str) -> State:
    groups: dict[str, dict[str, Any]] = {"weights": {}, "average": {}, **{moment: {} for moment in MOMENTS}}
    tensors: dict[str, Tensor] = {}
    with safe_open(str(source), framework="pt") as file:
        notes: dict[str, str] = dict(file.metadata())
        for key in file.keys():  # noqa: SIM118 - the reader is no mapping
            tensors[key] = file.get_tensor(key)
    _check(source, tensors, notes, training)
    for key, value in tensors.items():
        group, name = key.split("/", 1)
        groups[group][name] = value
    moments = {name: {moment: groups[moment][name] for moment in MOMENTS} for name in groups[MOMENTS[0]]}
    updates = {key.split("/", 1)[1]: int(count) for key, count in notes.items() if key.startswith("updates/")}
    return State(int(notes["step"]), groups["weights"], groups["average"], moments, updates)


def _check(source: Path, tensors: dict[str, Tensor], notes: dict[str, str], training: str) -> None:
    """Raise ValueError for what is not the checkpoint that its name and its notes say; old ones say less."""
    rest = {name: text for name, text in notes.items() if name != CHECKSUM}
    odd = [name for name in rest if name not in ("step", TRAINING) and not name.startswith("updates/")]
    if odd or (TRAINING in rest) != (CHECKSUM in notes):
        raise ValueError("its notes are damaged")
    if CHECKSUM in notes and notes[CHECKSUM] != _checksum(tensors, rest):
        raise ValueError("its content does not fit its checksum")
    name = NAME.fullmatch(source.name)
    if name is not None and int(name[1]) != int(rest["step"]):
        raise ValueError(f"it was written after step {rest['step']}")
    if training and rest.get(TRAINING, training) != training:
        raise ValueError("it is the checkpoint of another run")


def has_checksum(source: Path) -> bool:
    """Whether a checkpoint says what it was when it was written."""
    with safe_open(str(source), framework="pt") as file:
        return CHECKSUM in file.metadata()


def _checksum(tensors: dict[str, Tensor], notes: dict[str, str]) -> str:
    """32 hex digits (xxh3, 128 bits) of all tensors with their names, types and shapes, and of the notes."""
    digest = xxhash.xxh3_128(canonical_json(notes).encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"\n{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


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
