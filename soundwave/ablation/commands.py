"""What the processes of an ablation are: the same `soundwave train` and `soundwave eval` that people type."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manifests.errors import InputError
from manifests.files import read_json, read_object
from manifests.plans import LOCK
from manifests.runs import final_model, read_run
from soundwave.ablation.outcomes import Evaluate
from soundwave.evaluate.registry import RATES
from soundwave.train.runs.identity import planned_training
from soundwave.train.settings import StageSettings, load_stage

CHILD = (sys.executable, "-m", "soundwave.cli._child")


@dataclass(frozen=True)
class TrainTask:
    """One training, as files."""

    settings: Path  # YAML of the whole stage
    plan: Path  # folder with plan.parquet and lock.json
    output: Path  # run folder
    init: Path | None  # run folder it starts from
    branch: Path | None = None  # checkpoint that it goes on from


@dataclass(frozen=True)
class EvalTask:
    """One evaluation of one run."""

    run: Path
    catalog: Path
    settings: Evaluate
    decode: tuple[str, ...]
    """How transcripts are read off; empty: error rates are not asked for."""
    metrics: tuple[str, ...] = ()
    """Metrics beside the error rates."""
    also: Path | None = None
    """File of further questions; without decodings and metrics they are all that is asked."""
    clips: Path | None = None
    """Where it writes what each clip gave."""


@dataclass(frozen=True)
class Commands:
    """How a training and an evaluation are started. Tests put small scripts here."""

    train: Callable[[TrainTask], tuple[str, ...]]
    trained: Callable[[TrainTask], bool]
    evaluate: Callable[[EvalTask], tuple[str, ...]]


def train_command(task: TrainTask) -> tuple[str, ...]:
    """`soundwave train SETTINGS --plan PLAN --output RUN --force [--init PARENT] [--branch CHECKPOINT]`.

    --force: a run of other content in that folder is moved aside.
    """
    parent = (
        *(("--init", str(task.init)) if task.init else ()),
        *(("--branch", str(task.branch)) if task.branch else ()),
    )
    where = ("--plan", str(task.plan), "--output", str(task.output), "--force")
    return (*CHILD, "train", str(task.settings), *where, *parent)


def eval_command(task: EvalTask) -> tuple[str, ...]:
    """`soundwave eval RUN --catalog DIR --split S --corpus C --min-words N --decode D ... [--metrics M,...] --json`.

    With further questions also `--also FILE`, and with a place for what each clip gave `--clips FILE`.
    """
    chosen = task.settings
    where: tuple[str, ...] = ("--catalog", str(task.catalog))
    how: tuple[str, ...] = ()
    if task.decode or task.metrics:
        where += ("--split", chosen.split, *(("--corpus", chosen.corpus) if chosen.corpus else ()))
        how = (
            "--min-words",
            str(max(1, chosen.min_words)),
            *(part for name in task.decode for part in ("--decode", name)),
        )
        how += ("--limit", str(chosen.limit)) if chosen.limit else ()
    names = (RATES, *task.metrics) if task.decode else task.metrics
    more: tuple[str, ...] = ("--metrics", ",".join(names)) if task.metrics else ()
    files = (("--also", task.also), ("--clips", task.clips))
    more += tuple(part for option, path in files if path is not None for part in (option, str(path)))
    return (*CHILD, "eval", str(task.run), *where, *how, *more, "--json")


def one_thread() -> dict[str, str]:
    """The environment of a child: one thread each, since that uses the cores of a small machine best."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def is_trained(task: TrainTask) -> bool:
    """Is the finished run in the task's folder this very run? Asked as the trainer itself does before it reuses one."""
    try:
        final_model(task.output)
        return read_run(task.output).key == training_key(load_stage(task.settings), task.plan, task.init)
    except InputError:
        return False


def training_key(settings: StageSettings, plan: Path, init: Path | None) -> str:
    """The key of a training whose plan is made.

    Args:
        settings: the stage.
        plan: folder of its plan.
        init: the run that it starts from; None: a new model.

    Raises:
        MissingFileError, StaleError: no plan, or `init` is not finished.
    """
    start = None if init is None else final_model(init)
    return planned_training(settings, str(read_object(plan / LOCK, "plan_sha256")["plan_sha256"]), start).key


COMMANDS = Commands(train_command, is_trained, eval_command)


def read_or_none(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file, or None when it is missing, half-written or something else."""
    try:
        value = read_json(path)
    except (InputError, OSError):
        return None
    return dict(value) if isinstance(value, Mapping) else None
