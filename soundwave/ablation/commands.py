"""What the processes of an ablation are: the same `soundwave train` and `soundwave eval` that people type."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manifests.errors import InputError
from manifests.files import read_json
from soundwave.ablation.grid import Evaluate

CHILD = (sys.executable, "-m", "soundwave.ablation.child")
RUN, FINAL = "run.json", "final"


@dataclass(frozen=True)
class TrainTask:
    """One training, as files."""

    settings: Path  # YAML of the whole stage
    plan: Path  # folder with plan.parquet and lock.json
    output: Path  # run folder
    init: Path | None  # run folder it starts from


@dataclass(frozen=True)
class EvalTask:
    """One evaluation of one run."""

    run: Path
    catalog: Path
    settings: Evaluate
    decode: tuple[str, ...]


@dataclass(frozen=True)
class Commands:
    """How a training and an evaluation are started. Tests put small scripts here."""

    train: Callable[[TrainTask], tuple[str, ...]]
    evaluate: Callable[[EvalTask], tuple[str, ...]]


def train_command(task: TrainTask) -> tuple[str, ...]:
    """`soundwave train SETTINGS --plan PLAN --output RUN [--init PARENT]`."""
    parent = ("--init", str(task.init)) if task.init else ()
    return (*CHILD, "train", str(task.settings), "--plan", str(task.plan), "--output", str(task.output), *parent)


def eval_command(task: EvalTask) -> tuple[str, ...]:
    """`soundwave eval RUN --catalog DIR --split S --corpus C --min-words N --decode D ... --json`."""
    chosen = task.settings
    where = ("--catalog", str(task.catalog), "--split", chosen.split, "--corpus", chosen.corpus)
    how = ("--min-words", str(chosen.min_words), *(part for name in task.decode for part in ("--decode", name)))
    return (*CHILD, "eval", str(task.run), *where, *how, "--json")


COMMANDS = Commands(train_command, eval_command)


def one_thread() -> dict[str, str]:
    """The environment of a child: one thread each, since that uses the cores of a small machine best."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def is_trained(run: Path) -> bool:
    """Did this run reach its end? `final/` and a whole run.json say so."""
    return (run / FINAL).is_dir() and read_or_none(run / RUN) is not None


def read_or_none(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file, or None when it is missing, half-written or something else."""
    try:
        value = read_json(path)
    except (InputError, OSError):
        return None
    return dict(value) if isinstance(value, Mapping) else None
