"""Whether a sweep that is killed gives the table of one that nobody disturbed, and what a second call costs.

    python -m benchmarks.sweep_killed --json

The trainings are real ones, of the tiny model of `benchmarks.sweep`: stage I (CTC, letters) on synthetic speech, two
sizes and three seeds, run by `soundwave ablate` with two processes side by side. One sweep is not disturbed. Another
one is killed with -9 at three random moments and each time called again. A third one runs on Dask's workers
(`--dask processes`), of which one is killed with -9 while it trains. Then the finished sweep is called once more.

Rows (ratio: how many times better ours is):
    killed_rows         cells and stages whose rows differ from the undisturbed ones in any column but times; target 0.
    killed_clips        rows of the table of clips that differ; target 0.
    killed_rows_worker, killed_clips_worker   the same after a worker was killed.
    killed_left         of the tables that kills left, rows that are not rows of the undisturbed one; target 0.
    rerun_seconds       a call of a finished sweep, which trains nothing: ours; peer: the undisturbed sweep. Target 5 s.
    rerun_cpu_seconds   the same in seconds of processors, which other programs on the machine change less.

The moments, and how many rows each kill left in the table, go to stderr. Modules are compiled once, as where the
project is installed, whatever the environment says. Linux alone (/proc).
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import yaml

from benchmarks.rows import Row, row, show
from benchmarks.sweep import corpus
from benchmarks.tiny_llm import make_tiny_llm
from soundwave.ablation.results import CLIPS, TABLE

KILLS = 3
TIMES = ("wall_seconds", "cpu_seconds")  # columns that say how long something took
SOUNDWAVE = (sys.executable, "-c", "from soundwave.cli import main; main()")
WAIT = 0.05  # seconds between looks
Table = dict[tuple[Any, ...], dict[str, Any]]


def write_grid(root: Path) -> Path:
    """A grid of two sizes and three seeds, with its stage and its mixture."""
    model = {"llm": str(make_tiny_llm(root / "llm")), "stack": 2, "heads": 4, "ctc_vocabulary": "seen", "lora_rank": 2}
    stage = {"stage": "alignment", "model": model, "train": ["alignment", "ctc_head"], "lm_weight": 0.0}
    stage |= {"ctc_weight": 1.0, "ctc_units": "letters", "optimiser": {"learning_rate": 3e-3}, "precision": "fp32"}
    stage |= {"tensorboard": False, "checkpoint_every": 20}
    mixture = {"stage": "alignment", "query": "SELECT cut_id, domain FROM cuts WHERE split = 'train'", "epochs": 2,
               "max_repeats": 2, "shares": {"asr": 1}, "batch": {"seconds": 8.0}}  # fmt: skip
    grid = {"question": "How does the loss fall with hours?", "fractions": [0.5, 1.0], "seeds": [7, 8, 9], "workers": 2}
    grid |= {"arms": {"stage-1": [{"stage": "stage.yaml", "mixture": "mixture.yaml"}]}, "repeats": "matched"}
    grid |= {"outcomes": {"loss": "loss.ctc_loss", "wer": {"metric": "asr.ctc_wer", "corpus": "words"}}}
    for name, values in {"stage": stage, "mixture": mixture, "grid": grid}.items():
        (root / f"{name}.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return root / "grid.yaml"


class Sweeps:
    """Calls of one grid."""

    def __init__(self, root: Path, clips: int, seed: int) -> None:
        """seed: of the moments."""
        self.root, self.moments = root, np.random.default_rng(seed)
        self.catalog, self.grid = corpus(root, clips, 1.5), write_grid(root)

    def start(self, output: str, *more: str) -> subprocess.Popen[str]:
        """`soundwave ablate GRID`; what it prints is in OUTPUT.log."""
        command = [*SOUNDWAVE, "ablate", str(self.grid), "--catalog", str(self.catalog)]
        command += ["--output", str(self.root / output), *more]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(self.root / "compiled")
        with (self.root / f"{output}.log").open("w") as log:
            return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, text=True, env=environment)

    def finish(self, output: str, *more: str) -> tuple[float, float]:
        """A call to its end; the seconds that it took, by the clock and of processors.

        Raises:
            RuntimeError: it failed.
        """
        began, spent = time.monotonic(), processor_seconds()
        self._end(self.start(output, *more), output)
        return time.monotonic() - began, processor_seconds() - spent

    def killed(self, output: str, whole: float) -> Iterator[Table]:
        """Kill calls at random moments, then let one end; gives the table that is there after each kill.

        whole: seconds of a sweep that nobody disturbs.
        """
        for _ in range(KILLS):
            after = float(self.moments.uniform(0.2, 0.5)) * whole
            process = self.start(output)
            try:
                process.wait(after)
                self._say(f"a call ended before it could be killed after {after:.1f} s")
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                left = self.table(output)
                self._say(f"killed after {after:.1f} s; the table has {len(left)} rows")
                yield left
        self.finish(output)

    def worker_killed(self, output: str, whole: float) -> None:
        """A sweep on Dask's workers, one of which is killed while it trains.

        Raises:
            RuntimeError: none was seen to train.
        """
        process = self.start(output, "--dask", "processes", "--workers", "2")
        time.sleep(float(self.moments.uniform(0.2, 0.5)) * whole)
        while process.poll() is None:
            if training := [child for child in descendants(process.pid) if b"\0train\0" in command_of(child)]:
                worker = parent_of(training[0])
                self._say(f"killed the worker {worker} of the training {training[0]}")
                os.kill(worker, signal.SIGKILL)
                break
            time.sleep(WAIT)
        else:
            raise RuntimeError("no worker was seen to train")
        self._end(process, output)

    def table(self, output: str) -> Table:
        """(cell, stage) -> row without times; empty where there is no table."""
        path = self.root / output / "grid" / TABLE
        rows = pq.read_table(path).drop_columns(list(TIMES)).to_pylist() if path.is_file() else []
        return {(row["cell"], row["stage"]): row for row in rows}

    def clips(self, output: str) -> Table:
        """(cell, stage, outcome, clip) -> row."""
        rows = pq.read_table(self.root / output / "grid" / CLIPS).to_pylist()
        return {(row["cell"], row["stage"], row["outcome"], row["item"]): row for row in rows}

    def trained(self, output: str) -> int:
        """How many trainings the last call says that it did."""
        said = re.search(r"(\d+) trained, \d+ reused", (self.root / f"{output}.log").read_text(encoding="utf-8"))
        return int(said[1]) if said else -1

    def _end(self, process: subprocess.Popen[str], output: str) -> None:
        if process.wait():
            raise RuntimeError((self.root / f"{output}.log").read_text(encoding="utf-8")[-4000:])

    @staticmethod
    def _say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)


def processor_seconds() -> float:
    """Of all processes that this one has started and seen end, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def descendants(pid: int) -> list[int]:
    """Processes that a process has started, and those that they have."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        if parent_of(int(path.name)) == pid:
            found += [int(path.name), *descendants(int(path.name))]
    return found


def parent_of(pid: int) -> int:
    """The process that started one; 0: there is no such process."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError):
        return 0


