"""What a run of the trainer is on disk: the names of its files, and run.json, which says what the run is.

RUN/run.json             what the run is, and how far it came; the first file written
RUN/settings.yaml        the stage's settings
RUN/lock.json            the lock of the plan that it trains
RUN/environment.json     machine and package versions
RUN/metrics.jsonl        a row per step
RUN/ledger.jsonl         a row per trained draw, while the run goes on
RUN/ledger.parquet       the same, when it is finished
RUN/checkpoints/         what an interrupted run goes on from
RUN/rows/                what a large plan's training reads of its cuts, while the run goes on
RUN/tensorboard/         metrics as event files
RUN/final/               the model of a finished run

Runs of `soundwave ablate` stand in its output folder, with what they were for:

OUTPUT/plans/KEY/  OUTPUT/runs/STAGE-KEY/  OUTPUT/evaluations/
OUTPUT/GRID/grid.json         what the grid asked, and what it says
OUTPUT/GRID/results.jsonl     a row per cell and stage
OUTPUT/GRID/results.parquet   the same
OUTPUT/GRID/clips.parquet     a row per clip of each; not in all versions
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from manifests.digests import files_of, need_written, write_sealed, written
from manifests.errors import StaleError
from manifests.files import need_file
from manifests.plans import LOCK
from manifests.settings import read_stored
from manifests.switch import settle

RUN, SETTINGS, ENVIRONMENT = "run.json", "settings.yaml", "environment.json"
METRICS, LEDGER, LEDGER_ROWS = "metrics.jsonl", "ledger.parquet", "ledger.jsonl"
CHECKPOINTS, EVENTS, FINAL, ROWS = "checkpoints", "tensorboard", "final", "rows"
WEIGHTS = "adapters.safetensors"  # in final/: what the run trained
GRID, RESULTS, TABLE, CLIPS = "grid.json", "results.jsonl", "results.parquet", "clips.parquet"
PLANS, RUNS, EVALUATIONS = "plans", "runs", "evaluations"

TRAIN_AGAIN = "Train the run again, into another folder."
RENAMED: dict[str, str | None] = {"versions": None}  # keys of earlier versions -> today's; None: they have gone


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
    version: str | None = None
    """Of the code; None: a run made before runs said so."""
    start: str | None = None
    """Fingerprint of the weights that it started from; None: a new model, or not said (see `version`)."""
    skipped: int = 0
    """Steps whose batch was dropped, since a loss or gradient was not finite."""
    catalog: str | None = None
    """Folder of the catalog that the plan draws from; None: not said (see the run's lock.json)."""
    plan_folder: str | None = None
    """Folder of the plan; None: not said."""
    unfit: int = 0
    """Of a finished run: draws whose CTC target needs more frames than they have; the ledger's `reason` says which."""
    bad: int = 0
    """Of a finished run: draws that were left out, since their cuts could not be read; the ledger says why."""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of a finished run: size and checksum of its files by path; empty: made before runs said so."""

    def write(self, folder: Path) -> None:
        """Write run.json."""
        write_sealed(folder / RUN, asdict(self))

    def record(self, folder: Path) -> None:
        """Take down the files of a run that is finished."""
        paths = [folder / name for name in (SETTINGS, LOCK, ENVIRONMENT, METRICS, LEDGER)]
        paths += [path for path in (folder / FINAL).rglob("*") if path.is_file() and not path.name.startswith(".")]
        self.files = {
            path.relative_to(folder).as_posix(): written(path).row() for path in sorted(paths) if path.is_file()
        }


def read_run(folder: Path) -> RunInfo:
    """run.json of a run folder.

    Raises:
        MissingFileError: no run there.
        ManifestError: half a run.json, or one without what this version needs: what, and how to go on.
    """
    settle(folder)
    path = need_file(folder / RUN, what="run", hint="`soundwave train` makes runs.")
    return read_stored(RunInfo, path, go_on=TRAIN_AGAIN, renamed=RENAMED)


def final_model(folder: Path) -> Path:
    """The model that a finished run left; its files are read to see that they are what was written.

    Raises:
        MissingFileError: no run there.
        StaleError: the run has not reached its end.
        DamagedError: a file of the model, or run.json, is not what was written.
    """
    info = read_run(folder)
    if info.status != "done":
        raise StaleError(
            f"{folder} stopped at step {info.step} of {info.steps}. Run the same `soundwave train` again to finish it."
        )
    names = [name for name in info.files if name.startswith(f"{FINAL}/")]
    for name in names or [f"{FINAL}/{WEIGHTS}"]:
        need_run_file(folder, info, name)
    return folder / FINAL


def need_run_file(folder: Path, info: RunInfo, name: str) -> Path:
    """A file of a run, if it is what was written, as far as run.json says what that is.

    Raises:
        DamagedError: it is not.
        MissingFileError: it is missing or empty, and nobody wrote down what it was.
    """
    if name not in info.files:
        return need_file(folder / name, hint=TRAIN_AGAIN)
    record = files_of(folder / RUN, info.files, go_on=TRAIN_AGAIN)
    need_written(folder / name, record[name], go_on=TRAIN_AGAIN)
    return folder / name


def eval_file(split: str) -> str:
    """Name of the file with the error rates on a split."""
    return f"eval-{split}.json"


def metrics_file(split: str) -> str:
    """Name of the file with the other metrics on a split."""
    return f"eval-{split}-metrics.json"


def clips_file(split: str) -> str:
    """Name of the file with the values of single clips that figures on a split are made of."""
    return f"eval-{split}-clips.json"


def examples_file(split: str) -> str:
    """Name of the file with the transcripts of a split's clips."""
    return f"examples-{split}.jsonl"
