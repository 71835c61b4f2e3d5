"""Run folders: load the model that is in one, describe a run that begins, and see whether one can go on."""

from __future__ import annotations

import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
import yaml

from manifests.errors import InputError
from manifests.files import write_json, write_text
from manifests.plans import LOCK
from manifests.runs import (
    CHECKPOINTS,
    ENVIRONMENT,
    EVENTS,
    FINAL,
    LEDGER,
    LEDGER_ROWS,
    METRICS,
    RUN,
    SETTINGS,
    RunInfo,
    final_model,
    read_run,
)
from manifests.settings import stored
from soundwave.model.speech_llm import SpeechLLM
from soundwave.train.settings import RENAMED, StageSettings
from soundwave.train.setup import llm_dtype

PACKAGES = ("torch", "transformers", "peft", "accelerate", "numpy", "onnxruntime", "duckdb", "lhotse")


def load_model(run: Path) -> tuple[SpeechLLM, StageSettings, RunInfo]:
    """A finished run's model, in evaluation mode, its stage's settings, and what the run says about itself.

    Raises:
        MissingFileError, StaleError: no finished run.
        ManifestError: a run.json or settings that this version cannot read.
    """
    folder, info = final_model(run), read_run(run)
    model = SpeechLLM.from_pretrained(folder, dtype=llm_dtype(info.precision))
    return model, stored_settings(run, info), info


def stored_settings(run: Path, info: RunInfo) -> StageSettings:
    """The stage's settings that a run was trained with, also those of an earlier version.

    Raises:
        ManifestError: settings that this version does not have, or wrong values: each, and how to go on.
    """
    go_on = "Read the run with the version that made it, or train it again into another folder."
    return stored(StageSettings, info.settings, where=f"{run / RUN}: settings", go_on=go_on, renamed=RENAMED)


def previous(folder: Path, key: str) -> RunInfo | None:
    """The run already in `folder` if it is the same run; what another run left there is removed."""
    try:
        info: RunInfo | None = read_run(folder)
    except InputError:  # no run.json, or one of another version: nothing to go on from
        info = None
    if info is not None and info.key == key:
        return info
    clear(folder)
    return None


def clear(folder: Path) -> None:
    """Remove what training wrote into `folder`, and nothing else."""
    for name in (FINAL, CHECKPOINTS, EVENTS):
        shutil.rmtree(folder / name, ignore_errors=True)
    names = (RUN, SETTINGS, LOCK, ENVIRONMENT, METRICS, LEDGER_ROWS, LEDGER)
    for path in [*(folder / name for name in names), *folder.glob("eval-*.json*"), *folder.glob("examples-*.jsonl")]:
        path.unlink(missing_ok=True)


def describe(folder: Path, info: RunInfo, plan: Path) -> None:
    """Write settings.yaml, lock.json and environment.json beside run.json."""
    write_text(folder / SETTINGS, yaml.safe_dump(info.settings, sort_keys=False))
    shutil.copyfile(plan / LOCK, folder / LOCK)
    write_json(folder / ENVIRONMENT, environment())
    info.write(folder)


def environment() -> dict[str, Any]:
    """Versions that a result depends on."""
    versions: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "packages": versions,
    }