def command_of(pid: int) -> bytes:
    """The words of a process, with a zero byte after each."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def differing(one: Table, other: Table) -> int:
    """Rows that are not the same in both."""
    return sum(one.get(key) != other.get(key) for key in one.keys() | other.keys())


def measure_all(clips: int, seed: int) -> list[Row]:
    """All rows."""
    with tempfile.TemporaryDirectory(prefix="soundwave-") as folder:
        sweeps = Sweeps(Path(folder), clips, seed)
        whole, processors = sweeps.finish("undisturbed")
        expected, of_clips = sweeps.table("undisturbed"), sweeps.clips("undisturbed")
        print(f"undisturbed: {len(expected)} rows, {whole:.1f} s", file=sys.stderr, flush=True)
        strange = sum(expected.get(key) != row for left in sweeps.killed("killed", whole) for key, row in left.items())
        sweeps.worker_killed("dask", whole)
        again, spent = sweeps.finish("killed")
        if count := sweeps.trained("killed"):
            raise RuntimeError(f"a finished sweep was called again, and {count} were trained")
        return [
            row("killed_rows", differing(expected, sweeps.table("killed")), None, "rows"),
            row("killed_clips", differing(of_clips, sweeps.clips("killed")), None, "rows"),
            row("killed_rows_worker", differing(expected, sweeps.table("dask")), None, "rows"),
            row("killed_clips_worker", differing(of_clips, sweeps.clips("dask")), None, "rows"),
            row("killed_left", strange, None, "rows"),
            row("rerun_seconds", again, whole, "s"),
            row("rerun_cpu_seconds", spent, processors, "s"),
        ]


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("--clips", type=int, default=400, help="of the corpus (default 400)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default 0)")
    options = parser.parse_args()
    show(measure_all(options.clips, options.seed), as_json=options.json)


if __name__ == "__main__":
    main()
