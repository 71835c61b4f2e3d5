"""Branch off another run: train the part that several runs share once.

With `schedule: wsd` and `warmup_steps`, runs of different lengths have the same learning rates until the shorter one
decays. A run that branches off another's checkpoint there takes over its state, its metrics and its ledger up to that
step, and goes on as if it had trained them itself: the result is bitwise that of the whole run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from manifests.errors import InputError, SettingsError, reading
from manifests.files import need_file, write_jsonl
from manifests.runs import CHECKPOINTS, LEDGER, LEDGER_ROWS, METRICS, RunInfo, final_model, need_run_file, read_run
from soundwave.train.runs.checkpoint import NAME, load, save
from soundwave.train.runs.folder import stored_settings
from soundwave.train.runs.identity import Training
from soundwave.train.runs.ledger import whole_rows
from soundwave.train.schedule import rate
from soundwave.train.settings import RUNTIME_ONLY, StageSettings

FREE = ("schedule", "warmup", "warmup_steps", "decay", "decay_steps", "final")  # what the rates decide
SHOWN = 3


def check_branch(source: Path, asked: Training, steps: int) -> int:
    """The step at which the training `asked` can go on from checkpoint `source`.

    Args:
        source: the checkpoint, in its run's folder.
        asked: the new run's.
        steps: of the new run.

    Raises:
        MissingFileError: no checkpoint there, or no run around it.
        SettingsError: up to that step the other run is not what this one would have been.
    """
    need_file(source, what="checkpoint", hint="The settings' keep_checkpoints names the steps whose checkpoints stay.")
    name = NAME.fullmatch(source.name)
    if name is None:
        raise SettingsError(f"{source} is no checkpoint; expected RUN/{CHECKPOINTS}/step-NNNNNNN.safetensors.")
    step, trunk = int(name[1]), read_run(source.parent.parent)
    settings, theirs = asked.settings, stored_settings(source.parent.parent, trunk)
    odd = sorted(_different(_core(settings), _core(theirs)))
    if not odd and trunk.key != replace(asked, settings=theirs).key:
        odd.append("its plan, the model it starts from, or the version of the code")
    if odd:
        raise SettingsError(f"Cannot branch off {trunk.run}: it differs in {', '.join(odd[:SHOWN])}.")
    if step >= steps:
        raise SettingsError(f"Cannot branch off {trunk.run} after step {step}: this run has {steps} steps.")
    _check_course(settings, steps, theirs, trunk, step)
    return step


def ended_model(source: Path) -> Path | None:
    """The model of the run that a checkpoint is of; None: it has not ended, or is not what was written."""
    try:
        return final_model(source.parent.parent)
    except InputError:
        return None


def _check_course(settings: StageSettings, steps: int, theirs: StageSettings, trunk: RunInfo, step: int) -> None:
    """Refuse a trunk that went another way in its first `step` steps because it is longer or shorter."""
    for number in range(step):
        ours, other = rate(settings.optimiser, number, steps), rate(theirs.optimiser, number, trunk.steps)
        if ours != other:
            raise SettingsError(
                f"Cannot branch off {trunk.run} after step {step}: its learning rate at step {number} is {other:g} of "
                f"the highest, this run's {ours:g}. Use schedule: wsd with warmup_steps, and branch before the decay."
            )
    if _letters(settings, steps, step) != _letters(theirs, trunk.steps, step):
        raise SettingsError(
            f"Cannot branch off {trunk.run} after step {step}: its CTC targets changed at another step."
        )


def adopt(source: Path, folder: Path, info: RunInfo, step: int) -> None:
    """Make the new run folder one that was interrupted after `step` steps.

    Raises:
        DamagedError: the checkpoint, or what the trunk measured, is not what was written.
    """
    trunk = source.parent.parent
    info.branch, info.step = str(source), step
    save(folder / CHECKPOINTS, load(source), [step], training=info.key)
    theirs = read_run(trunk)
    rows = [row for row in whole_rows(need_run_file(trunk, theirs, METRICS)) if row["step"] < step]
    with reading(trunk / METRICS, "the measures of a run, a line a step", go_on="Train the run again."):
        info.seconds, info.cpu_seconds = float(rows[-1]["seconds"]), float(rows[-1]["cpu_seconds"])
    write_jsonl(folder / METRICS, [row | {"steps": info.steps} for row in rows])
    write_jsonl(folder / LEDGER_ROWS, [row | {"run": info.run} for row in _ledger(trunk) if row["step"] < step])


def _ledger(trunk: Path) -> list[dict[str, Any]]:
    if (trunk / LEDGER_ROWS).is_file():
        return whole_rows(trunk / LEDGER_ROWS)
    path = need_run_file(trunk, read_run(trunk), LEDGER)
    with reading(path, "a table of trained draws", go_on="Train the run again."):
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def _core(settings: StageSettings) -> dict[str, Any]:
    """All that must be equal."""
    values = settings.model_dump(mode="json", exclude={*RUNTIME_ONLY, "steps"})
    values["optimiser"] = {name: value for name, value in values["optimiser"].items() if name not in FREE}
    return values


def _different(one: Mapping[str, Any], two: Mapping[str, Any]) -> list[str]:
    return [name for name in one.keys() | two.keys() if one.get(name) != two.get(name)]


def _letters(settings: StageSettings, steps: int, before: int) -> int:
    """How many of the first `before` steps have letters where tokens come later."""
    changes = settings.ctc_units == "letters_then_tokens"
    return min(before, math.ceil(settings.letters_share * steps)) if changes else 0
