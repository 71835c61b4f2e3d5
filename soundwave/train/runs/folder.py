"""A run folder: what it says about itself, and whether it can be reused or resumed."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from manifests.errors import InputError, ManifestError, StaleError
from manifests.files import need_file, read_json, write_json, write_text

RUN, FINAL, CHECKPOINTS, EVENTS = "run.json", "final", "checkpoints", "tensorboard"
WEIGHTS = "adapters.safetensors"
PACKAGES = ("torch", "transformers", "peft", "accelerate", "numpy", "onnxruntime", "duckdb", "lhotse")


@dataclass
class RunInfo:
    """run.json. Times cover every session that worked on the run; a step done twice counts twice."""

    run: str
    stage: str
    key: str
    """Fingerprint of settings, plan, code version and what the run started from: equal keys, equal runs."""
    plan: str
    """Fingerprint of plan.parquet."""
    parent: str | None
    """Folder of the run that it started from."""
    steps: int
    status: Literal["running", "done"] = "running"
    step: int = 0
    """Steps done."""
    seconds: float = 0.0
    """Wall time."""
    cpu_seconds: float = 0.0
    """Processor time, of the first process."""
    precision: str = "fp32"
    trainable: int = 0
    """Parameters that learn."""
    branch: str | None = None
    """The checkpoint of another run that this one began with; the times include the other's up to there."""
    settings: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write run.json."""
        write_json(folder / RUN, asdict(self))


def read_run(folder: Path) -> RunInfo:
    """run.json of a run folder.

    Raises:
        MissingFileError: no run there.
        ManifestError: a run.json of another version.
    """
    path = need_file(folder / RUN, what="run", hint="`soundwave train` makes runs.")
    try:
        return RunInfo(**read_json(path))
    except TypeError as error:
        raise ManifestError(f"{path} is no run of this version ({error}). Train it again.") from error


def final_model(folder: Path) -> Path:
    """The model that a finished run left.

    Raises:
        MissingFileError: no run there.
        StaleError: the run has not reached its end.
    """
    info = read_run(folder)
    if info.status != "done" or not (folder / FINAL / WEIGHTS).is_file():
        raise StaleError(
            f"{folder} stopped at step {info.step} of {info.steps}. Run the same `soundwave train` again to finish it."
        )
    return folder / FINAL


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
    names = (RUN, "settings.yaml", "lock.json", "environment.json", "metrics.jsonl", "ledger.jsonl", "ledger.parquet")
    for path in [*(folder / name for name in names), *folder.glob("eval-*.json*"), *folder.glob("examples-*.jsonl")]:
        path.unlink(missing_ok=True)


def describe(folder: Path, info: RunInfo, plan: Path) -> None:
    """Write settings.yaml, lock.json and environment.json beside run.json."""
    import yaml

    write_text(folder / "settings.yaml", yaml.safe_dump(info.settings, sort_keys=False))
    shutil.copyfile(plan / "lock.json", folder / "lock.json")
    write_json(folder / "environment.json", environment())
    info.write(folder)


def environment() -> dict[str, Any]:
    """Versions that a result depends on."""
    import torch

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
