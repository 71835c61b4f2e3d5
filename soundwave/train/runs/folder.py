"""Run folders: load the model that is in one, describe a run that begins, and see whether one can go on."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from manifests.errors import InputError, OccupiedError
from manifests.files import contents, copy_file, listed, move_aside, write_json, write_text
from manifests.plans import LOCK
from manifests.runs import ENVIRONMENT, ROWS, RUN, SETTINGS, RunInfo, final_model, read_run
from manifests.settings import check_settings, stored
from manifests.settings.core_yaml import yaml_text
from manifests.switch import new_place, settle, take_place
from soundwave.train.runs.identity import VERSION, Training, differences
from soundwave.train.settings import RENAMED, RUNTIME_ONLY, StageSettings, with_joins
from soundwave.train.setup import llm_dtype

if TYPE_CHECKING:
    from soundwave.model.speech_llm import SpeechLLM

Existing = Literal["refuse", "resume", "aside"]
PACKAGES = ("torch", "transformers", "peft", "accelerate", "numpy", "onnxruntime", "duckdb", "lhotse")


def load_model(run: Path) -> tuple[SpeechLLM, StageSettings, RunInfo]:
    """A finished run's model, in evaluation mode, its stage's settings, and what the run says about itself.

    Raises:
        MissingFileError, StaleError: no finished run.
        ManifestError: a run.json or settings that this version cannot read.
    """
    from soundwave.model.speech_llm import SpeechLLM

    folder, info = final_model(run), read_run(run)
    model = SpeechLLM.from_pretrained(folder, dtype=llm_dtype(info.precision))
    return model, stored_settings(run, info), info


def stored_settings(run: Path, info: RunInfo) -> StageSettings:
    """The stage's settings that a run was trained with, also those of an earlier version.

    Raises:
        ManifestError: settings that this version does not have, or wrong values: each, and how to go on.
    """
    go_on = "Read the run with the version that made it, or train it again into another folder."
    where = f"{run / RUN}: settings"
    return stored(StageSettings, with_joins(info.settings), where=where, go_on=go_on, renamed=RENAMED)


def claim_run(
    folder: Path, asked: Training, *, plan: Path, parent: Path | None, existing: Existing = "refuse"
) -> tuple[Path, RunInfo | None]:
    """Where to train, and the run there, if it is the training that is asked for; None: it begins.

    Args:
        folder: the run's folder.
        asked: the training.
        plan: folder of its plan.
        parent: folder of the run that it starts from.
        existing: what becomes of another run that is there. `refuse`; `resume`: it goes on if it is the same but for
            the version of the code; `aside`: it stays, and the new one is trained beside it; `take_over` ends that.

    Raises:
        OccupiedError: another run is there, or other files, or a file. Nothing is touched.
    """
    settle(folder)
    held = _held(folder)
    if not held:
        return folder, None
    if not (folder / RUN).exists():
        raise OccupiedError(
            f"{folder} is not a run's folder: it holds {listed(held)} and no {RUN}. Nothing was touched. "
            "Name another folder for the run."
        )
    try:
        info = read_run(folder)
        found = differences(folder, info, asked, plan=plan, parent=parent)
        problem = f"{folder} holds another run, {_progress(info)}. It differs in:\n  " + "\n  ".join(map(str, found))
    except InputError as error:
        info, found, problem = None, [], f"{folder} holds a run that cannot be read. {error}"
    if info is not None and (not found or (existing == "resume" and {row.name for row in found} == {VERSION})):
        return folder, info
    if existing != "aside":
        raise OccupiedError(f"{problem}\nNothing was touched.", movable=True)
    return _beside(folder, asked, plan=plan, parent=parent)


def _held(folder: Path) -> list[Path]:
    """What a folder holds; the rows of a run that was killed before it began are nothing."""
    return [path for path in contents(folder, "a run") if path.name != ROWS]


def _beside(folder: Path, asked: Training, *, plan: Path, parent: Path | None) -> tuple[Path, RunInfo | None]:
    """As `claim_run`, where the run that is there is to make place when this one has ended."""
    place = new_place(folder)
    print(f"{folder}: the run that is there stays until the new one has ended, in {place}", file=sys.stderr)
    if not _held(place):
        return place, None
    try:
        info = read_run(place)
        if not differences(place, info, asked, plan=plan, parent=parent):
            return place, info
    except InputError:
        pass
    move_aside(place)  # another training that was to take the place, and was given up
    return place, None


def take_over(place: Path, folder: Path) -> None:
    """The run that was trained in `place` has ended: it is the one of `folder` now (see `claim_run`)."""
    if place != folder and (old := take_place(folder)) is not None:
        print(f"{folder}: the run that was there is now {old}", file=sys.stderr)


def _progress(info: RunInfo) -> str:
    return "finished" if info.status == "done" else f"stopped at step {info.step} of {info.steps}"


def resumed(folder: Path, asked: StageSettings, init: Path | None) -> tuple[StageSettings, Path | None]:
    """A stored run's own settings, but those that only say how it is computed, and where it started.

    Args:
        folder: the run's folder.
        asked: the settings that say how it is computed (RUNTIME_ONLY).
        init: the run that it starts from, where the stored one has moved; None: as the run says.

    Raises:
        MissingFileError: no run there.
        SettingsError: settings that this version does not have.
    """
    info = read_run(folder)
    values = stored_settings(folder, info).model_dump() | asked.model_dump(include=set(RUNTIME_ONLY))
    start = init or (None if info.parent is None else Path(info.parent))
    return check_settings(StageSettings, values, where=str(folder / RUN)), start


def describe(folder: Path, info: RunInfo, plan: Path) -> None:
    """Write settings.yaml, environment.json and, as the last file of a run that begins (see `begun`), lock.json."""
    write_text(folder / SETTINGS, yaml_text(info.settings))
    write_json(folder / ENVIRONMENT, environment())
    copy_file(plan / LOCK, folder / LOCK)


def begun(folder: Path) -> bool:
    """Whether all that a run begins with is in its folder: a process killed before that began nothing."""
    return (folder / LOCK).is_file()


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
